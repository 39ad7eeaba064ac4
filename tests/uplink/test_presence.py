"""What is retained and what beats: birth, states, goodbye, and no two heartbeats alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.site.inputs import Condition
from agent.uplink import uplink as uplink_module
from tests.broker import Broker, Subscriber
from tests.uplink.rig import (
    BIRTH,
    SITE,
    Rig,
    device,
    events,
    on_a_loop,
    path_to,
    until,
)

FEED = f"armoury/v1/{SITE}/#"


def last(monitor: Subscriber, topic: str) -> tuple[bool, dict[str, Any]]:
    """Return whether the last message to a topic was a retained one, and what it said."""
    found = [(r, p) for t, r, p in monitor.received() if t == f"armoury/v1/{SITE}/{topic}"]
    return (found[-1][0], json.loads(found[-1][1])) if found else (False, {})


@on_a_loop
async def test_birth_and_device_states_are_retained_for_who_comes_late(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.describe(BIRTH)
            rig.uplink.device("board", device("ready"))
            rig.uplink.start()
            await rig.condition(Condition.READY)
            rig.uplink.device("board", device("lost"))
            rig.uplink.device("reader", device("ready"))
            await until(lambda: "device/reader" in broker.log, 30, "device state at the broker")
            kept = ("status/fibre", "device/board", "device/reader")
            with Subscriber(broker, FEED) as monitor:
                came = lambda: all(last(monitor, topic)[1] for topic in kept)  # noqa: E731
                await until(came, 30, "retained state, in whatever order")
                retained, birth = last(monitor, "status/fibre")
                assert retained
                assert birth["online"] is True
                assert BIRTH.items() <= birth["birth"].items()
                board = {"site": SITE, "device": "board", "state": device("lost")}
                assert last(monitor, "device/board") == (True, board)


@on_a_loop
async def test_what_the_gateway_is_now_is_said_on_the_connection_that_stands(
    tmp_path: Path,
) -> None:
    """After a change of the record's key, say."""
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        often = path_to(broker).model_copy(update={"heartbeat_s": 0.05})
        async with Rig(tmp_path / "j", often) as rig:
            rig.uplink.describe(BIRTH)
            rig.uplink.start()
            await rig.condition(Condition.READY)
            rig.uplink.describe({**BIRTH, "vkey": "new"})
            told = lambda: last(monitor, "status/fibre")[1].get("birth", {})  # noqa: E731
            await until(lambda: told().get("vkey") == "new", 30, "the birth anew")
            so_far = len(beats(monitor))
            await until(lambda: len(beats(monitor)) >= so_far + 5, 30, "heartbeats go on")
            numbers = [one["number"] for one in beats(monitor)]
            assert numbers == list(range(1, len(numbers) + 1))
            assert broker.log.count("New client connected from") == 2, "we and the monitor"
            with Subscriber(broker, FEED) as late:
                await until(lambda: last(late, "status/fibre")[0], 30, "what is kept")
                assert last(late, "status/fibre")[1]["birth"]["vkey"] == "new"


@on_a_loop
async def test_vanishing_and_saying_goodbye_are_told_apart(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.uplink.start()
            await rig.condition(Condition.READY)
            link = rig.uplink._paths[0]._link
            assert link is not None
            link.drop("as if the gateway had vanished")
            await until(lambda: last(monitor, "status/fibre")[1].get("clean") is False, 30, "will")
            await until(lambda: last(monitor, "status/fibre")[1]["online"], 30, "birth")
        await until(lambda: last(monitor, "status/fibre")[1].get("clean"), 30, "goodbye")
        with Subscriber(broker, FEED) as late:
            await until(lambda: last(late, "status/fibre")[0], 30, "the goodbye is retained")


@on_a_loop
async def test_what_was_recorded_last_arrives_before_the_goodbye(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink_module, "DRAIN_S", 60.0)  # a busy machine takes longer over 5000
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        async with Rig(tmp_path / "j", path_to(broker)) as rig:
            rig.record(5000)
            await until(lambda: rig.recorded == 5000, 30, "a backlog")
            rig.uplink.start()
            await until(lambda: last(monitor, "status/fibre")[1].get("online"), 30, "birth")
            rig.record()
            await until(lambda: rig.recorded == 5001, 30, "the last event")
        await until(lambda: last(monitor, "status/fibre")[1].get("clean"), 30, "goodbye")
        before = [(topic, payload) for topic, _, payload in monitor.received()]
        assert before.pop()[0].endswith("/status/fibre")
        assert {one.seq for said in before for one in events(*said)} == set(range(1, 5002))


@on_a_loop
async def test_no_two_heartbeats_are_alike(
    tmp_path: Path,
) -> None:
    with Broker(tmp_path / "b") as broker, Subscriber(broker, FEED) as monitor:
        often = path_to(broker).model_copy(update={"heartbeat_s": 0.05})
        async with Rig(tmp_path / "j", often) as rig:
            rig.uplink.start()
            rig.record(3)
            await rig.recorded_all(3)
            so_far = len(beats(monitor))
            await until(lambda: len(beats(monitor)) >= so_far + 5, 30, "heartbeats")
            said = beats(monitor)
            numbers = [beat["number"] for beat in said]
            assert numbers == list(range(1, len(said) + 1))
            assert len({beat["nonce"] for beat in said}) == len(said)
            assert said[-1]["head"] == 3


def beats(monitor: Subscriber) -> list[dict[str, Any]]:
    return [json.loads(p) for topic, _, p in monitor.received() if "/heartbeat/" in topic]
