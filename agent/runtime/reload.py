"""Another site file in the middle of a run: read, checked, offered to the site, and then lived by.

The site decides; until it has and that is on the disk, the present file holds. See ADR 11.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Protocol

from agent.config.mistakes import SiteFileMistakes
from agent.config.sitefile import SiteFile, load
from agent.config.weakening import weakened
from agent.site.inputs import Configured, Input
from agent.site.step import Answer
from agent.uplink.worker import Worker

log = logging.getLogger(__name__)


class House(Protocol):
    """The daemon, as a reload needs it."""

    @property
    def file(self) -> SiteFile:
        """The site file that holds now."""

    def put(self, what: Input) -> None: ...

    def number(self) -> tuple[str, int]:
        """Return the id of the next command, and the present instant (monotonic)."""

    def configure(self, file: SiteFile) -> None:
        """Live by another site file; the site does already."""


class Reload:
    """Offers the site file, as it stands in its place now. All methods are the loop's.

    Args:
        path: where it stands.
        house: what lives by it.
        loop: runs it all.
    """

    def __init__(self, path: Path, house: House, loop: asyncio.AbstractEventLoop) -> None:
        self._path = path
        self._house = house
        self._worker = Worker("site file", loop)
        self._offered: dict[str, SiteFile] = {}

    async def offer(self, by: str) -> str:
        """Read and check the site file and offer it; return the id that the answer will bear.

        Raises:
            SiteFileMistakes: all that is wrong with it; the present one goes on.
        """
        file = await self._worker.run(lambda: load(self._path))
        number, at_us = self._house.number()
        self._offered[number] = file
        weaker = tuple(weakened(self._house.file, file))
        paths = tuple(path.id for path in file.paths)
        self._house.put(Configured(number, by, file.plan, file.digest(), weaker, paths, at_us))
        return number

    async def hang_up(self) -> None:
        """Take a SIGHUP: what comes of it is logged, and told by events."""
        try:
            await self.offer("signal")
        except SiteFileMistakes as error:
            log.error("%s", error)  # noqa: TRY400 - whose fault it is, its text says

    def answered(self, answer: Answer) -> None:
        """Take the site's answer, if it is to an offer."""
        file = self._offered.pop(answer.command, None)
        if file is None:
            return
        if answer.accepted:
            for warning in file.warnings:
                log.warning("%s", warning)
            log.info("the site file was read anew and holds now")
            self._house.configure(file)
        else:
            log.warning("the site file was read anew and does not hold: %s", answer.reason)

    def stop(self) -> None:
        """Read nothing any more."""
        self._worker.stop()
