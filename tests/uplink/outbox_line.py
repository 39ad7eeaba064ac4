"""An outbox with a record behind it and a line before it, both of a test's own."""

from __future__ import annotations

from random import Random

from agent.journal.leaves import Leaves
from agent.journal.ranges import Ranges
from agent.journal.record import Lane, Recorded
from agent.uplink import ledger as ledger_module
from agent.uplink.feed import Topics
from agent.uplink.haul import haul
from agent.uplink.ledger import Gap, Ledger
from agent.uplink.message import Message
from agent.uplink.outbox import Outbox
from tests.uplink.rig import events

GOOD, ABSENT, REFUSED, QUOTA = 0x00, 0x10, 0x87, 0x97

ROOMY = 1_000_000


def row(seq: int, *, alarm: bool = False, size: int = 0) -> Recorded:
    severity = "alarm" if alarm else "info"
    body = b'{"data":{"text":"%b"},"seq":%d}' % (b"x" * size, seq)
    return Recorded(seq, "k", severity, body)


class Record:
    """A journal in memory."""

    def __init__(self) -> None:
        self.rows: list[Recorded] = []

    @property
    def head(self) -> int:
        return len(self.rows)

    def read(
        self, after: int, limit: int, *, lane: Lane | None = None, upto: int | None = None
    ) -> list[Recorded]:
        rows = self.rows[after:upto]
        return [r for r in rows if lane is None or ledger_module.lane_of(r) is lane][:limit]

    def acknowledge(self, path: str, lane: str, ranges: Ranges) -> None: ...

    def acknowledged(self, path: str, lane: str) -> Ranges:
        return Ranges()

    def submission(self, old: int) -> str | None:
        return None

    def leaves(self, first: int, last: int) -> Leaves:
        return Leaves("", first, (), ())


class Line:
    """An outbox at a broker of the test's making."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.ledgers = {lane: Ledger(lane, Ranges(), record.head) for lane in Lane}
        self.outbox = Outbox(Topics("s"), Random(7))
        self.now_s = 0.0
        self.window = 0
        self.flying: list[Message] = []
        self.reading: list[Gap] = []

    def connect(self, receive_maximum: int = 20, packet_bytes: int = ROOMY) -> None:
        self.window = min(receive_maximum, 100)
        self.outbox.opened(receive_maximum, packet_bytes)
        self.outbox.carry(self.ledgers)
        self.pump()

    def disconnect(self, *, objected: bool = False, steady: bool = True) -> None:
        self.outbox.closed(self.flying, objected=objected, steady=steady)
        self.outbox.carry({})
        self.flying = []
        self.window = 0

    def note(self, rows: list[Recorded]) -> None:
        self.record.rows += rows
        if self.window:
            self.outbox.note(rows, self.now_s)
        else:
            for one in rows:
                for ledger in self.ledgers.values():
                    ledger.note(one, ledger_module.lane_of(one), live=False)
        self.pump()

    def pump(self) -> None:
        while self.window and (message := self.outbox.next(self.now_s)):
            self.sent(message)
            self.flying.append(message)
        for source in self.outbox.sources if self.window else ():
            if gap := source.wants():
                self.reading.append(gap)

    def sent(self, message: Message) -> None:
        """For the tests to look at what goes out."""

    def read(self) -> None:
        gap = self.reading.pop(0)
        limit_bytes = self.outbox.batch_bytes
        source = self.ledgers[gap.lane] if gap.lane else self.outbox.repeats
        source.stocked(gap, *haul(self.record, gap, limit_bytes, zipped=False))
        self.pump()

    def answer(self, code: int = GOOD, at: int = 0) -> Message:
        message = self.flying.pop(at)
        self.outbox.answered(message, code, self.now_s, 0.001)  # all alike: the line is free
        self.pump()
        return message

    def busy(self) -> bool:
        return bool(self.flying or self.reading or self.outbox.due_s(self.now_s))

    def go_on(self) -> list[int]:
        """Have something happen that a healthy broker lets happen; return what it took."""
        if self.reading:
            self.read()
        elif self.flying:
            return numbers_of(self.answer())
        else:
            self.now_s = self.outbox.due_s(self.now_s) or self.now_s
            self.pump()
        return []

    def drain(self) -> list[int]:
        """Let everything out; return the numbers in the order of their delivery."""
        numbers: list[int] = []
        while self.busy():
            numbers += self.go_on()
        return numbers


def numbers_of(message: Message) -> list[int]:
    return [one.seq for one in events(message.topic, message.payload)]
