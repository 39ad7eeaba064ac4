"""Long outages and black holes: memory stays flat, and everything arrives."""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.site.inputs import Condition
from agent.site.step import Severity
from agent.uplink import link as link_module
from agent.uplink import path as path_module
from agent.uplink import sender as sender_module
from agent.uplink.message import Rank
from agent.uplink.pace import Pace
from benchmarks.uplink import drain_one_by_one
from tests.broker import Broker, Subscriber
from tests.line import Line
from tests.uplink.rig import SITE, Rig, Tally, heard, on_a_loop, path_to, until

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
                await until(lambda: len({one.seq for one in heard(monitor)}) == 20, 30, "events")
                line.swallow()
                rig.record(20)
                assert "acknowledges none" in (await rig.condition(Condition.LOST)).reason
                rig.record(20, Severity.ALARM)
                await until(lambda: "says nothing" in rig.news[-1].reason, 30, "a failed attempt")
                line.mend()
                await until(
                    lambda: {one.seq for one in heard(monitor)} == set(range(1, 61)), 30, "all"
                )


def resident_mib() -> float:
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("VmRSS:")) / 1024


async def alarm_s(rig: Rig, tally: Tally) -> float:
    """Return how long an alarm takes from before its commit to the monitor."""
    before, raised_s = len(tally.read()), time.monotonic()
    rig.record(1, Severity.ALARM)
    await until(lambda: len(tally.read()) > before, 30, "the alarm")
    return time.monotonic() - raised_s


class Held(Pace):
    """Lets no late event leave."""

    def free_s(self) -> float:
        return time.monotonic() + 3600


async def medians_s(rig: Rig, tally: Tally, times: int) -> tuple[float, float]:
    """Return how long an alarm takes while the backlog is held, and while it drains.

    By turns: a machine that others load is not the same from one minute to the next.
    """
    path = rig.uplink._paths[0]
    outbox, held, draining = path.outbox, list[float](), list[float]()
    for _ in range(times):
        pace, outbox.pace = outbox.pace, Held()
        await until(lambda: not outbox._flying[Rank.BACKLOG], 60, "no batch is on its way")
        held.append(await alarm_s(rig, tally))
        outbox.pace, so_far = pace, outbox.delivered
        path.pump()
        await until(lambda: outbox.delivered > so_far + 1000, 60, "it drains")  # noqa: B023
        draining.append(await alarm_s(rig, tally))
    return statistics.median(held), statistics.median(draining)


@dataclass(frozen=True)
class Outage:
    """How an outage went: memory in MiB, events a second of the drain, alarms in seconds."""

    before_mib: float
    grown_mib: float
    rate: float
    held_s: float
    in_drain_s: float


async def outage(folder: Path, count: int, times: int) -> Outage:
    """Record `count` events without a broker, then drain them, so many alarms in between."""
    with (
        Broker(folder / "b", extra=QUIET) as broker,
        Subscriber(broker, EVENTS, session="monitor") as monitor,
        Subscriber(broker, f"{EVENTS[:-1]}alarm", session="alarms") as siren,
    ):
        alarms = Tally(siren)
        async with Rig(folder / "j", path_to(broker)) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            broker.kill()
            await rig.condition(Condition.LOST)
            rig.record(2000)
            await rig.recorded_all(rig.submitted)
            before_mib = resident_mib()
            while rig.submitted < count:
                rig.record(2000)
                await until(lambda: rig.recorded >= rig.submitted - 2000, 60, "the disk")
            await until(lambda: rig.recorded == rig.submitted, 60, "the disk")
            backlog = rig.submitted
            broker.start()
            path = rig.uplink._paths[0].outbox
            await until(lambda: path.delivered > backlog // 4, 600, "a quarter of it")
            held_s, in_drain_s = await medians_s(rig, alarms, times)
            assert path.delivered < backlog, "the alarms were raised in the drain"
            grown_mib = resident_mib() - before_mib
            began_s, from_there = time.monotonic(), path.delivered
            await until(lambda: path.delivered == rig.submitted, 600, "all of it")
            rate = (path.delivered - from_there) / (time.monotonic() - began_s)
        tally = Tally(monitor)
        await until(lambda: len(set(tally.read())) == rig.submitted, 600, "all")
    assert_in_order(tally.numbers, 2 * times, backlog)
    return Outage(before_mib, grown_mib, rate, held_s, in_drain_s)


def assert_in_order(numbers: list[int], alarms: int, backlog: int) -> None:
    """Fail unless the backlog came in order, and the alarms raised meanwhile before its end."""
    late = [seq for seq in dict.fromkeys(numbers) if seq <= backlog]
    assert late == list(range(1, backlog + 1))
    raised = range(backlog + 1, backlog + alarms + 1)
    assert max(map(numbers.index, raised)) < numbers.index(backlog)


@on_a_loop
async def test_an_outage_is_drained_in_order_around_an_alarm(tmp_path: Path) -> None:
    went = await outage(tmp_path, 40_000, 3)
    assert went.grown_mib < 10


@pytest.mark.soak
@on_a_loop
async def test_a_week_at_two_events_a_second(tmp_path: Path) -> None:
    went = await outage(tmp_path, 1_200_000, 11)
    with Broker(tmp_path / "floor", extra=QUIET) as broker:
        floor_s = await asyncio.to_thread(drain_one_by_one, tmp_path, broker.port, 8000)
    logging.getLogger(__name__).warning("%s; floor %.0f events a second", went, 8000 / floor_s)
    assert went.grown_mib <= 0.1 * went.before_mib
    assert went.rate >= 3 * 8000 / floor_s
    assert went.in_drain_s <= max(2 * went.held_s, 0.02)
