"""Two paths: which carries, when it changes, and what goes over both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.site.inputs import PathCarries, PathTested
from agent.site.step import Severity
from agent.uplink import sender as sender_module
from agent.uplink import uplink as uplink_module
from tests.broker import Broker, Subscriber
from tests.uplink.rig import SITE, Rig, heard, on_a_loop, path_to, until

FEED = f"armoury/v1/{SITE}/#"


@on_a_loop
async def test_the_second_path_takes_over_and_the_first_comes_back_when_steady(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink_module, "BACK_S", 1.0)
    with (
        Broker(tmp_path / "a") as fibre,
        Broker(tmp_path / "b") as mobile,
        Subscriber(fibre, FEED) as one,
        Subscriber(mobile, FEED) as two,
    ):
        often = path_to(fibre, "fibre").model_copy(update={"heartbeat_s": 0.2})
        paths = often, path_to(mobile, "mobile")
        async with Rig(tmp_path / "j", *paths) as rig:
            rig.uplink.start()
            await until(lambda: len(rig.news) == 2, 30, "both paths")
            await until(lambda: carriers(rig) == ["fibre"], 30, "the first path carries")
            rig.record(5)
            await until(lambda: len(heard(one)) == 5, 30, "events on the first")
            await until(lambda: rig.uplink.waiting() == 0, 30, "every answer")
            fibre.kill()
            rig.record(5)
            await until(lambda: len(heard(two)) == 5, 30, "events on the second")
            await until(lambda: carriers(rig)[-1] == "mobile", 30, "the second path carries")
            await until(lambda: rig.uplink.waiting() == 0, 30, "every answer")
            fibre.start()
            await until(lambda: carriers(rig)[-1] == "fibre", 30, "the first path carries again")
            assert_not_at_once(rig, "fibre")
            rig.record(5)
            await until(lambda: {h.seq for h in heard(one)} >= set(range(11, 16)), 9, "events")
            assert sorted(h.seq for h in heard(one) + heard(two)) == list(range(1, 16))
            assert carriers(rig) == ["fibre", "mobile", "fibre"]


def carriers(rig: Rig) -> list[str]:
    """Return which paths the site was told to carry, in order."""
    return [one.path for one in rig.told if isinstance(one, PathCarries)]


def assert_not_at_once(rig: Rig, path: str) -> None:
    """Fail unless a path that is back worked for BACK_S before it carried again."""
    back = next(n for n in reversed(rig.news) if n.path == path)
    switch = next(t for t in reversed(rig.told) if isinstance(t, PathCarries))
    assert switch.at_us - back.at_us >= uplink_module.BACK_S * 1_000_000


def arrived_beats(rig: Rig) -> set[str]:
    """Return the paths whose heartbeats have arrived."""
    return {one.path for one in rig.told if isinstance(one, PathTested)}


@on_a_loop
async def test_a_first_broker_that_stops_answering_is_left_and_taken_again_when_steady(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSTOP: its sockets stay open, and a heartbeat finds out."""
    monkeypatch.setattr(uplink_module, "BACK_S", 1.0)
    monkeypatch.setattr(sender_module, "ACK_S", 0.5)
    with (
        Broker(tmp_path / "a") as fibre,
        Broker(tmp_path / "b") as mobile,
        Subscriber(fibre, FEED),
        Subscriber(mobile, FEED) as two,
    ):
        often = {"heartbeat_s": 0.2}
        paths = path_to(fibre, "fibre"), path_to(mobile, "mobile")
        async with Rig(tmp_path / "j", *(p.model_copy(update=often) for p in paths)) as rig:
            rig.uplink.start()
            await until(lambda: carriers(rig)[-1:] == ["fibre"], 30, "the first path carries")
            await until(lambda: {"fibre", "mobile"} <= arrived_beats(rig), 30, "both are tested")
            fibre.freeze()
            await until(lambda: carriers(rig)[-1] == "mobile", 30, "the second path carries")
            rig.record(5)
            await until(lambda: {h.seq for h in heard(two)} == set(range(1, 6)), 30, "events")
            fibre.thaw()
            await until(lambda: carriers(rig)[-1] == "fibre", 30, "the first path carries again")
            assert_not_at_once(rig, "fibre")


