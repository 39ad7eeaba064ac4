"""The whole way: a press on a real wire, and what an independent client of the broker hears."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.system.house import House
from tests.waiting import wait_until


def test_a_pressed_panic_button_reaches_the_monitor(house: House) -> None:
    pressed_us = time.time_ns() // 1000
    house.armoury("simulate", "press", "guard-room")
    raised = house.wait_for(kind="panic.raised", object="guard-room")
    assert raised["data"]["simulated"] is True
    told = wait_until(
        lambda: house.monitor.events().get(raised["seq"]), 5, "the monitor hears of the panic"
    )
    assert told == raised
    assert raised["at"] >= pressed_us
    alarms = [t.topic for t in house.monitor.told() if t.topic.endswith("/event/alarm")]
    assert alarms


def test_what_happens_while_the_broker_is_gone_is_told_later(house: House) -> None:
    house.broker.kill()
    house.bounce(hz=10, for_ms=2000)
    house.armoury("simulate", "press", "guard-room")
    house.wait_for(kind="panic.raised")
    house.wait_for(20, kind="uplink.lost")
    house.broker.start()
    house.wait_for(40, kind="uplink.back")
    house.assert_monitor_has_the_record()


def test_stopping_is_the_last_event_and_the_monitor_is_told_goodbye(house: House) -> None:
    wait_until(lambda: statuses(house), 10, "the monitor is told that the gateway is there")
    house.stop_daemon()
    wait_until(
        lambda: any(e["kind"] == "system.stopped" for e in house.monitor.events().values()),
        5,
        "the monitor hears of the stop",
    )
    last = statuses(house)[-1]
    assert last["online"] is False
    assert last["clean"] is True
    house.start_daemon()
    house.wait_for_devices()
    started = house.wait_for(kind="system.started", after=1)
    assert started["data"]["clean"] is True
    house.assert_monitor_has_the_record()


def statuses(house: House) -> list[dict[str, Any]]:
    """Return what the monitor was told of whether the gateway is there."""
    return [json.loads(t.payload) for t in house.monitor.told() if "/status/" in t.topic]


def test_state_survives_a_restart(house: House) -> None:
    house.enrol()
    house.armoury("simulate", "press", "guard-room")
    house.wait_for(kind="alarm.raised")
    house.stop_daemon()
    house.start_daemon()
    house.wait_for_devices()
    view = house.ask("status")["view"]
    assert view["people"]["enrolled"] == 1
    assert [alarm["cause"] for alarm in view["alarms"]] == ["panic.raised"]


def test_two_daemons_never_share_a_record(
    house: House, make_house: Callable[[str], House], blind_text: str
) -> None:
    second = make_house(blind_text)
    second.data = house.data
    second.start_daemon()
    assert second.daemon is not None
    assert second.daemon.wait(60) == 1
    assert str(house.daemon.pid if house.daemon else "") in second.said("daemon")
    assert "Traceback" not in second.said("daemon")


def test_the_monitor_gets_a_signed_checkpoint_of_the_record(house: House) -> None:
    house.bounce(hz=25, for_ms=2000)

    def note() -> str | None:
        told = [t for t in house.monitor.told() if t.topic.endswith("/checkpoint")]
        return told[-1].payload.decode() if told else None

    text = wait_until(note, 70, "a checkpoint")
    assert text is not None
    origin, size, _ = text.split("\n", 2)
    assert origin == "armoury/demo"
    assert 0 < int(size) <= house.head()
    birth = next(t for t in house.monitor.told() if "/status/" in t.topic)
    assert "armoury/demo" in json.loads(birth.payload)["birth"]["vkey"]
