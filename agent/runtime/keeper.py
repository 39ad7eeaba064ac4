"""Looks after the record: gives up what is old, tells how full it is, changes its key.

All of it is slow work beside the loop, in small pieces with pauses between them, so that no
alarm ever waits behind more than one of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

from agent.journal.errors import JournalError, JournalUnusable, StorageCorrupt
from agent.journal.policy import Policy
from agent.journal.reading import Reader
from agent.journal.record import Batch
from agent.journal.retention import Retention, Usage, usage
from agent.runtime.clock import Clock
from agent.site.inputs import Input, StorageFilled
from agent.uplink.worker import Worker

log = logging.getLogger(__name__)

FIRST_S = 10.0  # a start has more urgent things to do
LOOK_S = 60.0
PRUNE_EVERY_US = 3_600_000_000
PAUSE_S = 0.2  # between two prunings
BEFORE_US = 60_000_000  # what happened so shortly before an alarm belongs to it
EVERYTHING = 2**62


class House(Protocol):
    """The daemon, as its keeper needs it."""

    def put(self, what: Input) -> None: ...

    def record(self, batch: Batch) -> asyncio.Future[None]:
        """Record a batch: done when it is on the disk."""

    def open_since_us(self) -> int | None:
        """Return when the earliest alarm that is still open was raised."""

    def key_change(self) -> Batch | None:
        """Return what makes a new key sign, where one waits; not on the loop."""

    def signs(self) -> bool:
        """Return whether there is the key: nobody believes a pruning that is not signed."""

    def key_changed(self) -> None:
        """Hear that the new key signs."""

    def damaged(self, error: StorageCorrupt) -> None:
        """Hear that the record is not what was written; not on the loop."""


class Keeper:
    """Keeps one record within its bounds.

    Args:
        folder: of the record.
        policy: what is kept how long, and the quota.
        house: records and is told.
        clock: the gateway's.
        loop: runs it.

    Attributes:
        usage: as last measured.
    """

    def __init__(
        self,
        folder: Path,
        policy: Policy,
        house: House,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.usage: Usage | None = None
        self._folder = folder
        self._policy = policy
        self._house = house
        self._clock = clock
        self._worker = Worker("record keeper", loop)
        self._retention = Retention(policy)
        self._next_us = 0  # when to prune, monotonic
        self._told: dict[str, int] = {}

    def keep(self, policy: Policy) -> None:
        """Keep the record by other bounds from now on."""
        self._policy = policy
        self._retention = Retention(policy)

    async def run(self) -> None:
        """Look once a minute, for as long as the daemon runs."""
        try:
            await asyncio.sleep(FIRST_S)
            while True:
                await self._try()
                await asyncio.sleep(LOOK_S)
        finally:
            self._worker.stop()

    async def _try(self) -> None:
        """Look, whatever ails the disk: the next commit tells it, and the house of damage."""
        try:
            await self.look()
        except JournalError as error:
            log.warning("the record is not looked after: %s", error)
            if isinstance(error, StorageCorrupt):
                await self._worker.run(partial(self._house.damaged, error))

    async def look(self) -> None:
        """Measure; give up what need not be kept, when it is time or there is no room; tell."""
        await self._change_key()
        found = await self._worker.run(self._measured)
        due = self._clock.now().mono_us >= self._next_us or found.used > found.quota
        if due and self._house.signs():
            await self._prune(found.quota)
            self._next_us = self._clock.now().mono_us + PRUNE_EVERY_US
            found = await self._worker.run(self._measured)
        self.usage = found
        self._tell("record", found.record_pct)
        self._tell("disk", found.disk_pct)

    async def _change_key(self) -> None:
        try:
            batch = await self._worker.run(self._house.key_change)
        except JournalUnusable as error:  # of a key: the rest is looked after all the same
            log.warning("the key of the record is not changed: %s", error)
            return
        if batch is not None:
            await self._house.record(batch)
            self._house.key_changed()

    def _tell(self, what: str, used_pct: int) -> None:
        if self._told.get(what) != used_pct:
            self._told[what] = used_pct
            self._house.put(StorageFilled(what, used_pct, self._clock.now().mono_us))

    def _measured(self) -> Usage:
        with Reader(self._folder) as reader:
            return usage(reader, self._folder, self._policy)

    async def _prune(self, quota: int) -> None:
        reader = await self._worker.run(lambda: Reader(self._folder))
        try:
            since_us = self._house.open_since_us()
            plan = await self._worker.run(lambda: self._plan(reader, since_us, quota))
            while (batch := await self._worker.run(lambda: next(plan, None))) is not None:
                await self._house.record(batch)
                await asyncio.sleep(PAUSE_S)
        finally:
            self._worker.run(reader.close)

    def _plan(self, reader: Reader, since_us: int | None, quota: int) -> Iterator[Batch]:
        below = EVERYTHING
        if since_us is not None:
            first = next(reader.query(since_us=since_us - BEFORE_US, limit=1), None)
            below = first.seq if first else reader.head + 1
        return self._retention.plan(reader, self._clock.now(), below, quota)
