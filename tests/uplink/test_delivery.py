"""The record's way to an independent subscriber, over a real mosquitto that is ill-treated."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from agent.journal.errors import StorageFailed
from agent.journal.ranges import Ranges
from agent.journal.record import Recorded
from agent.site.inputs import Condition
from agent.site.step import Severity
from agent.uplink import path as path_module
from agent.uplink import sender as sender_module
from tests.broker import Broker, Subscriber
from tests.uplink.rig import (
    SITE,
    Rig,
    heard,
    keeps_to_the_contract,
    on_a_loop,
    path_to,
    until,
)

FEED = f"armoury/v1/{SITE}/#"
# its default hands a subscriber 20 messages at a time, and takes as many from us
WIDE = ("max_inflight_messages 0",)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time pass faster."""
    monkeypatch.setattr(path_module, "RECONNECT_S", (0.05, 0.4))
    monkeypatch.setattr(sender_module, "ACK_S", 1.0)


async def arrived(subscriber: Subscriber, rig: Rig, timeout_s: float = 20) -> None:
    """Wait until the subscriber has the record: every number, and the bytes as stored."""
    await rig.recorded_all(rig.submitted)
    wanted = set(range(1, rig.journal.head + 1))
    await until(
        lambda: {one.seq for one in heard(subscriber)} >= wanted,
        timeout_s,
        f"all of {len(wanted)} events at the subscriber",
    )
    assert {one.seq: one.body for one in heard(subscriber)} == rig.bodies()
    keeps_to_the_contract(subscriber)


async def load(rig: Rig) -> None:
    """Record for a tenth of a second."""
    for _ in range(10):
        rig.record(5)
        rig.record(1, Severity.ALARM)
        await asyncio.sleep(0.01)


