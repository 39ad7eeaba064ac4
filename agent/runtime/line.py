"""The line to the monitor: made while the inputs are watched already, and anew when it changes."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agent.config.sitefile import SiteFile
from agent.journal.journal import Journal
from agent.journal.record import Recorded
from agent.runtime.clock import Clock
from agent.site.inputs import Input
from agent.site.step import Answer
from agent.uplink.worker import Worker

if TYPE_CHECKING:
    from agent.site.site import Site
    from agent.uplink.uplink import Uplink

CLOSE_S = 3.5  # its own limits come to some three


class Line:
    """Holds the uplink of a site file. All methods are the loop's.

    What the uplink is made of takes a tenth of a second to import, and longer from a cold card;
    nothing that is watched waits for it. What is recorded until then is late for it, and read
    from the record: the journal is the queue.

    Attributes:
        uplink: None until it is there.

    Args:
        file: what there is; a desk belongs to it where operators are named.
        journal: what is sent.
        put: takes news of paths, and commands.
        clock: by which commands are judged ...
        site: ... and which knows how late it has been before.
        birth: what the gateway says of itself.
        loop: runs it all.
    """

    def __init__(
        self,
        file: SiteFile,
        journal: Journal,
        put: Callable[[Input], None],
        clock: Clock,
        site: Site,
        birth: Callable[[], Mapping[str, Any]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.uplink: Uplink | None = None
        self._file = file
        self._journal = journal
        self._put = put
        self._clock = clock
        self._site = site
        self._birth = birth
        self._loop = loop
        self._changing = asyncio.Lock()
        self._early: list[Callable[[Uplink], None]] = []  # what cannot be read from the record

    async def open(self) -> None:
        """Make the uplink and have it connect."""
        async with self._changing:
            loader = Worker("uplink's libraries", self._loop)
            await loader.run(lambda: _load(desk=bool(self._file.operators)))
            loader.stop()
            self.uplink = self._made()
            self.uplink.start()
            early, self._early = self._early, []
            for say in early:
                say(self.uplink)

    def keep(self, file: SiteFile) -> Coroutine[Any, Any, None] | None:
        """Be the line of another site file from now on; return what changes it, if it changes."""
        before, self._file = self._file, file
        if self.uplink is None or (
            self.uplink.portrait.birth == self._birth() and _is_same(file, before)
        ):
            return None
        return self._change()

    async def _change(self) -> None:
        """Go over to other paths and operators. The journal is the queue: nothing is lost."""
        async with self._changing:
            before, self.uplink = self.uplink, self._made()
            if before is not None:
                self.uplink.portrait.retained = before.portrait.retained
                await asyncio.wait([asyncio.ensure_future(before.close())], timeout=CLOSE_S)
            self.uplink.start()

    def _made(self) -> Uplink:
        from agent.uplink.uplink import Uplink

        site, desk = self._file.plan.site, None
        if operators := self._file.operators:
            from agent.uplink.desk import Desk

            believed_us = self._site.believed_us
            desk = Desk(site.id, operators, self._clock.now, believed_us, self._put, self._loop)
        uplink = Uplink(
            site.id, self._file.paths, self._journal, self._put, self._loop, desk, site.alarms_on
        )
        uplink.describe(self._birth())
        return uplink

    def describe(self) -> None:
        """Say anew what the gateway is."""
        if self.uplink is not None:
            self.uplink.describe(self._birth())

    def committed(self, rows: Sequence[Recorded]) -> None:
        """Send rows that are on the disk now."""
        if self.uplink is not None:
            self.uplink.committed(rows)

    def unrecorded(self, body: bytes, ref: str) -> None:
        """Send an alarm that could not wait for the disk."""
        self._say(lambda uplink: uplink.unrecorded(body, ref))

    def checkpoint(self, note: str) -> None:
        """Hand over a signed checkpoint of the record."""
        self._say(lambda uplink: uplink.checkpoint(note))

    def _say(self, say: Callable[[Uplink], None]) -> None:
        if self.uplink is not None:
            say(self.uplink)
        else:
            self._early.append(say)

    def answered(self, answer: Answer) -> None:
        """Tell a command's sender what was decided."""
        if self.uplink is not None:
            self.uplink.answered(answer)

    def status(self) -> dict[str, Any]:
        """Return how each path is, by its id."""
        return self.uplink.status() if self.uplink is not None else {}

    async def close(self) -> None:
        """Say goodbye and end."""
        if self.uplink is not None:
            await asyncio.wait([asyncio.ensure_future(self.uplink.close())], timeout=CLOSE_S)


def _load(*, desk: bool) -> None:
    """Import, off the loop, what the uplink is made of."""
    importlib.import_module("agent.uplink.uplink")
    if desk:
        importlib.import_module("agent.uplink.desk")


def _is_same(one: SiteFile, other: SiteFile) -> bool:
    """Return whether two site files have the same line."""
    site, other_site = one.plan.site, other.plan.site
    same = one.paths == other.paths and one.operators == other.operators
    return same and site.alarms_on == other_site.alarms_on
