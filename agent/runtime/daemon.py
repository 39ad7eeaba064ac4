"""The daemon: clock, journal, site, hosts, uplink and control socket, joined and run."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import logging
import os
import signal
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from random import SystemRandom
from typing import Any, TypeVar

from agent.config.devices import DeviceSpec
from agent.config.sitefile import SiteFile
from agent.journal.body import body
from agent.journal.errors import (
    JournalDamaged,
    JournalDied,
    JournalError,
    JournalRolledBack,
    StorageCorrupt,
    StorageFailed,
    StorageUprooted,
)
from agent.journal.journal import Journal
from agent.journal.keys import KeyMissing
from agent.journal.record import Batch, Commit, Entry, Recorded, Sealed
from agent.journal.succession import JournalSucceeded
from agent.journal.vouching import JournalDoubtful
from agent.runtime.ahead import Ahead
from agent.runtime.birth import birth
from agent.runtime.clock import Clock
from agent.runtime.control import ControlServer
from agent.runtime.deadman import DeadMan
from agent.runtime.ending import close_journal
from agent.runtime.evidence import EvidenceKeeper
from agent.runtime.host import Host, HostSpec
from agent.runtime.hosts import Hosts
from agent.runtime.keeper import Keeper
from agent.runtime.life import OURS, Life
from agent.runtime.line import Line
from agent.runtime.local import LocalRecord
from agent.runtime.loop import Loop
from agent.runtime.mailbox import Mailbox
from agent.runtime.notify import Notify
from agent.runtime.reload import Reload
from agent.runtime.requests import HouseRequests
from agent.runtime.telling import Telling
from agent.site.inputs import (
    ActionAnswered,
    ClockStepped,
    Commanded,
    Condition,
    Input,
    Origin,
    RecordNews,
    RecordTrouble,
    Started,
    Stopping,
    StorageNews,
)
from agent.site.site import Site
from agent.site.step import Action, Answer
from agent.site.value import replace
from agent.uplink.worker import Worker

T = TypeVar("T")

log = logging.getLogger(__name__)

BEAT_S = 1.0
STEP_US = 1_000_000  # a wall clock that moves so far against the monotonic one has stepped
TROUBLES: Mapping[type[JournalError], RecordTrouble] = {
    JournalSucceeded: RecordTrouble.REPLACED,
    JournalDoubtful: RecordTrouble.DOUBTFUL,
    KeyMissing: RecordTrouble.KEY_MISSING,
}
# Together with the hosts' time, a stop takes less than the unit's TimeoutStopSec.
SETTLE_S = 4.0


class Daemon:
    """One armoury's daemon; `run` until a signal ends it.

    Args:
        file: the checked site file.
        path: where it stands, for a reload.
        data: folder of the record.
        socket: where the control socket is put.
        synchronised: the file that says that the clock is set.
        ahead: hosts of its devices that were started before it.

    Attributes:
        exhausted: whether the site stopped it because the battery is nearly empty.
    """

    def __init__(
        self,
        file: SiteFile,
        path: Path,
        data: Path,
        socket: Path,
        synchronised: Path,
        ahead: Ahead,
    ) -> None:
        self.file = file
        self._path = path
        self._data = data
        self._socket = socket
        self._ahead = ahead
        self._clock = Clock(synchronised)
        self._notify = Notify()
        self.exhausted = False
        self._started = self._clock.now()
        self._commands = itertools.count(1)
        self._storage = ""
        self._version = version("armoury-agent")

    async def run(self) -> None:
        """Start everything, watch over it, and end it in order.

        Raises:
            JournalError: the data folder cannot be used; the text says what to do.
            SocketUnusable: neither can the control socket's.
        """
        loop = asyncio.get_running_loop()
        self._life = Life(loop)
        mailbox = Mailbox(loop)
        self._journal = Journal.open(
            self._data,
            committed=mailbox.to(self._committed),
            failed=mailbox.to(self._storage_failed),
            sealed=mailbox.to(self._sealed),
            origin=f"armoury/{self.file.plan.site.id}",
            progress=self._notify.working,
        )
        self._reader = Worker("journal reader", loop)
        try:
            await self._run(loop)
        finally:
            self._reader.stop()
            await close_journal(self._journal, loop)

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._life.end, signal.Signals(number).name)
        self._evidence = EvidenceKeeper(self._data, self.file, self, self._clock, loop)
        self._hosts = Hosts(self._host, self._take, self._life.run, self._clock)
        self._hosts.keep(self.file.devices)  # they come up while everything else is made
        self._ahead.end()
        self._reload = Reload(self._path, self, loop)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._life.run(self._reload.hang_up()))
        self._site = Site(self.file.plan, self._journal.saved)
        self._local = LocalRecord(self._journal.saved)
        self._local.catch_up(self._journal)
        self._loop = Loop(self._site, self, self._clock)
        self._keeper = Keeper(self._data, self.file.record.policy(), self, self._clock, loop)
        # Everything that may be told of something stands before the first await.
        self._requests = HouseRequests(self, self._local)
        self._telling = Telling(self.file, self._data, self._site, self._hosts, self._clock, loop)
        self._line = Line(
            self.file, self._journal, self.put, self._clock, self._site, self._birth, loop
        )
        self._loop.put(self._start_input())
        self._dead_man = DeadMan.of(self.file.plan, self.act)
        control = ControlServer(self._socket, self._requests)
        try:
            works = self._beat(), self._keeper.run(), self._evidence.run()
            beating = [self._life.run(work) for work in works]
            await self._line.open()  # the inputs are being watched meanwhile
            self._hosts.begin_rest()
            await control.start()
            gc.freeze()  # what stands now stays: looking through it took an alarm 10 ms at times
            gc.enable()
            self._notify.ready()
            log.info("armoury %s runs: %d devices", self.file.plan.site.id, len(self._hosts))
            await self._life.over()
            for task in beating:
                task.cancel()
        finally:
            await self._end(control)
        if self._life.crash is not None:
            raise self._life.crash

    async def _end(self, control: ControlServer) -> None:
        self._notify.stopping()
        await control.close()
        self._telling.close()
        self._reload.stop()
        await self._hosts.end()
        await self._evidence.close()
        self._loop.put(Stopping(self._life.why, self._clock.now().mono_us))
        settled = asyncio.ensure_future(self._loop.settled())
        if not (await asyncio.wait([settled], timeout=SETTLE_S))[0]:
            log.error("the disk does not take the last events: they go with this process")
        await self._line.close()

    def _start_input(self) -> Started:
        last = self._journal.last()
        said = json.loads(last.body) if last else {}
        return Started(
            self._version,
            self._clock.now().mono_us,
            said.get("at"),
            clean=last is None or last.kind == "system.stopped",
            config=self.file.digest(),
            last_trusted=said.get("trusted", False),
            paths=tuple(path.id for path in self.file.paths),
        )

    def _host(self, device: DeviceSpec, tell: Callable[[Input], None]) -> Host:
        spool, take = None, tell
        if device.offers.picture:
            spool = self._evidence.spool(device.id)
            take = self._evidence.before(device.id, tell)
        ahead = self._ahead.take(device.id, device.entry)
        return Host(HostSpec.of(device, spool), take, SystemRandom(), ahead, self._hear)

    def _birth(self) -> dict[str, Any]:
        return birth(self.file, self._journal, self._version, self._started)

    # What comes in

    def _hear(self, tell: Callable[[bytes], None], said: bytes) -> None:
        self._loop.hear(tell, said)

    def _take(self, what: Input) -> None:
        """Take what a host or a path says."""
        if isinstance(what, ActionAnswered) and self._dead_man.takes(what):
            return
        self._telling.take(what)
        self._loop.put(what)

    def _committed(self, commit: Commit) -> None:
        if self._storage:
            self._storage = self._telling.trouble = ""
            self._loop.put(StorageNews(Condition.READY, self._clock.now().mono_us))
        self._loop.committed(commit.tag, commit.rows)

    def _sealed(self, sealed: Sealed) -> None:
        self._telling.sealed = sealed.size
        self._line.checkpoint(sealed.note)

    def _storage_failed(self, error: JournalError) -> None:
        log.error("the record: %s", error)
        if (trouble := TROUBLES.get(type(error))) is not None:
            self._loop.put(RecordNews(trouble, str(error), self._clock.now().mono_us))
        if isinstance(error, JournalDied | JournalRolledBack | JournalDamaged | StorageUprooted):
            # systemd starts anew: so is the record, if it is not what it was
            died = isinstance(error, JournalDied)
            self._life.end(OURS if died else "the record is not what it was", error)
        if isinstance(error, StorageFailed):
            self._storage = self._telling.trouble = str(error)
            at_us = self._clock.now().mono_us
            self._loop.put(StorageNews(Condition.FAULTED, at_us, str(error)))
            self._life.run(self._evidence.make_room())

    async def _beat(self) -> None:
        """Once a second: feed the watchdogs, look at the clock, tell what has changed."""
        before = self._clock.now()
        while True:
            self._notify.alive()
            self._dead_man.beat()
            await asyncio.sleep(BEAT_S)
            now = self._clock.now()
            expected = before.at(now.mono_us)
            if abs(now.utc_us - expected.utc_us) >= STEP_US or now.trusted != before.trusted:
                self._loop.put(ClockStepped(expected.utc_us, now.utc_us, now.mono_us))
            before = now
            if usage := self._keeper.usage:
                self._telling.record_pct = usage.record_pct
            if (uplink := self._line.uplink) is not None:
                self._telling.tick(uplink)

    # Where the loop's decisions go (agent.runtime.loop.Ports)

    def submit(self, batch: Batch, tag: int) -> None:
        if changes := self._local.changes():
            batch = replace(batch, state={**batch.state, **changes})
        self._journal.submit(batch, tag)

    def act(self, action: Action) -> None:
        if not action.device:  # the gateway itself, which knows how to stop and nothing else
            self.exhausted = True
            self._life.end(str(action.args["reason"]))
            return
        self._hosts.act(action)

    def answer(self, answer: Answer) -> None:
        self._reload.answered(answer)
        self._requests.answered(answer)
        self._line.answered(answer)

    def recorded(self, rows: tuple[Recorded, ...]) -> None:
        self._line.committed(rows)
        self._local.note(rows)
        self._telling.stir()
        self._requests.recorded(rows)

    def unrecorded(self, entry: Entry) -> None:
        self._line.unrecorded(body(entry, seq=None), entry.ref or "")

    # What the record's keeper asks (agent.runtime.keeper.House)

    def put(self, what: Input) -> None:
        self._loop.put(what)

    def record(self, batch: Batch) -> asyncio.Future[None]:
        return self._loop.record(batch)

    def open_since_us(self) -> int | None:
        return self._site.open_since_us()

    def key_change(self) -> Batch | None:
        return self._journal.key_change(self._clock.now())

    def signs(self) -> bool:
        return self._journal.vkey is not None

    def key_changed(self) -> None:
        self._line.describe()

    def damaged(self, error: StorageCorrupt) -> None:
        self._journal.damaged(error)

    def open_alarms(self) -> frozenset[str]:
        return self._site.open_alarms()

    # Another site file (agent.runtime.reload.House)

    def number(self) -> tuple[str, int]:
        return f"{self._started.mono_us}-{next(self._commands)}", self._clock.now().mono_us

    def configure(self, file: SiteFile) -> None:
        self.file = file
        self._hosts.keep(file.devices)
        self._dead_man = DeadMan.of(self.file.plan, self.act)
        self._keeper.keep(file.record.policy())
        self._evidence.keep(file)
        self._telling.keep(file)
        if (change := self._line.keep(file)) is not None:
            self._life.run(change)

    # What people ask (agent.runtime.requests.House)

    def people(self) -> list[dict[str, Any]]:
        return self._site.people(self._clock.now())

    def command(self, name: str, params: Mapping[str, Any], by: str) -> str:
        number, at_us = self.number()
        self._loop.put(Commanded(number, name, params, by, Origin.LOCAL, at_us))
        return number

    def overflows(self) -> bool:
        return self._loop.overflows

    async def reload(self, by: str) -> str:
        return await self._reload.offer(by)

    async def read(self, work: Callable[[Journal], T]) -> T:
        return await self._reader.run(lambda: work(self._journal))

    def status(self) -> dict[str, Any]:
        now = self._clock.now()
        site = self.file.plan.site
        return {
            "site": {"id": site.id, "name": site.name},
            "daemon": {
                "version": self._version,
                "pid": os.getpid(),
                "up_s": (now.mono_us - self._started.mono_us) // 1_000_000,
                "boot": self._clock.boot,
                "clock_trusted": now.trusted,
            },
            "view": self._site.view() | {"people": self._site.enrolled(now)},
            "on_site": self._site.on_site(now),
            "devices": [
                {"id": name, "pid": host.pid, "measured": dict(host.measured)}
                | self._telling.device(name)
                for name, host in self._hosts.items()
            ],
            "paths": [
                # how many were delivered would count what is hidden
                {"id": path} | {key: how[key] for key in how if key != "delivered"}
                for path, how in self._line.status().items()
            ],
            "journal": {
                "head": self._local.head,
                "trouble": self._storage,
                "used_pct": self._keeper.usage and self._keeper.usage.record_pct,
                "disk_pct": self._keeper.usage and self._keeper.usage.disk_pct,
            },
        }
