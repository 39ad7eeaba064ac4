"""A board that is silent, babbles, vanishes or bounces: nothing spins or is invented."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from collections.abc import Iterator
from itertools import pairwise

import pigpio
import pytest

from drivers.contract import now_us
from tests.contract import gpio_site as site
from tests.contract.hosting import Host, Message, Simulator
from tests.waiting import wait_until

SOON_S = 10.0  # a device in trouble is to be known by then
FAILED = 70


@contextlib.contextmanager
def intruder(board: Simulator) -> Iterator[pigpio.pi]:
    """Another program that uses the same pigpiod."""
    pi = pigpio.pi("127.0.0.1", board.port)
    notifications = pi._notify
    yield pi
    pi.stop()
    board.tell("disconnect")  # the package's thread ends only when something arrives
    notifications.join(timeout=5.0)


@pytest.mark.parametrize(
    ("misbehave", "reason"),
    [
        ("silence", "does not answer within 1.5 s"),
        ("half", "broke off in the middle of an answer"),
        ("garbage", ""),
        ("disconnect", "hung up"),
        ("vanish", "hung up"),
    ],
)
def test_a_board_that_misbehaves_is_a_fault_soon_and_nothing_spins(
    board: Simulator, misbehave: str, reason: str
) -> None:
    with site.started(site.host(board)) as host:
        host.expect("alive")
        host.gather(0.1)
        before_s = host.cpu_s()
        began_s = time.monotonic()
        board.tell(misbehave)
        failed = host.expect("failed")
        assert time.monotonic() - began_s < SOON_S
        assert host.cpu_s() - before_s <= 0.1
        assert failed["error"] in ("DeviceSilent", "DeviceConfused")
        assert failed["reason"].startswith(f"pigpiod at 127.0.0.1:{board.port}")
        assert reason in failed["reason"]
        assert host.exited(60) == FAILED
        assert not [message for message in host.pending if message["is"] == "point"]


@pytest.mark.parametrize("misbehave", ["silence", "half", "garbage", "vanish"])
def test_a_board_that_misbehaves_at_start_is_one_clear_sentence_and_found_when_it_is_there(
    board: Simulator, misbehave: str
) -> None:
    board.tell(misbehave)
    with site.host(board) as host:
        failed = host.expect("failed")
        assert failed["error"].startswith("Device")
        assert failed["reason"].startswith(f"pigpiod at 127.0.0.1:{board.port}")
        assert host.pending == []
        if not failed["stays"]:
            assert misbehave == "garbage"  # which may get as far as the library's own thread
            assert host.exited(60) == FAILED
            return
        board.tell("recover")
        host.again()
        assert host.outcome("on", "strike") == "done"
        assert site.started(host).stop() == 0


def test_nobody_at_the_port_says_what_to_do(board: Simulator) -> None:
    port = board.port
    assert board.stop() == 0
    with site.host(board) as host:
        assert host.expect("failed")["reason"] == (
            f"pigpiod at 127.0.0.1:{port} cannot be reached (Connection refused); "
            "start it, and check host, port and pins in the site file"
        )


def test_a_board_that_comes_back_is_served_by_the_next_host(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        board.tell("vanish")
        host.expect("failed")
    board.tell("recover")
    board.tell("press", pin=site.PANIC)
    with site.host(board) as host:
        host.expect("ready")
        assert host.expect("point", point="panic")["state"] == "alarm"


def test_a_swapped_board_shows_in_the_identity(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        board.tell("swap", revision="c03114")
        host.expect("failed")
    with site.host(board) as host:
        assert host.expect("ready")["identity"] == {"revision": "c03114"}


def test_a_hung_pigpiod_that_goes_on_locks_what_was_open(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        assert host.outcome("on", "strike") == "done"
        board.process.send_signal(signal.SIGSTOP)
        host.expect("failed")
        assert host.exited(60) == FAILED
    board.process.send_signal(signal.SIGCONT)
    wait_until(lambda: site.driven(board, site.STRIKE) == [0, 1, 0], 2.0, "the strike locks")


def test_a_board_that_no_longer_tells_of_changes_is_found_out(board: Simulator) -> None:
    with site.started(site.host(board)) as host, intruder(board) as other:
        for handle in range(8):
            with contextlib.suppress(pigpio.error):
                other.notify_close(handle)
        board.tell("press", pin=site.PANIC)
        assert host.expect("point")["state"] == "alarm"
        assert "did not tell that pin 27 (panic) changed" in host.expect("failed")["reason"]


def test_a_slow_board_delays_no_press(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        board.tell("slow", ms=600)
        before_us = now_us()
        board.tell("press", pin=site.PANIC)
        host.expect("point", point="panic", state="alarm")
        assert now_us() - before_us < 550_000
        assert host.outcome("pulse", "strike", for_ms=500) == "done"
        host.expect("alive")


def test_a_bouncing_input_is_limited_and_delays_no_other(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        quiet_us = max(told_in_us(board, host) for _ in range(3))  # as busy as the machine is now
        before_s, started = host.cpu_s(), time.monotonic()
        changes = board.tell("bounce", pin=site.CONTACT, hz=1000, for_ms=2_000, level=1)
        for _ in range(3):
            # half of what all the bouncing takes, where nothing else takes longer
            assert told_in_us(board, host) < max(1_000_000, 10 * quiet_us)
            host.gather(0.1, "alive")
        readings: list[Message] = []

        def over() -> bool:
            readings.extend(host.gather(0.1, "point", point="contact"))
            return readings[-1:] != [] and readings[-1]["state"] == "alarm" and is_near(readings)

        def is_near(readings: list[Message]) -> bool:
            dropped = sum(reading["detail"].get("dropped", 0) for reading in readings)
            states = ["normal", *(reading["state"] for reading in readings)]
            told = dropped + sum(before != after for before, after in pairwise(states))
            return bool(abs(told - changes) <= 0.1 * changes)

        wait_until(over, 5.0, f"the end of {changes} changes")
        readings += host.gather(1.0, "point", point="contact")
        took_s = time.monotonic() - started
        spent = (host.cpu_s() - before_s) / took_s
    assert len(readings) <= took_s * 50 + 3
    assert readings[-1]["state"] == "alarm"
    assert is_near(readings)
    assert spent < 0.5


def told_in_us(board: Simulator, host: Host) -> int:
    """Press the panic button and let go; return how long the slower of the two took to be told."""
    took_us = []
    for press, state in (("press", "alarm"), ("release", "normal")):
        before_us = now_us()
        board.tell(press, pin=site.PANIC)
        host.expect("point", point="panic", state=state)
        took_us.append(now_us() - before_us)
    return max(took_us)


def test_frames_without_end_from_a_stranger_do_not_matter(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        with socket.create_connection(("127.0.0.1", board.port)) as stranger:
            stranger.sendall(b"\xff" * 100_000)
        board.tell("press", pin=site.PANIC)
        assert host.expect("point")["state"] == "alarm"
