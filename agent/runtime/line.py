"""The line to the monitor, as a site file has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.config.sitefile import SiteFile
from agent.journal.journal import Journal
from agent.runtime.clock import Clock
from agent.site.inputs import Input

if TYPE_CHECKING:
    from agent.uplink.uplink import Uplink


def is_same(one: SiteFile, other: SiteFile) -> bool:
    """Return whether two site files have the same line."""
    site, other_site = one.plan.site, other.plan.site
    same = one.paths == other.paths and one.operators == other.operators
    return same and site.alarms_on == other_site.alarms_on


def make_uplink(
    file: SiteFile,
    journal: Journal,
    put: Callable[[Input], None],
    clock: Clock,
    loop: asyncio.AbstractEventLoop,
) -> Uplink:
    """Return the uplink of a site file; a desk belongs to it where operators are named.

    Args:
        file: what there is.
        journal: what is sent.
        put: takes news of paths, and commands.
        clock: by which commands are judged.
        loop: runs it all.
    """
    # paho takes 60 ms, and inputs are not to wait
    from agent.uplink.desk import Desk
    from agent.uplink.uplink import Uplink

    site, operators = file.plan.site, file.operators
    desk = Desk(site.id, operators, clock.now, put, loop) if operators else None
    return Uplink(site.id, file.paths, journal, put, loop, desk, site.alarms_on)
