"""Whatever a broker does, nothing is lost, alarms are first, and the window holds."""

from __future__ import annotations

import pytest

from agent.journal.ranges import Ranges
from agent.journal.record import Lane
from agent.uplink import ledger as ledger_module
from agent.uplink import pace
from agent.uplink.feed import several
from agent.uplink.ledger import Ledger, Parcel
from agent.uplink.message import Rank
from agent.uplink.outbox import UNRECORDED_MOST
from tests.uplink.outbox_line import ABSENT, GOOD, REFUSED, Line, Record, numbers_of, row


@pytest.fixture
def line() -> Line:
    return Line(Record())


def test_a_live_event_leaves_from_memory_as_it_was_recorded(line: Line) -> None:
    line.connect()
    line.note([row(1), row(2, alarm=True)])
    assert [(m.rank, m.payload) for m in line.flying] == [
        (Rank.ALARM, row(2, alarm=True).body),
        (Rank.LIVE, row(1).body),
    ]
    assert not line.reading


def test_more_live_events_than_may_fly_travel_together(line: Line) -> None:
    line.connect()
    line.note([row(n) for n in range(1, 31)])
    (message,) = line.flying
    assert numbers_of(message) == list(range(1, 31))
    assert b'"historical":false' in message.payload


def test_what_was_recorded_while_down_is_late_and_alarms_among_it_go_first(line: Line) -> None:
    line.note([row(n, alarm=n % 10 == 0) for n in range(1, 501)])
    line.connect()
    assert sorted(line.drain()) == list(range(1, 501))
    for ledger in line.ledgers.values():
        assert ledger.delivered.complete_to(1) == 500
        assert ledger.waiting == 0


@pytest.mark.parametrize("how", ["refused", "lost"])
def test_of_too_many_unrecorded_alarms_the_newest_are_kept(line: Line, how: str) -> None:
    for number in range(UNRECORDED_MOST):
        line.outbox.unrecorded(b"%d" % number)
    line.connect(receive_maximum=1)
    for number in range(UNRECORDED_MOST, UNRECORDED_MOST + 5):
        line.outbox.unrecorded(b"%d" % number)
    if how == "refused":
        line.answer(ABSENT)
    else:
        line.disconnect()
        line.connect(receive_maximum=1)
    while len(line.flying) < 1 and line.outbox.due_s(line.now_s):
        line.now_s = line.outbox.due_s(line.now_s) or line.now_s
        line.pump()
    said = []
    while line.flying:
        said.append(int(line.answer().payload))
    assert said == list(range(5, UNRECORDED_MOST + 5))


def test_late_batches_that_are_read_still_wait_until_they_are_taken() -> None:
    ledger = Ledger(Lane.REST, Ranges(), 10)  # three of the ten are alarms, as reading shows
    gap = ledger.wants()
    assert gap is not None
    assert gap.span == (1, 10)
    ledger.stocked(gap, [Parcel((1, 10), 10, 7, b"[]")], 10)
    assert ledger.wants() is None
    assert ledger.waiting >= 7
    batch = ledger.take_late()
    assert ledger.wants() is None
    assert ledger.waiting == 7  # and known for certain
    ledger.credit(batch)
    assert ledger.waiting == 0


def test_a_new_alarm_overtakes_late_alarms_and_the_backlog(line: Line) -> None:
    line.note([row(n, alarm=n < 5000) for n in range(1, 10_001)])
    line.connect()
    for _ in range(20):
        line.go_on()
    line.note([row(10_001, alarm=True)])
    assert line.flying[-1].rank is Rank.ALARM
    assert numbers_of(line.flying[-1]) == [10_001]


def test_the_backlog_leaves_room_for_alarms_whatever_the_window(line: Line) -> None:
    line.note([row(n) for n in range(1, 5_001)])
    line.connect(receive_maximum=2)
    while line.reading:
        line.read()
    assert len(line.flying) == 1
    line.note([row(5_001, alarm=True)])
    assert [m.rank for m in line.flying] == [Rank.BACKLOG, Rank.ALARM]


def test_late_events_are_paced(line: Line) -> None:
    count = pace.MOST_PER_S
    line.note([row(n) for n in range(1, count + 1)])
    line.connect()
    began_s = line.now_s
    assert line.drain() == list(range(1, count + 1))
    assert 0.8 < line.now_s - began_s < 1.1


def test_what_was_on_the_disk_at_the_start_is_not_taken_for_new(line: Line) -> None:
    rows = [row(1), row(2, alarm=True), row(3)]
    line.record.rows += rows
    line.ledgers = {lane: Ledger(lane, Ranges(), 3) for lane in Lane}
    line.connect()
    line.outbox.note(rows, line.now_s)  # told of only now
    line.pump()
    assert sorted(line.drain()) == [1, 2, 3]


def test_a_window_of_one_is_kept(line: Line) -> None:
    line.connect(receive_maximum=1)
    line.note([row(1), row(2, alarm=True), row(3)])
    assert len(line.flying) == 1
    assert sorted(line.drain()) == [1, 2, 3]


