"""The uplink: the record on its way to the monitor, over the first path that works."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from random import SystemRandom
from typing import Any, Literal

from agent.journal.ranges import Ranges, Span
from agent.journal.record import Lane, Recorded
from agent.site.inputs import Json, PathCarries, PathInput
from agent.site.step import Answer
from agent.uplink.desk import Desk, Reply
from agent.uplink.feed import AreaState, Health, Topics
from agent.uplink.haul import Journal
from agent.uplink.ledger import Ledger, lane_of
from agent.uplink.options import PathOptions
from agent.uplink.path import Path
from agent.uplink.presence import Portrait, device_state, mono_us, utc_us
from agent.uplink.worker import Worker

DRAIN_S = 1.0  # for what was recorded last to arrive before the goodbye ...
DRAIN_LOOK_S = 0.02
CLOSE_S = 1.5  # ... and for that to be acknowledged
NOTE_S = 0.2  # deliveries are noted in the journal together
SETTLED_S = 2.0  # which path carries is told when it has carried so long
BACK_S = 60.0  # a better path must have worked so long before it carries again


class Uplink:
    """Delivers the record at least once. All methods are the loop's, which runs.

    Args:
        site: id of the site.
        paths: in order of preference.
        journal: what is to be delivered, and where that is noted.
        news: told once a change: a path works, works no more, has nobody at its end, or carries;
            and of every heartbeat that arrived.
        loop: runs it all.
        desk: takes commands; without one nobody's commands are heard.
        alarms_on: `all`: every path sends every alarm; one that arrives is delivered, and the
            copies on the other paths go on trying.
    """

    def __init__(
        self,
        site: str,
        paths: Sequence[PathOptions],
        journal: Journal,
        news: Callable[[PathInput], None],
        loop: asyncio.AbstractEventLoop,
        desk: Desk | None = None,
        alarms_on: Literal["carrier", "all"] = "carrier",
    ) -> None:
        self.portrait = Portrait()
        self._topics = Topics(site)
        self.commands_heard = desk is not None
        self._journal = journal
        self._news = news
        self._desk = desk
        self._loop = loop
        self._reader = Worker("uplink journal", loop)
        random = SystemRandom()
        self._paths = [
            Path(options, self._topics, self, journal, self._reader, random) for options in paths
        ]
        self._ledgers: dict[Lane, Ledger] = {}  # the carrier's
        self._copies: dict[Path, Ledger] = {}  # of the alarms, one a path, if all send them
        self._alarms_on = alarms_on
        self._carrier: Path | None = None
        self._told: Path | None = None  # which carries, as far as the site knows
        self._telling: asyncio.TimerHandle | None = None
        self._choosing: asyncio.Handle | None = None
        self._delivered: dict[tuple[str, Lane], list[Span]] = {}
        self._noting: asyncio.TimerHandle | None = None

    # What the runtime calls

    def start(self) -> None:
        """Take up where the last run ended, and connect."""
        self._ledgers = {lane: self._ledger(lane) for lane in Lane}
        if self._alarms_on == "all" and self._paths:
            del self._ledgers[Lane.ALARM]
            self._copies = {path: self._ledger(Lane.ALARM) for path in self._paths}
        for path in self._paths:
            path.carry(self._load(path))
            path.start()

    def committed(self, rows: Sequence[Recorded]) -> None:
        """Send rows that are on the disk now; each number once, in order, none left out."""
        for path in self._copies or filter(None, [self._carrier]):
            path.committed(rows)
        if self._carrier is None:
            for row in rows:
                for ledger in self._ledgers.values():
                    ledger.note(row, lane_of(row), live=False)

    def answered(self, answer: Answer) -> None:
        """Tell a command's sender what the site has decided, once that is on the disk."""
        if self._desk is not None:
            self._desk.answered(answer)

    def unrecorded(self, body: bytes, ref: str) -> None:
        """Send an alarm that could not wait for the disk, on every path.

        Args:
            body: canonical JSON of the event, without a number.
            ref: its name until it has one; part of `body`.
        """
        for path in self._paths:
            path.unrecorded(body)

    def describe(self, birth: Mapping[str, Json]) -> None:
        """Say what the gateway is: now where there is a connection, and on every later one."""
        if self.portrait.birth != birth:
            self.portrait.birth = dict(birth)
            for path in self._paths:
                path.describe()

    def device(self, device: str, state: Mapping[str, Json]) -> None:
        """Say how a device is; the broker keeps what was said last."""
        self._retain(self._topics.device(device), device_state(self._topics, device, state))

    def area(self, area: str, state: Mapping[str, Json]) -> None:
        """Say how an area is; the broker keeps what was said last."""
        said = AreaState(site=self._topics.site, area=area, state=dict(state))
        self._retain(self._topics.area(area), said.encode())

    def health(self, state: Mapping[str, Json]) -> None:
        """Say how the gateway is; the broker keeps what was said last."""
        said = Health(site=self._topics.site, at=utc_us(), state=dict(state))
        self._retain(self._topics.health, said.encode())

    def checkpoint(self, note: str) -> None:
        """Hand over a signed checkpoint of the record; the monitor keeps the last one.

        Args:
            note: C2SP tlog-checkpoint, as signed.
        """
        self._retain(self._topics.checkpoint, note.encode())

    def _retain(self, topic: str, payload: bytes) -> None:
        if self.portrait.retained.get(topic) == payload:
            return
        self.portrait.retained[topic] = payload
        for path in self._paths:
            path.restate(topic)

    def status(self) -> dict[str, Any]:
        """Return how each path is, by its id."""
        return {path.options.id: self._status(path) for path in self._paths}

    async def close(self) -> None:
        """Send what waits where it passes, say goodbye and end, within some three seconds."""
        if self._desk is not None:
            self._desk.close()
        await self._drain()
        await asyncio.gather(*(path.close(CLOSE_S) for path in self._paths))
        for timer in (self._choosing, self._telling):
            if timer is not None:
                timer.cancel()
        self._note_deliveries()
        self._reader.stop()

    async def _drain(self) -> None:
        """Let the last events arrive: after a goodbye the monitor is to expect none."""
        until_s = self._loop.time() + DRAIN_S
        while self.waiting() and any(path.flows for path in self._paths):
            if self._loop.time() >= until_s:
                return
            await asyncio.sleep(DRAIN_LOOK_S)

    def _ledger(self, lane: Lane) -> Ledger:
        paths = [path.options.id for path in self._paths]
        so_far = (span for path in paths for span in self._journal.acknowledged(path, lane).spans)
        return Ledger(lane, Ranges.of(so_far), self._journal.head)

    def _status(self, path: Path) -> dict[str, Any]:
        return {
            "condition": path.standing.verdict.condition.value,
            "reason": path.standing.verdict.reason,
            "since_s": int(time.monotonic() - path.standing.since_s),
            "broker": f"{path.options.host}:{path.options.port}",
            "tls": path.options.tls is not None,
            "tls_version": path.tls_version,
            "certificates": dict(path.ends_us),
            "carries": path is self._carrier,
            "delivered": path.outbox.delivered,
            "too_large": path.outbox.asides,
            "ignored": path.ears.ignored,
            "unreadable": path.unreadable,
            "last_ack_us": path.last_ack_us,
            "waiting": self.waiting(),
        }

    # What paths call

    def head(self) -> int:
        """Return the newest number."""
        return self._journal.head

    def waiting(self) -> int:
        """Return how many events are still to be delivered."""
        waiting = 0  # asked with every answer: no generators
        for ledger in self._ledgers.values():
            waiting += ledger.waiting
        if self._copies:
            waiting += min([ledger.waiting for ledger in self._copies.values()])
        return waiting

    def news(self, news: PathInput) -> None:
        """Pass on what became of a path."""
        self._news(news)

    def command(self, payload: bytes, reply: Reply) -> None:
        """Have a command judged."""
        if self._desk is not None:
            self._desk.take(payload, reply)

    def delivered(self, path: str, lane: Lane, span: Span) -> None:
        """Have a delivery noted in the journal, together with those that follow at once."""
        self._delivered.setdefault((path, lane), []).append(span)
        if self._noting is None:
            self._noting = self._loop.call_later(NOTE_S, self._note_deliveries)

    def _note_deliveries(self) -> None:
        if self._noting is not None:
            self._noting.cancel()
            self._noting = None
        for (path, lane), spans in self._delivered.items():
            self._journal.acknowledge(path, lane, Ranges.of(spans))
        self._delivered.clear()

    def changed(self) -> None:
        """Choose again which path carries, as soon as the present callbacks are done."""
        if self._choosing is not None:
            self._choosing.cancel()
        self._choosing = self._loop.call_soon(self._choose)

    # Which path carries

    def _choose(self) -> None:
        chosen = self._choice()
        before, self._carrier = self._carrier, chosen
        if chosen is not before:
            self._tell_soon()
            for path in filter(None, [before, chosen]):
                path.carry(self._load(path))
        elif chosen is not None:
            chosen.pump()  # what another path had on its way may be its to send now

    def _tell_soon(self) -> None:
        """Tell the site which path carries, once it has for a moment.

        At a start the second path may well be there a moment before the first.
        """
        if self._telling is not None:
            self._telling.cancel()
        self._telling = self._loop.call_later(SETTLED_S, self._tell)

    def _tell(self) -> None:
        if self._carrier is not None and self._carrier is not self._told:
            self._told = self._carrier
            self._news(PathCarries(self._carrier.options.id, mono_us()))

    def _load(self, path: Path) -> dict[Lane, Ledger]:
        """Return what a path is to send."""
        load = dict(self._ledgers) if path is self._carrier else {}
        if path in self._copies:
            load[Lane.ALARM] = self._copies[path]
        return load

    def _choice(self) -> Path | None:
        """Return the first path that works; if it has failed before, only after a while.

        When none works, one that at least has a broker goes on trying.
        """
        now = self._carrier
        works = next((path for path in self._paths if path.standing.verdict.works), None)
        if now is None or not now.connected or not now.standing.verdict.works:
            connected = next((path for path in self._paths if path.connected), None)
            return works or (now if now is not None and now.connected else connected)
        if works is None or self._paths.index(works) >= self._paths.index(now):
            return now
        left_s = works.standing.since_s + BACK_S - time.monotonic()
        if left_s <= 0 or not works.standing.failed:
            return works
        self._choosing = self._loop.call_later(left_s, self._choose)
        return now
