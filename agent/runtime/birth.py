"""What the gateway says of itself when it comes: what there is, and what may be asked of it."""

from __future__ import annotations

import logging
from typing import Any

from agent.config.sitefile import SiteFile
from agent.journal.errors import JournalError
from agent.journal.journal import Journal
from agent.site.moment import Moment

ALWAYS = ("repeat", "proof", "leaves")

log = logging.getLogger(__name__)


def birth(file: SiteFile, journal: Journal, version: str, started: Moment) -> dict[str, Any]:
    """Return it, as the contract has it.

    Args:
        file: the site's.
        journal: its record.
        version: of the software.
        started: when this process began.
    """
    from agent.uplink.feed import FEED_VERSION

    plan = file.plan
    return {
        "feed": FEED_VERSION,
        "version": version,
        "name": plan.site.name,
        "boot": started.boot,
        "started": started.utc_us,
        "vkey": journal.vkey,
        **_past(journal),
        "capabilities": [*ALWAYS, *(("commands",) if file.operators else ())],
        "devices": {device.id: device.driver for device in file.devices},
        "areas": [area.id for area in plan.area],
        "doors": {door.id: door.area for door in plan.door},
        "zones": {zone.id: zone.area for zone in plan.zone},
        "panics": {panic.id: panic.area for panic in plan.panic},
        "racks": {rack.id: rack.area for rack in plan.rack},
        "cameras": {camera.id: camera.area for camera in plan.camera},
    }


def _past(journal: Journal) -> dict[str, Any]:
    """Return by what statements the record's key and the record itself follow on others."""
    try:
        rotations = [{"from": seq, "statement": text} for seq, text in journal.rotations()]
        return {"rotations": rotations, "statement": journal.statement()}
    except JournalError as error:  # the disk; the monitor hears the same from the events
        log.warning("the birth does not tell of the record's past: %s", error)
        return {}
