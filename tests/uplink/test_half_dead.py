"""A broker that takes some of what it is sent: told once, left, and taken again when it is well."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.site.inputs import Condition, PathCarries
from agent.uplink import link as link_module
from agent.uplink import path as path_module
from agent.uplink import sender as sender_module
from agent.uplink import uplink as uplink_module
from tests.uplink.rig import HEALTH, Rig, on_a_loop, until
from tests.uplink.rogue import Published, Rogue, polite, puback

READY, LOST, FAULTED = Condition.READY, Condition.LOST, Condition.FAULTED


@pytest.fixture
def hasty(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon, and be steady soon."""
    monkeypatch.setattr(sender_module, "ACK_S", 0.5)
    monkeypatch.setattr(sender_module, "PASSED_S", 1.0)
    monkeypatch.setattr(path_module, "STEADY_S", 0.2)
    monkeypatch.setattr(uplink_module, "BACK_S", 0.5)


def but_for(kind: str, answer: Callable[[Published], bytes]) -> Callable[[Published], bytes]:
    """Return what takes everything but one kind of topic."""
    return lambda one: answer(one) if f"/{kind}/" in one.topic else polite(one)


def silent(_one: Published) -> bytes:
    return b""


def refusing(code: int) -> Callable[[Published], bytes]:
    return lambda one: puback(one.mid, code)


def told(rig: Rig, path: str) -> list[Condition]:
    """Return what was told of a path, in order."""
    return [news.condition for news in rig.news if news.path == path]


def carriers(rig: Rig) -> list[str]:
    return [one.path for one in rig.told if isinstance(one, PathCarries)]


def tried(broker: Rogue) -> int:
    """Return on how many connections an event was tried."""
    return len({one.connection for one in broker.came if "/event/" in one.topic})


@on_a_loop
async def test_births_without_events_are_no_path_however_often_it_connects(
    tmp_path: Path, hasty: None
) -> None:
    async with (
        Rogue(but_for("event", silent)) as broker,
        Rig(tmp_path / "j", broker.path()) as rig,
    ):
        rig.uplink.start()
        await rig.condition(READY)
        rig.record(3)
        await rig.recorded_all(3)
        await until(lambda: tried(broker) >= 5, 60, "four more attempts")
        assert told(rig, "fibre") == [READY, LOST]
        assert "takes events and acknowledges none" in rig.news[-1].reason
        broker.answer = polite
        await until(lambda: rig.uplink.waiting() == 0, 30, "the events")
        await until(lambda: told(rig, "fibre") == [READY, LOST, READY], 30, "its end")


@on_a_loop
async def test_a_connection_that_stalls_does_not_shorten_the_pauses(
    tmp_path: Path, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranges: list[float] = []

    def drawn(pauses: Any) -> float:
        ranges.append(pauses._range_s)
        pauses._range_s = min(pauses._cap_s, pauses._range_s * 2)
        return 0.0

    monkeypatch.setattr(path_module.Pauses, "next_s", drawn)
    async with (
        Rogue(but_for("event", silent)) as broker,
        Rig(tmp_path / "j", broker.path()) as rig,
    ):
        rig.uplink.start()
        rig.record(3)
        await rig.recorded_all(3)
        await until(lambda: len(ranges) >= 4, 60, "four pauses")
        assert ranges[:4] == [0.05, 0.1, 0.2, 0.4]


@pytest.mark.parametrize(
    "answer",
    [silent, refusing(0x87), refusing(0x97), refusing(0x10)],
    ids=["never answered", "not authorised", "quota", "nobody subscribed"],
)
@on_a_loop
async def test_a_better_path_that_takes_no_event_is_left_until_it_takes_one(
    tmp_path: Path, hasty: None, answer: Callable[[Published], bytes]
) -> None:
    """It is tried with an event that the other path has delivered: no new one waits for it."""
    bad = but_for("event", answer)
    often = {"heartbeat_s": 0.2}
    async with (
        Rogue(bad) as fibre,
        Rogue() as mobile,
        Rig(tmp_path / "j", fibre.path("fibre", **often), mobile.path("mobile", **often)) as rig,
    ):
        rig.uplink.start()
        await until(lambda: carriers(rig) == ["fibre"], 30, "the first path carries")
        rig.record(3)
        await rig.recorded_all(3)
        await until(lambda: rig.uplink.waiting() == 0, 60, "the second path delivers")
        beats = len(mobile.came)
        await until(lambda: len(mobile.came) >= beats + 15, 60, "six times BACK_S to pass")
        assert len(told(rig, "fibre")) == 2, rig.news
        assert carriers(rig) == ["fibre", "mobile"]
        fibre.answer = polite
        await until(lambda: carriers(rig)[-1] == "fibre", 60, "the first path carries again")
        assert told(rig, "fibre")[2:] == [READY]
        assert told(rig, "mobile") == [READY]


@on_a_loop
async def test_an_event_that_is_passed_over_is_noticed_while_all_else_is_answered(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "PASSED_S", 1.0)
    async with (
        Rogue(but_for("event", silent)) as fibre,
        Rogue() as mobile,
        Rig(tmp_path / "j", fibre.path("fibre", heartbeat_s=0.2), mobile.path("mobile")) as rig,
    ):
        rig.uplink.start()
        await until(lambda: carriers(rig) == ["fibre"], 30, "the first path carries")
        rig.record(1)
        await rig.recorded_all(1)
        began_s = time.monotonic()
        await until(lambda: rig.uplink.waiting() == 0, 15, "the second path delivers")
        assert time.monotonic() - began_s < sender_module.SLOW_ACK_S


@pytest.mark.parametrize("kind", ["heartbeat", "health"])
@on_a_loop
async def test_a_topic_whose_quota_is_used_up_is_a_fault_and_events_arrive(
    tmp_path: Path, hasty: None, kind: str
) -> None:
    def answer(one: Published) -> bytes:
        return puback(one.mid, 0x97) if f"/{kind}" in one.topic else polite(one)

    async with (
        Rogue(answer) as broker,
        Rig(tmp_path / "j", broker.path(heartbeat_s=0.2)) as rig,
    ):
        rig.uplink.health(HEALTH)
        rig.uplink.start()
        why = (await rig.condition(FAULTED)).reason
        assert f"/{kind}" in why
        assert "quota is used up" in why
        rig.record(5)
        await rig.recorded_all(5)
        await until(lambda: rig.uplink.waiting() == 0, 30, "the events")
        beats = len(broker.came)
        await until(lambda: len(broker.came) >= beats + 5, 30, "some more heartbeats")
        assert told(rig, "fibre").count(FAULTED) == 1, rig.news
        broker.answer = polite
        await until(lambda: told(rig, "fibre")[-1] is READY, 30, "its end")
        assert LOST not in told(rig, "fibre")


@on_a_loop
async def test_a_broker_that_never_answers_what_we_want_to_hear_is_a_fault(
    tmp_path: Path, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a command nor a question would ever come: nothing else shows it."""
    monkeypatch.setattr(link_module, "ANSWER_S", 0.5)
    async with Rogue() as broker:
        broker.deaf = True
        async with Rig(tmp_path / "j", broker.path(heartbeat_s=0.2)) as rig:
            rig.uplink.start()
            assert "does not let this gateway hear" in (await rig.condition(FAULTED)).reason
            broker.deaf = False
            broker.writers[-1].close()
            await rig.condition(READY)
            assert told(rig, "fibre") == [READY, FAULTED, LOST, READY]
