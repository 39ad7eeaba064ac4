"""What the monitor is told beside events: only what has changed, and the gateway once a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.config.sitefile import load
from agent.runtime import gauges
from agent.runtime.clock import Clock
from agent.runtime.telling import Telling
from agent.site.inputs import Condition, DeviceNews, PointRead, PointState
from agent.site.site import Site
from agent.uplink.facts import AreaFacts, DeviceFacts, HealthFacts

DEMO = Path(__file__).parents[2] / "config" / "demo.toml"


class Uplink:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.devices: list[tuple[str, Mapping[str, Any]]] = []
        self.areas: list[tuple[str, Mapping[str, Any]]] = []
        self.healths: list[Mapping[str, Any]] = []
        self.paths = {
            "fibre": {"condition": "ready", "reason": "", "carries": True, "last_ack_us": 1}
        }

    def device(self, device: str, state: Mapping[str, Any]) -> None:
        DeviceFacts.model_validate(state, strict=True)
        self.devices.append((device, state))

    def area(self, area: str, state: Mapping[str, Any]) -> None:
        AreaFacts.model_validate(state, strict=True)
        self.areas.append((area, state))

    def health(self, state: Mapping[str, Any]) -> None:
        HealthFacts.model_validate(state, strict=True)
        self.healths.append(state)

    def status(self) -> Mapping[str, Mapping[str, Any]]:
        return self.paths

    def head(self) -> int:
        return 7

    def waiting(self) -> int:
        return 3


class Rig:
    """A telling on a loop whose clock is the test's."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.now_s = 1000.0
        self.loop.time = lambda: self.now_s  # type: ignore[method-assign]
        file = load(DEMO)
        host = SimpleNamespace(condition=Condition.READY, reason="", since_us=0, restarts=0)
        self.hosts: dict[str, Any] = {
            device.id: SimpleNamespace(**vars(host)) for device in file.devices
        }
        self.uplink = Uplink()
        site = Site(file.plan, {})
        self.telling = Telling(file, folder, site, self.hosts, Clock(folder / "set"), self.loop)

    def tick(self, seconds: int = 1) -> None:
        for _ in range(seconds):
            self.now_s += 1.0
            self.telling.tick(self.uplink)
            if (reading := self.telling._reading) is not None:
                self.loop.run_until_complete(asyncio.wait([reading], timeout=None))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.telling.close()
    made.loop.close()


def test_devices_and_areas_are_told_at_first_and_when_something_happens(rig: Rig) -> None:
    rig.tick()
    assert {name for name, _ in rig.uplink.devices} == {"board", "store-reader", "hall"}
    assert {name for name, _ in rig.uplink.areas} == {"store", "guards"}
    rig.tick(3)
    assert len(rig.uplink.devices) == 3
    assert len(rig.uplink.areas) == 2
    rig.telling.take(PointRead("board", "guard-panic", PointState.ALARM, 5))
    rig.tick()
    assert rig.uplink.devices[-1][1]["points"] == {"guard-panic": "alarm"}
    rig.hosts["hall"].condition = Condition.LOST
    rig.telling.take(DeviceNews("hall", Condition.LOST, 6, "silent"))
    rig.tick()
    assert rig.uplink.devices[-1][0] == "hall"


def test_health_is_told_once_a_minute_and_when_it_matters(rig: Rig) -> None:
    rig.tick(10)
    assert len(rig.uplink.healths) == 1
    health = rig.uplink.healths[0]
    assert health["record"] == {"head": 7, "waiting": 3, "checkpoint": 0}
    assert health["devices"] == {"conditions": {"ready": 3}}
    assert health["clock"]["trouble"]
    rig.tick(58)
    assert len(rig.uplink.healths) == 2
    rig.uplink.paths["fibre"] |= {"condition": "lost", "reason": "no route"}
    rig.tick(7)
    assert rig.uplink.healths[-1]["paths"]["fibre"]["trouble"] == "no route"
    assert len(rig.uplink.healths) == 3
    for _ in range(20):
        rig.telling.trouble = "" if rig.telling.trouble else "full"
        rig.tick()
    assert len(rig.uplink.healths) <= 7, "what flaps is told every five seconds at most"


def test_a_full_disk_and_lost_devices_are_trouble(rig: Rig) -> None:
    rig.telling.record_pct = 95
    rig.hosts["hall"].condition = None
    rig.hosts["board"].condition = Condition.FAULTED
    rig.tick(10)
    health = rig.uplink.healths[-1]
    assert health["disk"]["trouble"]
    assert health["devices"] == {
        "conditions": {"faulted": 1, "ready": 1, "starting": 1},
        "trouble": "1 of 3 fail",
    }


def test_a_machine_that_hangs_is_told_of(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.tick(10)
    hanging: asyncio.Future[dict[str, Any]] = rig.loop.create_future()
    monkeypatch.setattr(rig.telling._worker, "run", lambda work: hanging)
    for _ in range(130):
        rig.now_s += 1.0
        rig.telling.tick(rig.uplink)
    assert rig.uplink.healths[-1]["disk"] == {"trouble": "the disk does not answer"}
    hanging.set_result(gauges.read(Path("/")))
    rig.tick(2)
    assert "trouble" not in rig.uplink.healths[-1]["disk"]
