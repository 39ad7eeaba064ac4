"""The outbox under anything that may happen: nothing lost, alarms first, every limit kept."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from agent.journal.record import Lane
from agent.uplink import ledger as ledger_module
from agent.uplink.haul import haul
from agent.uplink.ledger import Gap
from agent.uplink.message import WORTH, Message
from agent.uplink.outbox import HEADROOM_BYTES
from tests.uplink.outbox_line import (
    ABSENT,
    GOOD,
    QUOTA,
    REFUSED,
    ROOMY,
    Line,
    Record,
    numbers_of,
    row,
)
from tests.uplink.rig import events


class Delivery(RuleBasedStateMachine):
    """Any order of recording, reading, answering, refusing and losing the line."""

    @initialize()
    def begin(self) -> None:
        self.record = Record()
        self.line = Line(self.record)
        self.line.sent = self.sent  # type: ignore[method-assign]
        self.arrived: set[int] = set()
        self.newest: dict[str, int] = defaultdict(int)  # by topic, on this connection
        self.refused = False  # on this connection: order inside a topic is off

    def sent(self, message: Message) -> None:
        assert self.line.window > len(self.line.flying), "the window"
        flying = [m.rank for m in self.line.flying] + [message.rank]
        assert flying.count(message.rank) <= WORTH[message.rank].most
        if not WORTH[message.rank].urgent:
            spare = max(1, self.line.window // 4) if self.line.window > 1 else 0
            assert len(flying) <= self.line.window - spare, "room for an alarm"
            if not self.refused:
                assert not self.line.ledgers[Lane.ALARM].fresh, "an alarm is first"
        assert len(message.payload) <= self.line.outbox.limit_bytes

    @rule(sizes=st.lists(st.tuples(st.booleans(), st.integers(0, 300)), min_size=1, max_size=30))
    def record_some(self, sizes: list[tuple[bool, int]]) -> None:
        head = self.record.head
        self.line.note(
            [row(head + n, alarm=alarm, size=size) for n, (alarm, size) in enumerate(sizes, 1)]
        )

    @precondition(lambda self: not self.line.window)
    @rule(receive_maximum=st.integers(1, 30), packet_bytes=st.integers(1000, 5000))
    def connect(self, receive_maximum: int, packet_bytes: int) -> None:
        self.newest.clear()
        self.refused = False
        self.line.connect(receive_maximum, packet_bytes)

    @precondition(lambda self: self.line.window)
    @rule(objected=st.booleans(), steady=st.booleans())
    def lose(self, objected: bool, steady: bool) -> None:
        self.line.disconnect(objected=objected, steady=steady)

    @precondition(lambda self: self.line.reading)
    @rule()
    def read(self) -> None:
        if self.line.window:
            self.line.read()
        else:
            self.line.reading.pop(0)

    @precondition(lambda self: self.line.flying)
    @rule()
    def take(self) -> None:
        message = self.line.answer(GOOD)
        numbers = numbers_of(message)
        assert not self.arrived & set(numbers), "a repeat without a reason"
        if not self.refused:
            assert numbers[0] > self.newest[message.topic], "order inside a topic"
            self.newest[message.topic] = numbers[-1]
        assert numbers == sorted(numbers)
        self.arrived.update(numbers)

    @precondition(lambda self: self.line.flying)
    @rule(code=st.sampled_from([ABSENT, REFUSED, QUOTA]))
    def refuse(self, code: int) -> None:
        self.refused = True
        self.line.answer(code)

    @rule(seconds=st.floats(0.1, 20))
    def wait(self, seconds: float) -> None:
        self.line.now_s += seconds
        self.line.pump()

    @invariant()
    def delivered_is_what_arrived(self) -> None:
        for lane, ledger in self.line.ledgers.items():
            for one in self.record.rows:
                if ledger_module.lane_of(one) is lane:
                    assert (one.seq in ledger.delivered) == (one.seq in self.arrived)

    def teardown(self) -> None:
        if not hasattr(self, "line"):
            return
        if not self.line.window:
            self.line.connect()
        self.lose(objected=False, steady=True)
        self.line.reading.clear()
        self.line.connect(packet_bytes=ROOMY + HEADROOM_BYTES)
        late = self.line.drain()
        assert not self.arrived & set(late), "a repeat without a reason"
        assert self.arrived | set(late) == {one.seq for one in self.record.rows}, "a loss"
        assert all(ledger.waiting == 0 for ledger in self.line.ledgers.values())


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(
    sizes=st.lists(st.integers(0, 2000), min_size=1, max_size=600),
    limit=st.integers(200, 100_000),
    zipped=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_packing_keeps_every_event_and_every_limit(
    sizes: list[int], limit: int, zipped: bool
) -> None:
    record = Record()
    record.rows = [row(n, size=size) for n, size in enumerate(sizes, 1)]
    parcels, upto = haul(record, Gap(Lane.REST, (1, len(sizes))), limit, zipped=zipped)
    found = [
        one for parcel in parcels for one in events("armoury/v1/s/event/backlog", parcel.payload)
    ]
    assert [(one.seq, one.body) for one in found] == [(r.seq, r.body) for r in record.rows[:upto]]
    assert all(one.historical for one in found)
    assert all(len(parcel.payload) <= limit or parcel.events == 1 for parcel in parcels)
    assert [p.span[0] for p in parcels] == [1, *(p.span[1] + 1 for p in parcels[:-1])]
    assert parcels[-1].span[1] == upto