@on_a_loop
async def test_a_second_path_that_is_there_a_moment_earlier_is_no_switch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        Broker(tmp_path / "a") as fibre,
        Broker(tmp_path / "b") as mobile,
        Subscriber(fibre, FEED),
        Subscriber(mobile, FEED),
    ):
        paths = path_to(fibre, "fibre"), path_to(mobile, "mobile")
        async with Rig(tmp_path / "j", *paths) as rig:
            monkeypatch.setattr(uplink_module, "SETTLED_S", 600.0)  # however long the moment is
            await fibre_late(
                rig, fibre, lambda: monkeypatch.setattr(uplink_module, "SETTLED_S", 0.1)
            )
            await until(lambda: carriers(rig), 30, "what carries")
            assert carriers(rig) == ["fibre"]


async def fibre_late(rig: Rig, fibre: Broker, then: Callable[[], None]) -> None:
    """Start with the first broker hanging until the second path carries."""
    fibre.freeze()
    rig.uplink.start()
    await until(lambda: rig.uplink.status()["mobile"]["carries"], 30, "the second path")
    then()
    fibre.thaw()
    await until(lambda: rig.uplink.status()["fibre"]["carries"], 30, "the first path")


@on_a_loop
async def test_alarms_go_over_every_path_and_the_rest_over_one(tmp_path: Path, quick: None) -> None:
    def numbers(topic: str, *monitors: Subscriber) -> list[int]:
        told = [one for monitor in monitors for one in heard(monitor)]
        return sorted(one.seq for one in told if f"event/{topic}" in one.topic)

    with (
        Broker(tmp_path / "a") as fibre,
        Broker(tmp_path / "b") as mobile,
        Subscriber(fibre, FEED) as one,
        Subscriber(mobile, FEED) as two,
    ):
        rig = Rig(tmp_path / "j", path_to(fibre, "fibre"), path_to(mobile, "mobile"))
        rig.alarms_on = "all"
        async with rig:
            rig.record(1, Severity.ALARM)
            await rig.recorded_all(1)
            rig.uplink.start()
            await until(lambda: len(rig.news) == 2, 30, "both paths")
            rig.record(5)
            rig.record(1, Severity.ALARM)
            await until(lambda: numbers("alarm", one) == [1, 7], 30, "alarms on the first")
            await until(lambda: numbers("alarm", two) == [1, 7], 30, "alarms on the second")
            await until(
                lambda: numbers("live", one, two) == list(range(2, 7)), 30, "the rest, once"
            )
            mobile.kill()
            rig.record(3, Severity.ALARM)
            await until(lambda: numbers("alarm", one) == [1, 7, 8, 9, 10], 30, "more alarms")
            await until(lambda: rig.uplink.waiting() == 0, 30, "one acknowledgement is enough")
            mobile.start()
            await until(lambda: {*numbers("alarm", two)} == {1, 7, 8, 9, 10}, 30, "the copies")
        again = Rig(tmp_path / "j", path_to(fibre, "fibre"), path_to(mobile, "mobile"))
        again.alarms_on = "all"
        async with again:
            again.uplink.start()
            again.record()
            await until(lambda: 11 in numbers("", one, two), 30, "one more")
        assert numbers("alarm", one) == [1, 7, 8, 9, 10]


@on_a_loop
async def test_nobody_behind_the_first_broker_makes_the_second_carry(
    tmp_path: Path, quick: None
) -> None:
    with (
        Broker(tmp_path / "a") as deaf,
        Broker(tmp_path / "b") as mobile,
        Subscriber(mobile, FEED) as monitor,
    ):
        async with Rig(tmp_path / "j", path_to(deaf, "fibre"), path_to(mobile, "m")) as rig:
            rig.uplink.start()
            await until(lambda: rig.uplink.status()["fibre"]["carries"], 30, "the first path")
            rig.record(5)
            await until(lambda: len(heard(monitor)) == 5, 30, "events on the second")
            assert rig.uplink.status()["fibre"]["condition"] == "absent"
            assert rig.uplink.status()["m"]["carries"]