def test_no_subscriber_holds_the_topic_and_the_event_until_there_is_one(line: Line) -> None:
    line.connect()
    line.note([row(1)])
    line.answer(ABSENT)  # live; it is late now
    line.read()
    line.answer(ABSENT)
    trouble = line.outbox.trouble()
    assert trouble is not None
    assert (trouble.code, trouble.topic) == (ABSENT, "armoury/v1/s/event/backlog")
    assert not line.flying
    for _ in range(20):  # it is tried again and again, one message at a time
        line.now_s = line.outbox.due_s(line.now_s) or line.now_s
        line.pump()
        while line.reading:
            line.read()
        assert len(line.flying) <= 1
        if line.flying:
            line.answer(ABSENT)
    line.now_s += 60
    line.pump()
    assert line.drain() == [1]
    assert line.outbox.trouble() is None


def test_an_alarm_is_tried_at_once_though_nobody_listened_before(line: Line) -> None:
    line.connect()
    line.note([row(1, alarm=True)])
    line.answer(ABSENT)
    line.read()
    line.answer(ABSENT)
    assert not line.flying
    line.note([row(2, alarm=True)])
    while line.reading:
        line.read()
    assert Rank.ALARM in {m.rank for m in line.flying}
    assert sorted(line.drain()) == [1, 2]


def test_one_topic_that_is_refused_does_not_stop_the_others(line: Line) -> None:
    line.connect()
    line.note([row(1), row(2, alarm=True)])
    line.answer(GOOD)
    line.answer(REFUSED)
    line.read()
    line.answer(REFUSED)
    line.note([row(3, alarm=True)])
    assert [numbers_of(m) for m in line.flying] == [[3]]


def said(line: Line, *topics: str) -> list[str]:
    """Say something on these topics of the site; return what has gone out of it."""
    for topic in topics:
        line.outbox.say(f"armoury/v1/s/{topic}", b"{}", retain=True)
    line.pump()
    return [message.topic.removeprefix("armoury/v1/s/") for message in line.flying]


def test_what_may_not_be_published_is_left_out_over_connections_and_tried_again(
    line: Line,
) -> None:
    retained = ("status/a", "device/b", "area/c", "device/d")
    for _ in range(2):
        line.connect()
        if said(line, *retained) == [*retained]:
            line.answer(REFUSED, at=1)
            assert line.outbox.forbidden.topic == "armoury/v1/s/device/b"
        line.disconnect()  # as mosquitto does, at once
    line.connect()
    line.note([row(1, alarm=True)])
    assert said(line, *retained)[-2:] == ["status/a", "area/c"]
    line.drain()
    line.now_s += 29
    assert not line.outbox.forbidden.look(line.now_s)
    line.now_s += 31
    assert line.outbox.forbidden.look(line.now_s)
    assert said(line, "device/b") == ["device/b"]
    assert line.outbox.forbidden.topic, "nobody knows yet"
    line.drain()
    assert not line.outbox.forbidden.look(line.now_s + 30)
    assert not line.outbox.forbidden.topic


def test_what_is_refused_again_waits_longer(line: Line) -> None:
    line.connect()
    pauses_s = []
    for _ in range(9):
        assert said(line, "health", "health") == ["health"]
        line.answer(REFUSED)
        since_s = line.now_s
        while not line.outbox.forbidden.look(line.now_s):
            line.now_s += 30
            assert line.now_s - since_s < 10_000, "it is never tried again"
        pauses_s.append(line.now_s - since_s)
    assert 30 <= pauses_s[0] <= 90
    assert 1800 <= pauses_s[-1] <= 3630


def test_a_birth_that_is_refused_is_not_left_out(line: Line) -> None:
    line.connect()
    assert said(line, "status/a") == ["status/a"]
    line.answer(REFUSED)
    assert not line.outbox.forbidden.topic
    assert line.outbox.trouble() is not None


def test_a_single_event_that_is_too_large_is_set_aside_and_not_forgotten(line: Line) -> None:
    line.note([row(1), row(2, size=3000), row(3)])
    line.connect(packet_bytes=2000)
    assert line.drain() == [1, 3]
    assert line.outbox.aside is not None
    assert line.outbox.aside.seq == 2
    assert 2 not in line.ledgers[Lane.REST].delivered
    line.disconnect()
    line.connect()
    assert line.drain() == [2]
    assert line.outbox.aside is None


def test_batches_shrink_to_what_the_broker_takes(line: Line) -> None:
    line.note([row(n, size=100) for n in range(1, 101)])
    line.connect(packet_bytes=1500)
    assert line.drain() == list(range(1, 101))
    assert line.outbox.asides == 0


def taken_up_to(line: Line, limit_bytes: int) -> None:
    """Be a broker that hangs up over what is larger, and says nothing of it before."""
    for _ in range(30):
        line.connect()
        while line.busy():
            if any(len(m.payload) > limit_bytes for m in line.flying):
                line.disconnect(objected=True, steady=False)
                break
            line.go_on()
        else:
            return
    pytest.fail("it never got through")


def test_batches_become_smaller_when_the_broker_objects(line: Line) -> None:
    line.note([row(n, size=100) for n in range(1, 301)])
    taken_up_to(line, 3000)
    assert line.ledgers[Lane.REST].delivered.complete_to(1) == 300


