"""One connection at work: what the outbox gives goes out, answers go back, late events come in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from msgspec import Struct

from agent.journal.errors import JournalError
from agent.journal.record import Recorded
from agent.uplink.haul import Journal, haul
from agent.uplink.ledger import Gap, Ledger, Parcel
from agent.uplink.link import Link
from agent.uplink.message import Message
from agent.uplink.outbox import Outbox
from agent.uplink.repeats import Repeats
from agent.uplink.wire import Ack
from agent.uplink.worker import Worker

ACK_S = 10.0  # a broker that takes longer for every message hangs
SLOW_ACK_S = 60.0  # ... or for one of them, while it answers what went before
PASSED_S = 20.0  # ... or what came after: no line is slow for one message alone
REREAD_S = 1.0


class Flight(Struct, frozen=True):
    """A message on its way, since `sent_s` of the loop's clock."""

    message: Message
    sent_s: float


class Sender:
    """Pumps an outbox into a link. All methods are the loop's.

    Attributes:
        unreadable: why the journal gives no late events; "" while it does.
        stalled: the message over which it hung up; None while it has not.

    Args:
        link: up.
        outbox: already told what the broker allows.
        journal: read on `reader` only.
        answered: told of each message, its code, and whether the broker took it.
        zipped: whether late events are compressed.
    """

    def __init__(
        self,
        link: Link,
        outbox: Outbox,
        journal: Journal,
        reader: Worker,
        answered: Callable[[Message, int, bool], None],
        *,
        zipped: bool,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._link = link
        self._outbox = outbox
        self._journal = journal
        self._reader = reader
        self._answered = answered
        self._zipped = zipped
        self.unreadable = ""
        self.stalled: Message | None = None
        self._flights: dict[int, Flight] = {}
        self._ended = False
        self._heard_s = self._loop.time()
        self._passed_s = 0.0  # when the newest was sent that is answered
        self._watch: asyncio.TimerHandle | None = None
        self._probe: asyncio.TimerHandle | None = None

    def send(self, now_s: float) -> bool:
        """Send what may be sent at this time; return whether there was anything."""
        if self._ended:
            return False
        sent = False
        while self._link.alive and (message := self._outbox.next(now_s)) is not None:
            mid = self._link.publish(
                message.topic,
                message.payload,
                retain=message.retain,
                zipped=message.zipped,
                expires_s=message.expires_s,
            )
            self._flights[mid] = Flight(message, now_s)
            sent = True
        if sent and self._watch is None:
            self._watch = self._loop.call_later(ACK_S, self._look)
        return sent

    def pump(self) -> None:
        """Send what may be sent now, and see to what comes after it."""
        if self._ended:
            return
        now_s = self._loop.time()  # for both: what becomes free between two looks would wait
        self.send(now_s)
        if self._link.alive:
            for source in self._outbox.sources:
                if (gap := source.wants()) is not None:
                    self._read(source, gap)
        self._set_probe(now_s)

    def acknowledged(self, acks: list[Ack]) -> None:
        """Take the broker's answers, and send what they made room for."""
        now_s = self._heard_s = self._loop.time()
        for ack in acks:
            if flight := self._flights.pop(ack.mid, None):
                message, elapsed_s = flight.message, now_s - flight.sent_s
                self._passed_s = max(self._passed_s, flight.sent_s)
                taken = self._outbox.answered(message, ack.code, now_s, elapsed_s)
                self._answered(message, ack.code, taken)
        self.pump()
        if self._flights:
            self._link.hasten()

    def end(self) -> list[Message]:
        """Stop; return what was on its way."""
        for timer in (self._watch, self._probe):
            if timer is not None:
                timer.cancel()
        self._ended = True
        flights, self._flights = self._flights, {}
        return [flight.message for flight in flights.values()]

    def try_again(self, topic: str, seq: int) -> None:
        """See whether the broker takes now the event that it did not; another path has it."""
        read = self._reader.run(lambda: self._journal.read(seq - 1, 1))
        read.add_done_callback(lambda done: self._try(topic, done))

    def _try(self, topic: str, read: asyncio.Future[list[Recorded]]) -> None:
        if self._ended or read.cancelled():
            return
        with contextlib.suppress(JournalError):  # at the next heartbeat, then
            for row in read.result():
                self._outbox.probe(topic, row)
            self.pump()

    def _look(self) -> None:
        """Hang up on a broker that takes messages and acknowledges none."""
        self._watch = None
        if not self._flights:
            return
        now_s = self._loop.time()
        oldest = next(iter(self._flights.values()))
        waited_s = now_s - oldest.sent_s
        most_s = PASSED_S if oldest.sent_s < self._passed_s else SLOW_ACK_S
        if waited_s >= most_s or min(waited_s, now_s - self._heard_s) >= ACK_S:
            self.stalled = oldest.message
            what = "messages" if oldest.message.seq is None else "events"
            self._link.drop(f"the broker takes {what} and acknowledges none; see its log")
            return
        again_s = max(0.1, ACK_S - min(waited_s, now_s - self._heard_s))
        self._watch = self._loop.call_later(again_s, self._look)

    def _set_probe(self, now_s: float) -> None:
        if self._probe is not None:
            self._probe.cancel()
            self._probe = None
        due_s = self._outbox.due_s(now_s)
        if due_s is not None:
            self._probe = self._loop.call_at(due_s, self.pump)

    # Reading

    def _read(self, source: Ledger | Repeats, gap: Gap) -> None:
        limit_bytes = self._outbox.batch_bytes
        read = self._reader.run(lambda: haul(self._journal, gap, limit_bytes, zipped=self._zipped))
        read.add_done_callback(lambda done: self._stocked(source, gap, done))

    def _stocked(
        self, source: Ledger | Repeats, gap: Gap, done: asyncio.Future[tuple[list[Parcel], int]]
    ) -> None:
        if done.cancelled():
            return
        try:
            source.stocked(gap, *done.result())
        except JournalError as error:
            self.unreadable = str(error)
            self._loop.call_later(REREAD_S, self._read_again, source, gap)
        else:
            self.unreadable = ""
            self.pump()

    def _read_again(self, source: Ledger | Repeats, gap: Gap) -> None:
        source.unread(gap)
        self.pump()
