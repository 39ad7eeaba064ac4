"""Loops with end-of-line resistors, from the converter to the record and the monitor."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.house import House
from tests.waiting import wait_until

LOOPS = Path(__file__).parents[2] / "config" / "loops.toml"
OHM = 4700
CHANNELS = (0, 1, 2, 3)
BACK_S = 20.0


@pytest.fixture
def house(make_house: Callable[[str], House]) -> House:
    made = make_house(LOOPS.read_text())
    made.start()
    return made


def host(house: House) -> int:
    (pid,) = [one["pid"] for one in house.ask("status")["devices"] if one["id"] == "loops"]
    return int(pid)


def test_what_is_cut_while_the_driver_is_killed_is_tampering_once_it_is_back(house: House) -> None:
    after, killed = house.head(), host(house)
    os.kill(killed, signal.SIGKILL)
    house.armoury("simulate", "cut", "store-wall")
    house.wait_for(after=after, kind="device.faulted", object="loops")
    house.wait_for(after=after, kind="zone.faulted", object="store-wall")
    house.wait_for(BACK_S, after=after, kind="device.restored", object="loops")
    tampered = house.wait_for(after=after, kind="zone.tampered", object="store-wall")
    assert tampered["data"]["state"] == "open"
    assert host(house) != killed
    house.armoury("simulate", "cut", "guard-room")  # a cut panic button is a pressed one
    house.wait_for(after=after, kind="panic.raised", object="guard-room", state="open")
    house.assert_monitor_has_the_record()


def test_every_loop_cut_at_once_is_every_alarm_and_no_fault(house: House) -> None:
    """The cable duct is sawn through: no converter is blamed for it."""
    after = house.head()
    for channel in CHANNELS:
        house.tell("loops", "loop", channel=channel, state="open")
    for zone in ("store-movement", "store-wall", "box"):
        house.wait_for(after=after, kind="zone.tampered", object=zone)
    house.wait_for(after=after, kind="panic.raised", object="guard-room", state="open")
    assert not [e for e in house.events(after) if e["kind"].startswith("device.")]


def test_a_technician_reads_the_ohms_and_a_drift_is_told_before_it_is_an_alarm(
    house: House,
) -> None:
    after = house.head()
    house.tell("loops", "loop", channel=0, drift=400)

    def measured() -> int:
        said = json.loads(house.armoury("device", "measure", "loops", "--json"))
        return int(said["loops"]["store-movement_ohm"])

    wait_until(lambda: measured() > OHM * 1.02, 20, "the drift is seen")
    told = house.wait_for(30, after=after, kind="zone.tampered", object="store-movement")
    assert told["data"]["state"] == "open"
    assert OHM * 1.02 < told["data"]["ohms"] < 2 * OHM
    assert not [e for e in house.events(after) if e["kind"] in ("zone.alarmed", "point.changed")]


def test_a_pigpiod_that_comes_back_is_served_again(house: House) -> None:
    after = house.head()
    house.tell("loops", "vanish", for_s=1)
    house.wait_for(after=after, kind="device.lost", object="loops")
    house.wait_for(BACK_S, after=after, kind="device.restored", object="loops")
    house.armoury("simulate", "trip", "store-wall")
    house.wait_for(after=after, kind="zone.alarmed", object="store-wall")
