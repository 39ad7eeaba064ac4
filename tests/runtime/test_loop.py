"""Decide, record, act: what leaves when, with a journal that commits when the test says so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from agent.journal.record import Batch, Entry, Recorded
from agent.runtime import loop as loop_module
from agent.runtime.clock import Clock
from agent.runtime.loop import Loop
from agent.site.inputs import ActionAnswered, Commanded, Input, Origin, Outcome, Tick
from agent.site.moment import Moment
from agent.site.step import Action, Answer, Event, Release, Severity, Step
from tests.waiting import BUSY


class Rules:
    """A site that does on each command what its parameters say."""

    def __init__(self) -> None:
        self.told: list[Input] = []
        self.due: int | None = None

    def step(self, what: Input, now: Moment) -> Step:
        self.told.append(what)
        if isinstance(what, Tick):
            self.due = None
        if not isinstance(what, Commanded):
            return Step()
        release = Release(what.params["release"])
        severity = Severity(what.params.get("severity", "access"))
        return Step(
            [Event("door.unlocked", "store", severity, now)],
            [Action(1, "board", "pulse", "strike", {}, release)],
            {"door/store": "open"},
            [Answer(what.command, accepted=True)],
        )

    def wake_us(self) -> int | None:
        return self.due


class Ports:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.batches: list[tuple[Batch, int]] = []
        self.refs: list[str] = []

    def submit(self, batch: Batch, tag: int) -> None:
        self.batches.append((batch, tag))

    def act(self, action: Action) -> None:
        self.done.append(f"act {action.release}")

    def answer(self, answer: Answer) -> None:
        self.done.append(f"answer {answer.command}")

    def recorded(self, rows: tuple[Recorded, ...]) -> None:
        self.done.append(f"recorded {len(rows)}")

    def unrecorded(self, entry: Entry) -> None:
        assert entry.ref is not None
        self.refs.append(entry.ref)


def asked(**params: str) -> Commanded:
    return Commanded("c-1", "open", params, "uid:0", Origin.LOCAL, time.monotonic_ns() // 1000)


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition, leaving the loop free meanwhile."""
    deadline = time.monotonic() + 2 * BUSY
    while not condition():
        assert time.monotonic() < deadline, f"not within {2 * BUSY} s: {what}"
        await asyncio.sleep(0.005)


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> tuple[Loop, Rules, Ports]:
    monkeypatch.setattr(loop_module, "LATE_S", 60.0)  # no commit is late but where a test says so
    rules, ports = Rules(), Ports()
    return Loop(rules, ports, Clock()), rules, ports


House = tuple[Loop, Rules, Ports]


async def test_nothing_opens_and_nobody_is_answered_before_the_commit(house: House) -> None:
    loop, _, ports = house
    loop.put(asked(release="recorded"))
    await turns()
    assert ports.done == []
    loop.committed(ports.batches[0][1], ())
    assert ports.done == ["act recorded", "recorded 0", "answer c-1"]


async def test_relocking_waits_for_nothing(house: House) -> None:
    loop, _, ports = house
    loop.put(asked(release="now"))
    await turns()
    assert ports.done == ["act now"]


async def test_inputs_that_wait_together_share_one_commit(house: House) -> None:
    loop, _, ports = house
    for _ in range(20):
        loop.put(asked(release="recorded"))
    await turns()
    assert [len(batch.entries) for batch, _ in ports.batches] == [20]


async def test_what_comes_at_once_is_decided_at_once_and_shares_one_commit(house: House) -> None:
    loop, rules, ports = house

    def tell(said: bytes) -> None:
        for _ in said.split():
            loop.put(asked(release="recorded"))
        if said.endswith(b"nonsense"):
            raise ValueError(said)

    loop.hear(tell, b"one two three")
    assert [len(batch.entries) for batch, _ in ports.batches] == [3]
    with pytest.raises(ValueError, match="nonsense"):
        loop.hear(tell, b"four nonsense")
    assert [len(batch.entries) for batch, _ in ports.batches] == [3, 2]
    loop.hear(tell, b"")
    loop.put(asked(release="recorded"))  # and what another puts waits for the loop's turn as ever
    loop.hear(tell, b"")
    await turns()
    assert len(rules.told) == sum(len(batch.entries) for batch, _ in ports.batches) == 6


async def test_an_unlock_whose_commit_is_late_is_cancelled_and_never_sent(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "LATE_S", 0.02)
    loop, rules, ports = house
    loop.put(asked(release="recorded"))
    await until(lambda: len(rules.told) == 2, "an answer")
    cancelled = rules.told[-1]
    assert isinstance(cancelled, ActionAnswered)
    assert cancelled.outcome is Outcome.CANCELLED
    loop.committed(ports.batches[0][1], ())
    assert "act recorded" not in ports.done


async def test_an_alarm_leaves_late_but_once_under_the_reference_that_it_bears_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "LATE_S", 0.02)
    loop, _, ports = house
    loop.put(asked(release="alarm", severity="alarm"))
    await until(lambda: ports.done, "the action")
    assert ports.done == ["act alarm"]
    batch, tag = ports.batches[0]
    assert ports.refs == [batch.entries[0].ref]
    loop.committed(tag, ())
    assert ports.done == ["act alarm", "recorded 0", "answer c-1"]


async def test_an_unlock_that_a_relock_overtakes_never_leaves(house: House) -> None:
    loop, rules, ports = house
    loop.put(asked(release="recorded"))
    await turns()
    loop.put(asked(release="now"))
    await turns()
    assert ports.done == ["act now"]
    assert rules.told[-1] == ActionAnswered(
        1, Outcome.CANCELLED, rules.told[-1].at_us, "taken back before it was recorded"
    )
    for _, tag in ports.batches:
        loop.committed(tag, ())
    assert "act recorded" not in ports.done


async def test_a_commit_that_is_late_cancels_even_when_the_timer_was_late_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, rules, ports = house
    loop.put(asked(release="recorded"))
    await turns()
    monkeypatch.setattr(loop_module, "LATE_S", 0.0)
    loop.committed(ports.batches[0][1], ())
    await turns()
    assert "act recorded" not in ports.done
    assert isinstance(rules.told[-1], ActionAnswered)


async def test_a_timer_reaches_the_site_when_it_is_due(house: House) -> None:
    loop, rules, _ = house
    due_us = rules.due = time.monotonic_ns() // 1000 + 30_000
    loop.put(asked(release="now"))
    ticks = lambda: [what for what in rules.told if isinstance(what, Tick)]  # noqa: E731
    await until(ticks, "a tick")
    await turns()
    assert len(ticks()) == 1
    assert ticks()[0].at_us >= due_us


async def test_settled_is_after_the_last_commit(house: House) -> None:
    loop, _, ports = house
    loop.put(asked(release="recorded"))
    await turns()
    settled = asyncio.ensure_future(loop.settled())
    await turns()
    assert not settled.done()
    loop.committed(ports.batches[0][1], ())
    await asyncio.wait_for(settled, 1)
