"""The relay that says that the system lives, on the board's own pin."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.system.house import House
from tests.waiting import wait_until

PIN = 21
DEAD_S = 10.0  # site-rules: it drops within 10 s of the daemon's death
WIRED = f'alive = {{ pin = {PIN}, fail_state = "off", kind = "relay" }}\n'
MEANT = '\n[[output]]\nid = "alive"\narea = "store"\noutput = "board.alive"\nkind = "alive"\n'


@pytest.fixture
def house(make_house: Callable[[str], House], blind_text: str) -> House:
    text = blind_text.replace("[device.outputs]\n", f"[device.outputs]\n{WIRED}", 1) + MEANT
    made = make_house(text)
    made.start()
    wait_until(lambda: level(made) == 1, 15, "the relay is held")
    return made


def level(house: House) -> int:
    found: int = house.pin(PIN)["level"]
    return found


def test_it_is_held_without_a_gap_and_writes_nothing(house: House) -> None:
    head, moves = house.head(), len(house.pin(PIN)["history"])
    time.sleep(9)  # longer than one pulse lasts: a stretch of time is what is tested
    assert level(house) == 1
    assert len(house.pin(PIN)["history"]) == moves
    ours = ("alive", "board", "board.alive")  # others may have something to say meanwhile
    assert not [event for event in house.events(head) if event["object"] in ours]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_it_drops_with_the_daemon_dead_hanging_or_stopped(
    house: House, how: signal.Signals
) -> None:
    assert house.daemon is not None
    began_s = time.monotonic()
    os.kill(house.daemon.pid, how)
    try:
        wait_until(lambda: level(house) == 0, DEAD_S + 5, "the relay drops")
        assert time.monotonic() - began_s < DEAD_S
    finally:
        os.kill(house.daemon.pid, signal.SIGCONT)


def test_it_comes_back_with_the_daemon(house: House) -> None:
    house.kill_daemon()
    wait_until(lambda: level(house) == 0, DEAD_S, "the relay drops")
    house.start_daemon()
    wait_until(lambda: level(house) == 1, 15, "the relay is held again")
