"""A start of the daemon. Light to import: what takes long is loaded once the hosts load theirs."""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from agent.config.document import Document, read
from agent.control import socket_path
from agent.runtime.ahead import Ahead
from agent.runtime.clock import SYNCHRONISED

DEFAULT_SITE = "/etc/armoury/site.toml"
DEFAULT_DATA = "/var/lib/armoury"
# The status by which systemd/armoury-agent.service knows to switch the machine off.
EXHAUSTED = 75


class NotStarted(Exception):
    """The daemon cannot run, or not any more; the text says what to do."""


class Told(Struct, frozen=True):
    """What `armoury run` is told.

    Attributes:
        site: the site file.
        data: the folder of the record.
        socket: where the control socket is put.
        synchronised: the file that is there once the clock is set.
        verbose: log what is only of use when looking for a fault.
    """

    site: Path
    data: Path
    socket: Path
    synchronised: Path
    verbose: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Path | None], *, verbose: bool = False) -> Told:
        """Add to what is given what the environment says, or what is so on a gateway."""

        def path(name: str, variable: str, default: str | Path) -> Path:
            return given.get(name) or Path(os.environ.get(variable, default))

        site = path("site", "ARMOURY_SITE", DEFAULT_SITE)
        data = path("data", "STATE_DIRECTORY", DEFAULT_DATA)
        synchronised = path("synchronised", "ARMOURY_SYNCHRONISED", SYNCHRONISED)
        return cls(site, data, socket_path(given.get("socket")), synchronised, verbose)


def start(told: Told) -> int:
    """Run the daemon until it is told to stop; return the exit status.

    Raises:
        SiteFileMistakes: everything that is wrong with the site file.
        NotStarted: the data folder or the socket cannot be used.
    """
    document = read(told.site)
    gc.disable()  # until all stands: hardly anything that a start makes is garbage
    try:
        with Ahead(document.tree) as ahead:  # hosts load their libraries while we load ours
            return _run(told, document, ahead)
    finally:
        gc.enable()


def _run(told: Told, document: Document, ahead: Ahead) -> int:
    import asyncio
    import logging

    from agent.config.sitefile import checked

    file = checked(told.site, document)
    # The runtime is imported after the site file is known to be good: a mistake shows at once.
    from agent.journal.errors import JournalError
    from agent.runtime import logs
    from agent.runtime.control import SocketUnusable
    from agent.runtime.daemon import Daemon

    logs.set_up(verbose=told.verbose)
    for warning in file.warnings:
        logging.getLogger(__name__).warning("%s", warning)
    try:
        daemon = Daemon(file, told.site, told.data, told.socket, told.synchronised, ahead)
        asyncio.run(daemon.run())
    except (JournalError, SocketUnusable) as error:
        raise NotStarted(str(error)) from error
    return EXHAUSTED if daemon.exhausted else 0
