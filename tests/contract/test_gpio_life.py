"""The GPIO driver from start to stop, in its host, against the simulated board."""

from __future__ import annotations

import signal
import time

import pytest

from drivers.contract import now_us
from tests.contract import gpio_site as site
from tests.contract.hosting import Host, Simulator


def test_it_is_ready_and_reports_every_point(board: Simulator) -> None:
    board.tell("press", pin=site.PANIC)
    before_us = now_us()
    with site.host(board) as host:
        assert host.expect("ready")["identity"] == {"revision": "a02082"}
        first = {name: host.expect("point", point=name) for name in site.INPUTS}
        states = {name: message["state"] for name, message in first.items()}
        assert states == {"contact": "normal", "panic": "alarm", "hatch": "normal"}
        assert all(before_us <= message["at"] <= now_us() for message in first.values())
        host.expect("alive")
        assert host.stop() == 0


def test_a_press_is_a_reading_at_once_with_its_time(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        for press, state in (("press", "alarm"), ("release", "normal")):
            before_us = now_us()
            board.tell(press, pin=site.PANIC)
            reading = host.expect("point", point="panic")
            assert (reading["state"], reading["detail"]) == (state, {})
            assert before_us <= reading["at"] <= now_us()
            assert now_us() - before_us < 1_000_000  # without its edges it would be a poll later


def test_the_first_press_after_a_start_is_not_lost(board: Simulator) -> None:
    """Pin 22 was pulled down before; the library's own notifications would miss this press."""
    board.tell("set", pin=site.HATCH, level=None)
    hatch = {"hatch": {"pin": site.HATCH, "pull": "up", "normal": "open"}}
    with site.host(board, inputs=hatch) as host:
        assert host.expect("point")["state"] == "normal"
        board.tell("press", pin=site.HATCH)
        board.tell("release", pin=site.HATCH)
        assert host.expect("point")["state"] == "alarm"
        assert host.expect("point")["state"] == "normal"


def test_an_idle_host_says_once_a_second_that_it_lives_and_sleeps(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        host.expect("alive")
        before_s = host.cpu_s()
        lives = [host.expect("alive") for _ in range(2)]
        assert len(lives) == 2
        assert host.cpu_s() - before_s <= 0.1


def test_a_host_is_small(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        assert host.pss_kib() <= 18 * 1024


@pytest.mark.parametrize("end", ["stop", "daemon gone", "daemon gone and all told to end"])
def test_however_it_ends_outputs_are_in_their_fail_state(board: Simulator, end: str) -> None:
    with site.started(site.host(board)) as host:
        assert host.outcome("on", "strike") == host.outcome("on", "siren") == "done"
        assert host.outcome("off", "hold") == "done"
        asked = time.monotonic()
        if end == "stop":
            assert host.stop() == 0
        else:
            host.close_daemon_end()
            if end != "daemon gone":  # as systemd does with what is left of the unit
                host.process.send_signal(signal.SIGTERM)
            assert host.exited(60) == 0
        assert time.monotonic() - asked < 5
    assert site.driven(board, site.STRIKE) == [0, 1, 0]
    assert site.driven(board, site.SIREN) == [1, 0, 1]
    assert site.driven(board, site.HOLD) == [1, 0, 1]


def test_a_host_that_is_told_to_end_waits_for_its_daemon(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        host.process.send_signal(signal.SIGTERM)
        assert host.outcome("on", "strike") == "done"
        assert host.stop() == 0
    assert site.driven(board, site.STRIKE) == [0, 1, 0]


def test_a_killed_host_leaves_an_output_on_and_the_next_one_puts_it_off_first(
    board: Simulator,
) -> None:
    with site.started(site.host(board)) as host:
        assert host.outcome("pulse", "strike", for_ms=60_000) == "done"
        host.kill()
    assert board.tell("read", pin=site.STRIKE) == 1
    with site.started(site.host(board)) as host:
        assert site.driven(board, site.STRIKE) == [0, 1, 0]
        assert host.stop() == 0


def test_a_daemon_that_hangs_does_not_hold_the_strike_open(board: Simulator) -> None:
    with site.host(board) as host:
        for pin in (site.CONTACT, site.PANIC, site.HATCH):
            board.tell("bounce", pin=pin, hz=300, for_ms=20_000)
        host.act("pulse", "strike", for_ms=2_000)
        assert host.exited(60) == 0  # nobody has read a single message
    assert site.driven(board, site.STRIKE) == [0, 1, 0]
    assert site.times_ms(board, site.STRIKE)[1] < 5_500


def test_the_pins_of_this_machine_are_never_replaced_by_others() -> None:
    options = {"factory": "lgpio", "inputs": site.INPUTS}
    with Host(site.DRIVER, "board", options) as host:
        failed = host.expect("failed")
        assert failed["error"] in ("DeviceRefused", "DeviceSilent")
        assert failed["reason"].startswith("the GPIO chip of this machine")
        assert failed["stays"]
        assert host.stop() == 0
