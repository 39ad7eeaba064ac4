"""Long outages and black holes: memory stays flat, and everything arrives."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent.site.inputs import Condition
from agent.site.step import Severity
from agent.uplink import link as link_module
from agent.uplink import path as path_module
from agent.uplink import sender as sender_module
from tests.broker import Broker, Subscriber
from tests.line import Line
from tests.uplink.rig import SITE, Rig, heard, on_a_loop, path_to, until

EVENTS = f"armoury/v1/{SITE}/event/#"
QUIET = ("log_type error", "log_type subscribe", "max_inflight_messages 0")


@on_a_loop
async def test_a_black_hole_is_lost_and_nothing_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(path_module, "RECONNECT_S", (0.05, 0.2))
    monkeypatch.setattr(sender_module, "ACK_S", 0.5)
    monkeypatch.setattr(link_module, "CONNECT_S", 0.5)
    with Broker(tmp_path / "b") as broker, Subscriber(broker, EVENTS) as monitor:
        async with Line(broker.port) as line:
            options = path_to(broker).model_copy(update={"port": line.port})
            async with Rig(tmp_path / "j", options) as rig:
                rig.uplink.start()
                await rig.condition(Condition.READY)
                rig.record(20)
                await until(lambda: len(heard(monitor)) == 20, 5, "events before")
                line.swallow()
                rig.record(20)
                assert "acknowledges none" in (await rig.condition(Condition.LOST)).reason
                rig.record(20, Severity.ALARM)
                await until(lambda: "says nothing" in rig.news[-1].reason, 5, "a failed attempt")
                line.mend()
                await until(
                    lambda: {one.seq for one in heard(monitor)} == set(range(1, 61)), 15, "all"
                )


def resident_mib() -> float:
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("VmRSS:")) / 1024


async def outage(folder: Path, count: int) -> tuple[float, float, float]:
    """Record `count` events without a broker, then drain them, an alarm in between.

    Returns:
        MiB that memory grew, events a second of the drain, seconds that the alarm took.
    """
    with Broker(folder / "b", extra=QUIET) as broker, Subscriber(broker, EVENTS) as monitor:
        broker.kill()
        async with Rig(folder / "j", path_to(broker)) as rig:
            rig.uplink.start()
            await rig.condition(Condition.LOST)
            rig.record(2000)
            await rig.recorded_all(2000)
            before_mib = resident_mib()
            for done in range(2000, count, 2000):
                rig.record(2000)
                await until(lambda: rig.recorded >= done, 60, "the disk")  # noqa: B023
            await until(lambda: rig.recorded == count, 60, "the disk")
            broker.start()
            path = rig.uplink._paths[0].outbox
            await until(lambda: path.delivered > 0, 60, "the line")
            began_s, from_there = time.monotonic(), path.delivered
            await until(lambda: path.delivered > count // 2, 600, "half of it")
            raised_s = time.monotonic()
            rig.record(1, Severity.ALARM)
            ledger = next(iter(rig.uplink._ledgers.values()))
            await until(lambda: count + 1 in ledger.delivered, 5, "the alarm at the broker")
            alarm_s = time.monotonic() - raised_s
            grown_mib = resident_mib() - before_mib
            await until(lambda: path.delivered == count + 1, 600, "all of it")
            rate = (count - from_there) / (time.monotonic() - began_s)
        await until(lambda: len({one.seq for one in heard(monitor)}) == count + 1, 120, "all")
        numbers = [one.seq for one in heard(monitor)]
    assert numbers.index(count + 1) < 0.9 * count, "the alarm was behind the backlog"
    assert [seq for seq in numbers if seq <= count] == list(range(1, count + 1))
    return grown_mib, rate, alarm_s


@on_a_loop
async def test_an_outage_is_drained_in_order_around_an_alarm(tmp_path: Path) -> None:
    grown_mib, rate, alarm_s = await outage(tmp_path, 20_000)
    assert grown_mib < 10
    assert rate > 5_000
    assert alarm_s < 0.5


@pytest.mark.soak
@on_a_loop
async def test_a_week_at_two_events_a_second(tmp_path: Path) -> None:
    grown_mib, rate, alarm_s = await outage(tmp_path, 1_200_000)
    assert grown_mib < 10
    assert rate > 20_000
    assert alarm_s < 0.1
