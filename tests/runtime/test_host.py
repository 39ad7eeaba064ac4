"""Supervision, proven on real processes whose drivers do what a driver must not."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.pauses import Pauses
from agent.runtime import host as host_module
from agent.runtime.host import Host, HostSpec
from agent.site.inputs import (
    ActionAnswered,
    Condition,
    DeviceFlooded,
    DeviceNews,
    Input,
    Outcome,
    PointRead,
    PointState,
)
from agent.site.step import Action, Release
from agent.site.value import replace
from tests.waiting import BUSY

ROOT = Path(__file__).parents[2]
POINTS = frozenset({"contact", "bouncing", "panic"})


@pytest.fixture(autouse=True)
def _hosts_find_the_odd_drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


class Told:
    """Everything that one host told, and waiting for what it will tell."""

    def __init__(self) -> None:
        self.inputs: list[Input] = []

    async def until(self, wanted: Callable[[Input], bool], timeout_s: float = 8.0) -> Input:
        deadline = time.monotonic() + timeout_s * BUSY
        seen = 0
        while time.monotonic() < deadline:
            for what in self.inputs[seen:]:
                if wanted(what):
                    return what
            await asyncio.sleep(0.01)
        raise AssertionError(f"not told within {timeout_s * BUSY} s; told: {self.inputs}")

    async def condition(self, condition: Condition, timeout_s: float = 8.0) -> DeviceNews:
        news = await self.until(
            lambda w: isinstance(w, DeviceNews) and w.condition is condition, timeout_s
        )
        assert isinstance(news, DeviceNews)
        return news

    def news(self) -> list[Condition]:
        return [w.condition for w in self.inputs if isinstance(w, DeviceNews)]


@asynccontextmanager
async def hosted(
    driver: str, supervision_s: float = 10.0, **options: str | int
) -> AsyncIterator[tuple[Host, Told]]:
    told = Told()
    entry = f"tests.runtime.odd_drivers:{driver}"
    spec = HostSpec("odd", entry, options, supervision_s, POINTS, frozenset())
    host = Host(spec, told.inputs.append, random.Random(1))
    running = asyncio.create_task(host.run())
    try:
        yield host, told
    finally:
        host.stop()
        await asyncio.wait_for(running, 6 * BUSY)


def action(number: int = 1) -> Action:
    return Action(number, "odd", "on", "lamp", {}, Release.NOW)


def pid_of(host: Host) -> int:
    assert host._process is not None
    return host._process.pid


async def test_a_device_comes_up_reports_and_acts() -> None:
    async with hosted("Odd") as (host, told):
        assert (await told.condition(Condition.READY)).identity == {"serial": "1"}
        await told.until(lambda w: isinstance(w, PointRead) and w.ref == "odd.contact")
        host.act(action(7))
        answered = await told.until(lambda w: isinstance(w, ActionAnswered))
        assert answered == ActionAnswered(7, Outcome.DONE, answered.at_us)


async def test_stopping_leaves_outputs_in_their_fail_state(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    async with hosted("Odd", mark=str(mark)) as (_, told):
        await told.condition(Condition.READY)
    assert mark.read_text() == "fail state\n"


async def test_a_killed_host_is_told_of_and_back_within_a_second() -> None:
    async with hosted("Odd") as (host, told):
        await told.condition(Condition.READY)
        first = pid_of(host)
        os.kill(first, signal.SIGKILL)
        faulted = await told.condition(Condition.FAULTED, 1.0)
        assert "SIGKILL" in faulted.reason
        told.inputs.clear()
        await told.condition(Condition.READY, 2.0)
        await told.until(lambda w: isinstance(w, PointRead))  # every point is told again
        assert pid_of(host) != first


@pytest.mark.parametrize(
    ("driver", "condition", "words"),
    [
        ("Silent", Condition.LOST, "no such port"),
        ("Confused", Condition.FAULTED, "answers what no module answers"),
        ("Buggy", Condition.FAULTED, "driver bug: division by zero: [2Jall is well"),
        ("Aborting", Condition.FAULTED, "SIGABRT: [31mterminate called after throwing"),
        ("Babbling", Condition.FAULTED, "sent what is no message"),
        ("Inventing", Condition.FAULTED, "reports 'nowhere', which it does not offer"),
        ("Hasty", Condition.FAULTED, "reports before it is ready"),
        ("Mumbling", Condition.LOST, "no such port ?"),
    ],
)
async def test_a_failing_driver_is_told_of_with_its_reason(
    driver: str, condition: Condition, words: str
) -> None:
    async with hosted(driver, supervision_s=60) as (_, told):  # its reason, not its lateness
        assert words in (await told.condition(condition)).reason


async def test_a_device_that_stays_away_is_told_of_once() -> None:
    async with hosted("Silent") as (host, told):
        while host.restarts < 3:
            await asyncio.sleep(0.02)
        assert told.news() == [Condition.LOST]


async def tries(host: Host, number: int) -> None:
    """Wait until the device has been tried so often."""
    async with asyncio.timeout(8 * BUSY):
        while host.restarts < number:
            await asyncio.sleep(0.01)


async def test_a_device_that_comes_late_is_found_by_the_host_that_looked_for_it(
    tmp_path: Path,
) -> None:
    async with hosted("Late", mark=str(tmp_path / "tries")) as (host, told):
        await told.condition(Condition.LOST)
        first = pid_of(host)
        await told.condition(Condition.READY)
        assert (pid_of(host), host.restarts) == (first, 2)
        await told.until(lambda w: isinstance(w, PointRead))
        host.act(action(7))
        await told.until(lambda w: isinstance(w, ActionAnswered) and w.outcome == "done")
        os.kill(first, signal.SIGKILL)
        assert "SIGKILL" in (await told.condition(Condition.FAULTED)).reason


async def test_a_host_that_waits_for_its_turn_ends_at_once() -> None:
    async with hosted("Silent") as (host, _):
        await tries(host, 2)
        waiting = pid_of(host)
    assert not Path(f"/proc/{waiting}").exists()


class OneLongPause(Pauses):
    """Long enough to do something in it, on a busy machine as well; the others are short."""

    def __init__(self) -> None:
        self._pauses_s = itertools.chain([2.0], itertools.repeat(0.05))

    def next_s(self) -> float:
        return next(self._pauses_s)


async def test_a_host_that_is_killed_while_it_waits_is_followed_by_another() -> None:
    async with hosted("Silent") as (host, told):
        host._pauses = OneLongPause()
        await tries(host, 1)
        waiting = pid_of(host)
        os.kill(waiting, signal.SIGKILL)
        await gone(waiting)
        await tries(host, 3)
        assert pid_of(host) != waiting
        assert told.news() == [Condition.LOST]


async def test_a_try_that_leaves_a_thread_behind_is_the_last_of_its_process() -> None:
    async with hosted("Littering") as (host, told):
        async with asyncio.timeout(8 * BUSY):
            while host.pid is None:
                await asyncio.sleep(0.005)
            first = host.pid
            while host.pid in (first, None):
                await asyncio.sleep(0.005)
        assert not Path(f"/proc/{first}").exists()
        assert told.news() == [Condition.LOST]


async def test_a_host_that_speaks_when_it_is_to_wait_is_not_believed_and_replaced() -> None:
    async with hosted("Haunted") as (host, told):
        host._pauses = OneLongPause()
        await tries(host, 1)
        haunted = pid_of(host)
        os.kill(haunted, signal.SIGUSR1)
        await gone(haunted)
        await tries(host, 3)
        assert told.news() == [Condition.LOST]


async def test_a_hanging_driver_is_lost_within_its_interval_and_killed() -> None:
    async with hosted("Hanging", supervision_s=5.0) as (host, told):
        ready = await told.condition(Condition.READY)
        hanging = pid_of(host)
        lost = await told.condition(Condition.LOST)
        assert "no sign of life" in lost.reason
        assert lost.at_us - ready.at_us <= 5_000_000
        await gone(hanging)


async def test_a_camera_leaves_the_processor_to_the_others() -> None:
    spec = HostSpec("odd", "tests.runtime.odd_drivers:Odd", {}, 10.0, POINTS, frozenset())
    running = []
    for behind in (False, True):
        host = Host(replace(spec, behind=behind), Told().inputs.append, random.Random(1))
        host.launch()
        running.append(host)
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    niceness = [os.getpriority(os.PRIO_PROCESS, pid_of(host)) - ours for host in running]
    pids = [pid_of(host) for host in running]
    for host in running:
        host.stop()
        await host.run()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert niceness == [0, min(10, 19 - ours)]


async def gone(pid: int) -> None:
    """Wait until a process is no more."""
    async with asyncio.timeout(3 * BUSY):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.02)


async def test_what_a_driver_has_started_goes_with_it(tmp_path: Path) -> None:
    async with hosted("Parent", mark=str(tmp_path / "child")) as (host, told):
        await told.condition(Condition.READY)
        os.kill(pid_of(host), signal.SIGKILL)
        await told.condition(Condition.FAULTED)
        await gone(int((tmp_path / "child").read_text()))


async def test_a_host_that_is_gone_is_told_of_whoever_holds_its_wire(tmp_path: Path) -> None:
    child = tmp_path / "child"
    async with hosted("Survived", supervision_s=60, mark=str(child)) as (host, told):
        host._pauses = OneLongPause()
        try:
            assert "SIGABRT" in (await told.condition(Condition.FAULTED)).reason
        finally:
            host.stop()
            os.kill(int(child.read_text()), signal.SIGKILL)


async def test_signs_of_life_before_it_is_up_are_none() -> None:
    async with hosted("Unready", supervision_s=2.0) as (_, told):
        assert "does not come up" in (await told.condition(Condition.LOST)).reason


async def test_a_driver_that_shouts_leaves_the_loop_to_the_others() -> None:
    async with hosted("Shouting") as (_, told):
        await told.condition(Condition.READY)
        worked_s = []  # by this thread: what other processes take says nothing of the loop
        for _ in range(50):
            before_s = time.thread_time()
            await asyncio.sleep(0.02)
            worked_s.append(time.thread_time() - before_s)
        assert sorted(worked_s)[25] < 0.1  # it would work for as long as it is shouted at


async def test_an_unanswered_action_is_unknown_and_its_driver_is_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(host_module, "ANSWER_S", 0.3)
    async with hosted("Deaf") as (host, told):
        await told.condition(Condition.READY)
        host.act(action(3))
        answered = await told.until(lambda w: isinstance(w, ActionAnswered))
        assert isinstance(answered, ActionAnswered)
        assert (answered.action, answered.outcome) == (3, Outcome.UNKNOWN)
        assert "hangs" in (await told.condition(Condition.FAULTED)).reason


async def test_an_action_for_an_absent_device_is_refused_at_once() -> None:
    async with hosted("Silent") as (host, told):
        await told.condition(Condition.LOST)
        host.act(action(5))
        assert told.inputs[-1] == ActionAnswered(
            5, Outcome.REFUSED, told.inputs[-1].at_us, "odd is not there"
        )


async def test_a_flood_is_thinned_out_and_the_press_in_it_is_not_lost() -> None:
    async with hosted("Flooding", readings=4001) as (_, told):
        await told.until(lambda w: isinstance(w, DeviceFlooded))
        await told.until(
            lambda w: isinstance(w, PointRead) and w.point == "panic" and w.state == "alarm"
        )
        await told.until(
            lambda w: isinstance(w, PointRead) and w.point == "panic" and w.state == "normal"
        )
        async with asyncio.timeout(10 * BUSY):
            while not over(told.inputs):
                await asyncio.sleep(0.05)
        assert sum(isinstance(w, PointRead) and w.point == "bouncing" for w in told.inputs) < 2000


def over(inputs: list[Input]) -> bool:
    """Say whether nothing has come for half a second, and what bounced lies still."""
    last = [w for w in inputs if isinstance(w, PointRead) and w.point == "bouncing"][-1]
    long_ago_us = time.monotonic_ns() // 1000 - 500_000
    return last.state is PointState.NORMAL and inputs[-1].at_us < long_ago_us
