"""Takes what cameras kept out of their spools into the evidence store, and keeps that in bounds.

A host answers an action with a file in its spool. The answer reaches the site only when the file
is in the store, under the digest that the event will bear; all of it is done beside the loop, so
nothing ever waits for it. Hosts know nothing of the store, and the site nothing of files.

What is given up is recorded first and removed then. There is one exception, when the disk is so
full that the record itself cannot be written: evidence goes at once, and that is recorded after.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from agent.config.sitefile import SiteFile
from agent.journal import surplus
from agent.journal.ageing import settled
from agent.journal.errors import JournalError, StorageCorrupt
from agent.journal.evidence import DROPPED, Evidence
from agent.journal.reading import Reader
from agent.journal.record import Batch, Entry
from agent.journal.surplus import Item
from agent.runtime.clock import Clock
from agent.site.inputs import ActionAnswered, Input, Json, Outcome
from agent.site.moment import Moment
from agent.site.step import Event, Severity
from agent.site.value import replace
from agent.uplink.worker import Worker

log = logging.getLogger(__name__)

SPOOL = "spool"
PIECE = 1 << 20
FIRST_S = 30.0  # a start has more urgent things to do
TIDY_S = 3600.0
CLOSE_S = 2.0
MOST_NAMED = 100  # files in one event
LEFT_S = 600.0  # a clip is written to several times a second
URGENT = 64 << 20  # bytes that are given up when the record cannot be written


class House(Protocol):
    """The daemon, as the evidence needs it."""

    def put(self, what: Input) -> None: ...

    def record(self, batch: Batch) -> asyncio.Future[None]:
        """Record a batch: done when it is on the disk."""

    def open_alarms(self) -> frozenset[str]:
        """Return the ids of all open alarms."""

    def damaged(self, error: StorageCorrupt) -> None:
        """Hear that the record is not what was written; not on the loop."""


class EvidenceKeeper:
    """The evidence of one site.

    Args:
        folder: of the record.
        file: says how much of it may be kept, and of each camera for how long.
        house: is told, and records.
        clock: the gateway's.
        loop: runs it.
    """

    def __init__(
        self,
        folder: Path,
        file: SiteFile,
        house: House,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._folder = folder
        self._evidence = Evidence(folder, quota=0)
        self.keep(file)
        self._house = house
        self._clock = clock
        self._worker = Worker("evidence", loop)
        self._taking: set[asyncio.Future[ActionAnswered]] = set()
        self._due = asyncio.Event()

    def keep(self, file: SiteFile) -> None:
        """Keep it by another site file from now on."""
        self._evidence.quota = file.record.policy().evidence
        self._keep_d = {camera.id: camera.keep_d for camera in file.plan.camera}

    def spool(self, device: str) -> Path:
        """Return a device's spool, empty. To be called before its host is started.

        What lies there is of a run that ended before it was asked for: no event can name it.
        """
        path = self._folder / SPOOL / device
        shutil.rmtree(path, ignore_errors=True)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:  # its host will say so of every clip
            log.warning("%s cannot be made: %s", path, error.strerror)
        return path

    def before(self, device: str, take: Callable[[Input], None]) -> Callable[[Input], None]:
        """Return what takes a host's words: a file in its spool becomes evidence before `take`."""

        def told(what: Input) -> None:
            if isinstance(what, ActionAnswered) and "file" in what.data:
                self.take(device, what)
            else:
                take(what)

        return told

    def take(self, device: str, answered: ActionAnswered) -> None:
        """Take a file into the store; the site hears the answer after that."""
        taking = self._worker.run(partial(self._stored, device, answered))
        self._taking.add(taking)
        taking.add_done_callback(self._taken)

    async def run(self) -> None:
        """Tidy up every hour and after every file, for as long as the daemon runs."""
        await asyncio.sleep(FIRST_S)
        while True:
            self._due.clear()
            await self.tidy()
            try:
                async with asyncio.timeout(TIDY_S):
                    await self._due.wait()
            except TimeoutError:
                pass

    async def close(self) -> None:
        """Wait for what is being taken, but not long."""
        if self._taking:
            await asyncio.wait(self._taking, timeout=CLOSE_S)
        self._worker.stop()

    async def tidy(self) -> None:
        """Give up what is too old, or the oldest where there is no room; clean up after crashes."""
        needed, now = self._house.open_alarms(), self._clock.now()
        try:
            found = await self._worker.run(lambda: self._surplus(needed, now))
        except (JournalError, OSError) as error:  # what ails the disk, the next commit tells
            log.warning("the evidence is not looked after: %s", error)
            if isinstance(error, StorageCorrupt):
                await self._worker.run(partial(self._house.damaged, error))
            return
        for reason, items in found.items():
            for some in _pieces(items):
                await self._house.record(self._dropped(some, reason))
                await self._worker.run(partial(self._evidence.remove, some))

    async def make_room(self) -> None:
        """Give up evidence at once: the record cannot be written, and comes first."""
        needed = self._house.open_alarms()
        try:
            gone = await self._worker.run(lambda: self._urgent(needed))
        except (JournalError, OSError) as error:
            log.warning("no evidence can be given up: %s", error)
            return
        for some in _pieces(gone):
            await self._house.record(self._dropped(some, "disk-full"))

    def _taken(self, taking: asyncio.Future[ActionAnswered]) -> None:
        self._taking.discard(taking)
        self._house.put(taking.result())
        self._due.set()

    # In the worker's thread

    def _stored(self, device: str, answered: ActionAnswered) -> ActionAnswered:
        """Put a file into the store; return the answer as the site gets it."""
        given = dict(answered.data)
        try:
            path = self._path(device, given.pop("file", None))
            kept = self._evidence.keep(_content(path))
            path.unlink()
        except (JournalError, OSError, ValueError) as error:
            return replace(answered, outcome=Outcome.UNKNOWN, reason=str(error), data={})
        names = ("media", "from", "to")
        data: dict[str, Json] = {name: given[name] for name in names if name in given}
        return replace(answered, data=data | {"sha256": kept.sha256, "bytes": kept.size})

    def _path(self, device: str, name: Json) -> Path:
        if not isinstance(name, str) or Path(name).name != name:
            raise ValueError(f"{device} names no file of its spool: {name!r}")
        return self._folder / SPOOL / device / name

    def _sweep(self) -> None:
        """Remove what hosts that died left in their spools: nobody writes it any more."""
        before = time.time() - LEFT_S
        for path in (self._folder / SPOOL).glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                if path.lstat().st_mtime < before:
                    path.unlink()

    def _surplus(self, needed: frozenset[str], now: Moment) -> dict[str, list[Item]]:
        self._sweep()
        with Reader(self._folder) as reader:
            for name in self._evidence.clean(reader):
                log.info("evidence that no event names is removed: %s", name)
            items = self._evidence.items(reader)
            by = settled(reader, now)
        old = surplus.old(items, self._keep_d, needed, by)
        left = [item for item in items if item not in old]
        short = self._evidence.short() - sum(item.size for item in old)
        return {"age": old, "space": surplus.oldest(left, needed, short)}

    def _urgent(self, needed: frozenset[str]) -> list[Item]:
        if not self._evidence.is_there() or not self._evidence.disk_is_full():
            return []
        with Reader(self._folder) as reader:
            items = self._evidence.items(reader)
        gone = surplus.oldest(items, needed, URGENT)
        self._evidence.remove(gone)
        return gone

    def _dropped(self, items: Sequence[Item], reason: str) -> Batch:
        files: list[Json] = [item.sha256 for item in items]
        data: dict[str, Json] = {"files": files, "reason": reason}
        data |= {"hidden": True} if items[0].hidden else {}
        event = Event(DROPPED, "evidence", Severity.ACCESS, self._clock.now(), data=data)
        return Batch((Entry(event),))


def _pieces(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield what one event may name: what is hidden is told apart from what is not."""
    for hidden in (False, True):
        some = [item for item in items if item.hidden is hidden]
        for begin in range(0, len(some), MOST_NAMED):
            yield some[begin : begin + MOST_NAMED]


def _content(path: Path) -> Iterator[bytes]:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(f"{path} is no file")
        while piece := file.read(PIECE):
            yield piece
