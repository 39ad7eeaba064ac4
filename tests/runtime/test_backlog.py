"""While the disk refuses: what waits is bounded, what is left out is counted, no alarm ever is."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.journal.record import Batch, Entry, Recorded
from agent.runtime import backlog as backlog_module
from agent.runtime.backlog import BEYOND_PCT, FREELY, Backlog
from agent.runtime.clock import Clock
from agent.runtime.loop import Loop
from agent.site.inputs import (
    Commanded,
    Condition,
    Input,
    Json,
    Origin,
    PointRead,
    PointState,
    RecordOverflowed,
    StorageNews,
)
from agent.site.moment import Moment
from agent.site.step import Action, Answer, Event, Severity, Step

MOST = 300


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "MOST", MOST)


def event(severity: Severity, at_us: int = 0, **data: Json) -> Event:
    return Event("point.changed", "x", severity, Moment(at_us, at_us, "b", True), data=data)


@given(st.lists(st.tuples(st.sampled_from(Severity), st.booleans()), max_size=2000))
def test_its_weight_is_bounded_but_for_alarms(what: list[tuple[Severity, bool]]) -> None:
    backlog = Backlog()
    waiting: list[int] = []
    taken: Counter[Severity] = Counter()
    for tag, (severity, commits) in enumerate(what):
        kept = backlog.sifted([event(severity)])
        assert kept or severity is not Severity.ALARM
        taken[severity] += len(kept)
        if kept:
            backlog.add(tag, kept)
            waiting.append(tag)
        if commits and waiting:
            backlog.remove(waiting.pop(0))
        others = backlog.weight - 2 * taken[Severity.ALARM]
        assert others <= MOST * max(BEYOND_PCT.values()) // 100 + 2
    for tag in waiting:
        backlog.remove(tag)
    assert backlog.weight == 0
    news = backlog.take_left_out(7)
    left_out = [(news.info, news.access, news.fault) if news else (0, 0, 0)]
    given_in = Counter(severity for severity, _ in what)
    assert left_out == [
        tuple(given_in[s] - taken[s] for s in (Severity.INFO, Severity.ACCESS, Severity.FAULT))
    ]
    assert backlog.take_left_out(8) is None


def test_what_is_large_weighs_more() -> None:
    backlog = Backlog()
    for tag in range(FREELY):
        backlog.add(tag, [event(Severity.INFO)])
    before = backlog.weight
    backlog.add(FREELY, [event(Severity.INFO, text="x" * 80_000)])
    assert backlog.weight - before > 100


class Rules:
    """A site that tells each reading, remembers the last one, and the end of an overflow.

    It refuses every command.
    """

    def __init__(self) -> None:
        self.news: list[Condition] = []

    def step(self, what: Input, now: Moment) -> Step:
        if isinstance(what, StorageNews):
            self.news.append(what.condition)
            return Step()
        if isinstance(what, Commanded):
            refused = Answer(what.command, accepted=False, reason=what.refusal)
            return Step([event(Severity.INFO)], answers=[refused])
        if isinstance(what, RecordOverflowed):
            return Step([event(Severity.FAULT, info=what.info, access=what.access)])
        assert isinstance(what, PointRead)
        severity = {"alarm": Severity.ALARM, "open": Severity.ACCESS}.get(what.state, Severity.INFO)
        return Step([event(severity, what.at_us)], changes={"point": b"%d" % what.at_us})

    def wake_us(self) -> int | None:
        return None


class Ports:
    def __init__(self) -> None:
        self.batches: list[tuple[Batch, int]] = []
        self.answers: list[Answer] = []

    def submit(self, batch: Batch, tag: int) -> None:
        self.batches.append((batch, tag))

    def act(self, action: Action) -> None: ...

    def answer(self, answer: Answer) -> None:
        self.answers.append(answer)

    def recorded(self, rows: tuple[Recorded, ...]) -> None: ...

    def unrecorded(self, entry: Entry) -> None: ...


async def read(loop: Loop, state: PointState, at_us: int) -> None:
    loop.put(PointRead("board", "x", state, at_us))
    await asyncio.sleep(0)


async def test_a_bouncing_input_fills_no_memory_and_the_end_is_told() -> None:
    ports = Ports()
    loop = Loop(Rules(), ports, Clock())
    chance = random.Random(6)
    given_in: Counter[PointState] = Counter()
    for at_us in range(5000):
        state = chance.choice([PointState.NORMAL] * 8 + [PointState.OPEN, PointState.ALARM])
        given_in[state] += 1
        await read(loop, state, at_us)
    assert loop.overflows
    waiting = [entry.event for batch, _ in ports.batches for entry in batch.entries]
    alarms = [one for one in waiting if one.severity is Severity.ALARM]
    assert len(alarms) == given_in[PointState.ALARM]
    assert len(ports.batches) - len(alarms) <= MOST * 3 // 2 + 2
    at = {b"%d" % one.at.utc_us for one in waiting}
    assert all(batch.state["point"] in at for batch, _ in ports.batches)
    before = len(ports.batches)
    await read(loop, PointState.NORMAL, 5000)
    assert len(ports.batches) == before, "left out, and its state kept back"
    for _, tag in list(ports.batches):
        loop.committed(tag, ())
    assert not loop.overflows
    await asyncio.sleep(0)
    (batch, _) = ports.batches[-1]
    (entry,) = batch.entries
    left_out = given_in.total() + 1 - len(waiting)
    assert entry.event.data["info"] + entry.event.data["access"] == left_out  # type: ignore[operator]
    assert batch.state == {"point": b"5000"}, "the newest state goes with it"
    assert json.dumps(dict(entry.event.data))


async def test_that_no_more_can_wait_is_a_failure_of_the_disk_until_there_is_room() -> None:
    """A disk that hangs says nothing of itself."""
    ports, rules = Ports(), Rules()
    loop = Loop(rules, ports, Clock())
    while not loop.overflows:
        await read(loop, PointState.NORMAL, 1)
    await asyncio.sleep(0)
    assert rules.news == [Condition.FAULTED]
    _, tag = ports.batches.pop(0)
    loop.put(StorageNews(Condition.READY, 2))  # as the daemon says at every commit
    loop.committed(tag, ())
    await read(loop, PointState.NORMAL, 3)
    assert rules.news == [Condition.FAULTED], "there is no room yet"
    while ports.batches:
        loop.committed(ports.batches.pop(0)[1], ())
    await asyncio.sleep(0)
    assert rules.news == [Condition.FAULTED, Condition.READY]


async def test_a_refusal_waits_for_its_record_unless_there_is_none_to_be_had() -> None:
    def refused(number: int, why: str) -> Commanded:
        return Commanded(f"c-{number}", "x", {}, "ana", Origin.MONITOR, number, refusal=why)

    ports = Ports()
    loop = Loop(Rules(), ports, Clock())
    loop.put(refused(1, "replayed"))
    await asyncio.sleep(0)
    assert not ports.answers, "its record is on the way"
    loop.put(refused(2, "journal-unavailable"))
    await asyncio.sleep(0)
    assert [answer.command for answer in ports.answers] == ["c-2"]
    loop.committed(ports.batches[0][1], ())
    assert [answer.command for answer in ports.answers] == ["c-2", "c-1"]
    while not loop.overflows:
        await read(loop, PointState.NORMAL, 3)
    before = len(ports.batches)
    for number in range(3, 2 * MOST):
        loop.put(refused(number, "replayed"))
        await asyncio.sleep(0)
    assert len(ports.answers) == 2 * MOST - 1, "each is told at once"
    assert len(ports.batches) == before, "and fills no memory"