@on_a_loop
async def test_an_event_arrives_as_it_was_recorded(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            rig.record(severity=Severity.ALARM)
            rig.record()
            await arrived(monitor, rig)
            assert [one.topic.split("/", 3)[3] for one in heard(monitor)] == [
                "event/alarm",
                "event/live",
            ]
            await until(lambda: rig.uplink.status()["fibre"]["delivered"] == 2, 30, "answers")
            status = rig.uplink.status()["fibre"]
            assert (status["condition"], status["waiting"]) == ("ready", 0)


@on_a_loop
async def test_what_was_recorded_before_comes_as_historical_alarms_first(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.record(300)
            rig.record(2, Severity.ALARM)
            await rig.recorded_all(302)
            rig.uplink.start()
            await arrived(monitor, rig)
            came = heard(monitor)
            assert all(one.historical for one in came)
            assert [one.seq for one in came] == [301, 302, *range(1, 301)]


@on_a_loop
async def test_what_is_delivered_is_not_sent_again_by_the_next_run(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            rig.record(50)
            rig.record(1, Severity.ALARM)
            await arrived(monitor, rig)
            await until(lambda: rig.uplink.waiting() == 0, 30, "every answer")
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            rig.record()
            await arrived(monitor, rig)
        numbers = [one.seq for one in heard(monitor)]
        assert sorted(numbers) == list(range(1, 53))


def ask_again(broker: Broker, payload: str) -> None:
    """Ask for events as a monitor does, with a client that nobody here wrote."""
    command = ["mosquitto_pub", "-V", "5", "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1"]
    topic = f"armoury/v1/{SITE}/request/repeat"
    subprocess.run([*command, "-t", topic, "-m", payload], check=True, timeout=60)


async def arrived_at_last(broker: Broker, monitor: Subscriber, rig: Rig) -> None:
    """Wait until everything is delivered; ask for what brokers acknowledged and took with them."""
    await rig.recorded_all(rig.submitted)
    await until(lambda: rig.uplink.status()["fibre"]["waiting"] == 0, 30, "delivery")
    rig.record()
    await until(lambda: rig.submitted in {h.seq for h in heard(monitor)}, 30, "the last")
    had = Ranges.of((one.seq, one.seq) for one in heard(monitor))
    missing = Ranges(tuple(had.gaps(1, rig.submitted)))
    assert len(missing) < rig.submitted // 4, "only what was on its way through a dying broker"
    for first, last in missing.spans:
        ask_again(broker, json.dumps({"first": first, "last": last}))
    await arrived(monitor, rig)


@on_a_loop
async def test_the_monitor_gets_again_what_it_asks_for(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            rig.record(1000)
            await arrived(monitor, rig)
            for hostile in ("", "[]", '{"first":0,"last":5}', '{"first":"1","last":2}', "[" * 5000):
                ask_again(broker, hostile)
            ask_again(broker, '{"first":11,"last":510,"of_tomorrow":true}')

            def repeated() -> list[int]:
                return [one.seq for one in heard(monitor) if one.topic.endswith("event/repeat")]

            await until(lambda: len(repeated()) >= 500, 30, "a repeat")
            assert repeated() == list(range(11, 511))
            assert rig.uplink.status()["fibre"]["ignored"] == 5


@on_a_loop
async def test_a_broker_killed_again_and_again_loses_nothing_for_good(
    tmp_path: Path, quick: None
) -> None:
    """What a broker acknowledged and took with it, the monitor sees by number and asks for."""
    with Broker(tmp_path / "b", extra=WIDE) as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            for _ in range(3):
                await load(rig)
                broker.kill()
                await load(rig)
                broker.start()
                await rig.condition(Condition.READY)
            await arrived_at_last(broker, monitor, rig)


@on_a_loop
async def test_a_broker_that_hangs_is_lost_and_nothing_with_it(tmp_path: Path, quick: None) -> None:
    with Broker(tmp_path / "b", extra=WIDE) as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            broker.freeze()
            rig.record(20)
            lost = await rig.condition(Condition.LOST, 5)
            assert "acknowledges none" in lost.reason
            rig.record(20)
            broker.thaw()
            await arrived(monitor, rig)


@on_a_loop
async def test_a_flapping_broker_loses_nothing_and_is_news_once_a_change(
    tmp_path: Path, quick: None
) -> None:
    with Broker(tmp_path / "b", extra=WIDE) as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            for _ in range(5):
                await load(rig)
                broker.stop()
                await load(rig)
                broker.start()
            await arrived_at_last(broker, monitor, rig)
            said = [(news.condition, news.reason) for news in rig.news]
            assert all(a != b for a, b in itertools.pairwise(said))


@on_a_loop
async def test_without_a_subscriber_events_are_held_until_there_is_one(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            rig.record(10)
            absent = await rig.condition(Condition.ABSENT)
            assert "nobody is subscribed" in absent.reason
            rig.record(3, Severity.ALARM)
            with Subscriber(broker, FEED) as monitor:
                await arrived(monitor, rig)
                await rig.condition(Condition.READY)
                await until(lambda: rig.uplink.waiting() == 0, 30, "every answer")


@on_a_loop
async def test_a_persistent_session_is_a_subscriber_although_nobody_is_there(
    tmp_path: Path,
) -> None:
    with Broker(tmp_path / "b", persistent=True) as broker:
        with Subscriber(broker, FEED, session="monitor"):
            pass
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            rig.record(10)
            await until(lambda: rig.uplink.status()["fibre"]["delivered"] == 10, 30, "delivery")
            with Subscriber(broker, FEED, session="monitor") as monitor:
                await arrived(monitor, rig)


@on_a_loop
async def test_an_alarm_raised_while_3000_events_drain_does_not_wait_for_them(
    tmp_path: Path,
) -> None:
    slow = ("max_inflight_messages 2",)  # the drain lasts long enough to be overtaken
    with Broker(tmp_path / "b", extra=slow) as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.record(3000)
            await rig.recorded_all(3000)
            rig.uplink.start()
            await until(lambda: rig.uplink.status()["fibre"]["delivered"] >= 400, 30, "a drain")
            broker.freeze()  # nothing drains while the disk takes its time over the alarm
            rig.record(1, Severity.ALARM)
            await rig.recorded_all(3001)
            broker.thaw()
            await arrived(monitor, rig)
            numbers = [one.seq for one in heard(monitor)]
            assert 400 <= numbers.index(3001) < 2500
            rest = [seq for seq in numbers if seq != 3001]
            assert rest == list(range(1, 3001)), "in order, and none twice"


@on_a_loop
async def test_a_small_maximum_packet_size_makes_small_batches(tmp_path: Path) -> None:
    small = ("max_packet_size 3000",)
    with Broker(tmp_path / "b", extra=small) as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.record(500)
            await rig.recorded_all(500)
            rig.uplink.start()
            await arrived(monitor, rig)
            assert max(len(payload) for _, _, payload in monitor.received()) < 3000


@on_a_loop
async def test_an_event_too_large_for_the_broker_is_told_and_the_others_pass(
    tmp_path: Path,
) -> None:
    small = ("max_packet_size 3000",)
    with Broker(tmp_path / "b", extra=small) as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.record(1, data="x" * 5000)
            rig.uplink.start()
            rig.record(5)
            news = await rig.condition(Condition.FAULTED)
            assert "event 1 is" in news.reason
            assert "max_packet_size" in news.reason
            await until(lambda: len(heard(monitor)) == 5, 30, "the others")
            broker.kill()
            broker.extra = ()
            broker.start()
            await rig.condition(Condition.READY, 20)
            await arrived(monitor, rig)


@on_a_loop
async def test_a_limit_that_the_broker_does_not_announce_stops_nothing_else(
    tmp_path: Path, quick: None
) -> None:
    hidden = ("message_size_limit 2000",)
    with Broker(tmp_path / "b", extra=hidden) as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.record(100)
            rig.record(1, data="x" * 5000)
            rig.record(100)
            await rig.recorded_all(201)
            rig.uplink.start()
            wanted = set(range(1, 202)) - {101}
            await until(lambda: {one.seq for one in heard(monitor)} >= wanted, 30, "the others")
            news = await rig.condition(Condition.FAULTED)
            assert "event 101 is" in news.reason


@on_a_loop
async def test_a_compressed_backlog_says_so_and_is_the_record(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker, compress=True)) as rig:
            rig.record(1000)
            await rig.recorded_all(1000)
            rig.uplink.start()
            await arrived(monitor, rig)
            sizes = [len(p) for topic, _, p in monitor.received() if topic.endswith("backlog")]
            assert sum(sizes) < 0.2 * sum(len(body) for body in rig.bodies().values())
            assert "application/zlib" in monitor.content_types()


@on_a_loop
async def test_alarms_that_cannot_wait_for_the_disk_go_out_under_their_reference(
    tmp_path: Path,
) -> None:
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.unrecorded(b'{"kind":"panic.raised","ref":"b/u-1"}', "b/u-1")
            rig.uplink.start()
            await rig.condition(Condition.READY)
            rig.uplink.unrecorded(b'{"kind":"panic.raised","ref":"b/u-2"}', "b/u-2")
            topic = f"armoury/v1/{SITE}/event/unrecorded"
            await until(lambda: [t for t, _, _ in monitor.received()].count(topic) == 2, 30, "both")


@on_a_loop
async def test_a_card_that_stalls_does_not_stall_a_new_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.record(300)
            await rig.recorded_all(300)
            read = rig.journal.read
            monkeypatch.setattr(
                rig.journal, "read", lambda *a, **k: release.wait(60) and read(*a, **k)
            )
            rig.uplink.start()
            await rig.condition(Condition.READY)
            rig.record(1, Severity.ALARM)
            rig.record(1)
            try:
                await until(lambda: len(heard(monitor)) == 2, 30, "what is new")
                assert [one.seq for one in heard(monitor)] == [301, 302]
            finally:
                release.set()
            await arrived(monitor, rig)


@on_a_loop
async def test_a_journal_that_cannot_be_read_is_told_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "REREAD_S", 0.05)
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.record(300)
            await rig.recorded_all(300)
            read = rig.journal.read

            def fail(*_: Any, **__: Any) -> list[Recorded]:
                raise StorageFailed("the disk failed")

            monkeypatch.setattr(rig.journal, "read", fail)
            rig.uplink.start()

            def told() -> str:
                return str(rig.uplink.status()["fibre"]["unreadable"])

            await until(told, 30, "the reason")
            assert told() == "the disk failed"
            monkeypatch.setattr(rig.journal, "read", read)
            await arrived(monitor, rig)
            assert told() == ""