def test_a_single_event_that_the_broker_objects_to_is_left_out_until_all_was_well(
    line: Line,
) -> None:
    line.note([row(n, size=4000 if n == 50 else 100) for n in range(1, 101)])
    taken_up_to(line, 3000)
    delivered = line.ledgers[Lane.REST].delivered
    assert [n for n in range(1, 101) if n not in delivered] == [50]
    assert line.outbox.aside is not None
    assert line.outbox.aside.seq == 50
    line.note([row(101), row(102, alarm=True)])
    assert sorted(line.drain()) == [101, 102]
    line.disconnect(steady=True)
    line.connect()
    assert line.drain() == [50]


def test_an_event_that_is_left_out_can_still_show_that_its_topic_is_taken(line: Line) -> None:
    line.note([row(n, size=4000 if n == 50 else 100) for n in range(1, 101)])
    taken_up_to(line, 3000)
    line.outbox.probe("armoury/v1/s/event/backlog", row(50, size=4000))
    line.pump()
    assert numbers_of(line.answer()) == [50]
    assert 50 not in line.ledgers[Lane.REST].delivered, "it is on nobody's account"


def test_care_ends_when_messages_pass(line: Line) -> None:
    line.connect()
    line.note([row(1, alarm=True)])
    line.disconnect(steady=False)
    line.note([row(n, alarm=True) for n in range(2, 40)])
    line.connect()
    assert len(line.flying) <= 1
    line.drain()
    line.note([row(n, alarm=True) for n in range(40, 50)])
    for _ in range(20):
        line.note([row(len(line.record.rows) + 1, alarm=True)])
        line.answer()
    assert len(line.flying) > 1


def test_unrecorded_alarms_are_first_and_kept_until_taken(line: Line) -> None:
    line.outbox.unrecorded(b'{"ref":"a"}')
    line.note([row(1, alarm=True)])
    line.connect()
    assert line.flying[0].payload == b'{"ref":"a"}'
    line.disconnect()
    line.connect()
    assert line.flying[0].payload == b'{"ref":"a"}'
    line.answer(ABSENT)
    line.now_s += 60
    line.pump()
    while line.reading:
        line.read()
    assert b'{"ref":"a"}' in {m.payload for m in line.flying}


def test_what_the_monitor_asks_for_is_repeated_after_everything_else(line: Line) -> None:
    line.connect()
    line.note([row(n, alarm=n == 7) for n in range(1, 2001)])
    line.drain()
    assert line.outbox.repeats.ask(5, 1200, line.record.head)
    assert line.outbox.repeats.ask(1990, 9999, line.record.head)
    assert line.outbox.repeats.ask(5000, 9999, line.record.head)
    line.pump()
    assert line.drain() == [*range(5, 1201), *range(1990, 2001)]
    assert line.ledgers[Lane.REST].waiting == 0


def test_asking_for_what_is_pruned_is_answered_too(line: Line) -> None:
    line.connect()
    line.note([row(1), row(2)])
    line.drain()
    line.record.rows.clear()  # as if they were pruned
    line.outbox.repeats.ask(1, 1, 2)
    line.pump()
    line.read()
    assert line.flying[0].payload == b'{"events":[],"first":1,"historical":true,"last":1}'


def test_too_many_requests_are_not_taken(line: Line) -> None:
    assert [line.outbox.repeats.ask(1, 1, 1) for _ in range(33)] == [True] * 32 + [False]


def test_memory_holds_no_more_than_a_bounded_number_of_events(line: Line) -> None:
    line.connect(receive_maximum=1)
    line.note([row(n) for n in range(1, 20_001)])
    assert len(line.ledgers[Lane.REST].fresh) <= ledger_module.FRESH_MOST
    assert sorted(line.drain()) == list(range(1, 20_001))


def test_a_path_that_hands_over_is_still_credited_for_what_it_has_on_its_way() -> None:
    record = Record()
    first, second = Line(record), Line(record)
    second.ledgers = first.ledgers
    first.connect()
    first.note([row(1), row(2)])
    first.outbox.carry({})
    second.connect()
    assert not second.drain(), "what flies on the first path is not sent twice"
    assert [numbers_of(m) for m in first.flying] == [[1], [2]]
    first.answer()
    first.disconnect()
    second.connect()
    assert second.drain() == [2]


@pytest.mark.parametrize("topic", ["alarm/late", "backlog", "repeat"])
def test_what_shows_it_has_the_form_of_its_topic(line: Line, topic: str) -> None:
    line.connect()
    line.outbox.probe(f"armoury/v1/s/event/{topic}", row(1))
    line.pump()
    assert line.answer().payload == several([row(1)], historical=True)


@pytest.mark.parametrize("topic", ["alarm", "live"])
def test_what_shows_it_where_events_are_fresh_is_the_event(line: Line, topic: str) -> None:
    line.connect()
    line.outbox.probe(f"armoury/v1/s/event/{topic}", row(1))
    line.pump()
    assert line.answer().payload == row(1).body
