"""Real kills of the daemon, of hosts and of the broker, at random moments under load."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from tests.system.house import House
from tests.waiting import wait_until

RELEASE_S = 5  # the demo's store door
SIREN_PIN = 24


def kill_and_restart(house: House, chance: random.Random) -> None:
    """Kill the daemon at a random moment under load; hold the record against what was told."""
    house.bounce(hz=25, for_ms=3000)
    time.sleep(chance.uniform(0.2, 1.5))  # the moment of the kill is the point, not a wait
    house.kill_daemon()
    told_before = house.monitor.events()
    house.start_daemon()
    house.wait_for_devices()
    head = house.head()
    recorded = {event["seq"]: event for event in house.events(0)}
    assert sorted(recorded)[:head] == list(range(1, head + 1))
    assert {seq: recorded[seq] for seq in told_before} == told_before
    assert "Traceback" not in (house.folder / "daemon.log").read_text()


def test_kills_of_the_daemon_under_load_lose_nothing(house: House) -> None:
    house.enrol()
    chance = random.Random()
    for _ in range(4):
        kill_and_restart(house, chance)
    assert house.ask("status")["view"]["people"]["enrolled"] == 1
    house.assert_monitor_has_the_record()


@pytest.mark.soak
def test_a_hundred_kills_of_the_daemon_under_load_lose_nothing(house: House) -> None:
    house.enrol()
    chance = random.Random()
    for _ in range(100):
        kill_and_restart(house, chance)
    assert house.ask("status")["view"]["people"]["enrolled"] == 1
    house.assert_monitor_has_the_record(120)


def release_strike(house: House) -> int:
    """Open the store for a known finger; return when the strike was released."""
    house.enrol()
    before = len(house.strike_history())
    house.tell("store-reader", "finger", template=1)
    wait_until(
        lambda: [e for e in house.strike_history()[before:] if e[1]], 5, "the strike is released"
    )
    return next(at for at, level in house.strike_history()[before:] if level)


def assert_locked_in_time(house: House, released_us: int, slack_s: float = 0.5) -> None:
    wait_until(
        lambda: house.strike_history()[-1][1] == 0, RELEASE_S + 5, "the strike is locked again"
    )
    locked_us = house.strike_history()[-1][0]
    assert locked_us - released_us <= (RELEASE_S + slack_s) * 1e6


def test_a_released_strike_is_locked_again_in_its_time(house: House) -> None:
    released_us = release_strike(house)
    assert_locked_in_time(house, released_us)
    assert house.strike_history()[-1][0] - released_us >= (RELEASE_S - 0.2) * 1e6


def test_a_released_strike_is_locked_when_the_daemon_is_killed(house: House) -> None:
    released_us = release_strike(house)
    house.kill_daemon()
    assert_locked_in_time(house, released_us)


def test_a_released_strike_is_locked_when_the_broker_is_killed(house: House) -> None:
    released_us = release_strike(house)
    house.broker.kill()
    assert_locked_in_time(house, released_us)


def test_a_released_strike_is_locked_when_its_host_is_killed(house: House) -> None:
    released_us = release_strike(house)
    os.kill(host_pid(house, "board"), signal.SIGKILL)
    assert_locked_in_time(house, released_us)
    house.wait_for(kind="device.faulted", object="board")
    house.wait_for(kind="device.restored", object="board")


def test_no_strike_moves_at_a_start(house: House) -> None:
    house.enrol()
    house.kill_daemon()
    before = house.strike_history()
    house.start_daemon()
    house.wait_for_devices()
    assert not [level for _, level in house.strike_history()[len(before) :] if level]


def host_pid(house: House, device: str) -> int:
    """Return the process of a device's host."""
    pids = {d["id"]: d["pid"] for d in house.ask("status")["devices"]}
    return int(pids[device])


def test_a_siren_goes_on_after_the_daemon_was_killed(house: House) -> None:
    house.armoury("simulate", "open", "store")
    wait_until(lambda: house.pin(SIREN_PIN)["level"] == 1, 5, "the siren sounds")
    house.kill_daemon()
    wait_until(lambda: house.pin(SIREN_PIN)["level"] == 0, 5, "its host puts it to rest")
    house.start_daemon()
    wait_until(lambda: house.pin(SIREN_PIN)["level"] == 1, 10, "the siren goes on")
