"""The simulated board, asked by a client of another house: the `pigpio` package."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pigpio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.control import SimulatorError
from tests.contract.hosting import Simulator
from tests.waiting import wait_until

REVISION = 0xA02082
HWVER = struct.pack("<4I", 17, 0, 0, 0)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """A board of its own: nobody knows how its pins are left."""
    control = tmp_path_factory.mktemp("fuzzed") / "c.sock"
    with Simulator("simulators.board", control, "--listen", "127.0.0.1:0") as board:
        yield board


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    control = tmp_path_factory.mktemp("board") / "c.sock"
    with Simulator(
        "simulators.board", control, "--listen", "127.0.0.1:0", "--closed", "17"
    ) as board:
        yield board
        assert board.stop() == 0
        assert not control.exists()


@pytest.fixture
def board(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.tell("recover")
    running.tell("set", pin=17, level=0)


@pytest.fixture
def client(board: Simulator) -> Iterator[pigpio.pi]:
    pi = pigpio.pi("127.0.0.1", board.port)
    assert pi.connected
    notifications = pi._notify
    yield pi
    pi.stop()
    notifications.join(timeout=60)
    assert not notifications.is_alive()


def ask(sock: socket.socket, frame: bytes) -> tuple[int, ...]:
    sock.sendall(frame)
    return struct.unpack("<4I", sock.recv(16, socket.MSG_WAITALL))


def connect(board: Simulator) -> socket.socket:
    return socket.create_connection(("127.0.0.1", board.port), timeout=60)


def test_it_says_what_board_it_is(client: pigpio.pi) -> None:
    assert client.get_hardware_revision() == REVISION
    assert client.get_pigpio_version() == 79


def test_a_closed_contact_reads_low_and_an_open_one_as_its_resistor_pulls(
    client: pigpio.pi, board: Simulator
) -> None:
    client.set_mode(17, pigpio.INPUT)
    client.set_pull_up_down(17, pigpio.PUD_UP)
    assert client.read(17) == 0
    board.tell("set", pin=17, level=None)
    assert client.read(17) == 1
    client.set_pull_up_down(17, pigpio.PUD_DOWN)
    assert client.read(17) == 0


def test_press_opens_a_closed_contact_and_release_closes_it(
    client: pigpio.pi, board: Simulator
) -> None:
    for _ in range(2):
        board.tell("press", pin=17)
        assert client.read(17) == board.tell("read", pin=17) == 1
    board.tell("release", pin=17)
    assert client.read(17) == 0


def test_a_watched_pin_is_reported_with_the_time_of_its_change(
    client: pigpio.pi, board: Simulator
) -> None:
    seen: list[tuple[int, int, int]] = []
    callback = client.callback(17, pigpio.EITHER_EDGE, lambda *edge: seen.append(edge))
    before = client.get_current_tick()
    board.tell("press", pin=17)
    wait_until(lambda: len(seen) == 1, 2.0, "the press is reported")
    assert seen[0][:2] == (17, 1)
    assert 0 <= pigpio.tickDiff(before, seen[0][2]) < 2_000_000
    board.tell("release", pin=17)
    wait_until(lambda: len(seen) == 2, 2.0, "the release is reported")
    callback.cancel()
    board.tell("press", pin=17)
    client.read(17)
    assert len(seen) == 2


def test_the_glitch_filter_reports_only_what_lasts(client: pigpio.pi, board: Simulator) -> None:
    seen: list[int] = []
    client.set_glitch_filter(17, 100_000)
    callback = client.callback(
        17, pigpio.EITHER_EDGE, lambda _pin, level, _tick: seen.append(level)
    )
    board.tell("bounce", pin=17, hz=500, for_ms=50, level=1)
    wait_until(lambda: seen, 2.0, "the last level is reported")
    callback.cancel()
    client.set_glitch_filter(17, 0)
    assert seen == [1]


def test_an_output_remembers_what_it_was_driven_to_and_when(
    client: pigpio.pi, board: Simulator
) -> None:
    before_us = time.monotonic_ns() // 1000
    client.write(23, 1)
    client.write(23, 1)
    client.write(23, 0)
    client.set_mode(23, pigpio.INPUT)
    after_us = time.monotonic_ns() // 1000
    pin = board.tell("pins")["23"]
    times = [at_us for at_us, _ in pin["history"]]
    assert [level for _, level in pin["history"]] == [1, 0, None]
    assert [before_us, *times, after_us] == sorted([before_us, *times, after_us])
    assert pin["mode"] == "input"


def test_writing_an_input_never_drives_the_old_level_first(
    client: pigpio.pi, board: Simulator
) -> None:
    client.write(24, 1)
    client.set_mode(24, pigpio.INPUT)
    client.write(24, 0)
    assert [level for _, level in board.tell("pins")["24"]["history"]] == [1, None, 0]


def test_a_dimmed_output(client: pigpio.pi) -> None:
    client.set_PWM_frequency(18, 100)
    client.set_PWM_range(18, 10_000)
    client.set_PWM_dutycycle(18, 2_500)
    assert client.get_PWM_frequency(18) == 100
    assert client.get_PWM_dutycycle(18) / client.get_PWM_range(18) == 0.25
    client.write(18, 0)
    with pytest.raises(pigpio.error, match="not in use for PWM"):
        client.get_PWM_dutycycle(18)


@pytest.mark.parametrize(
    ("ask_for", "refusal"),
    [
        (lambda pi: pi.read(54), "GPIO not 0-53"),
        (lambda pi: pi.set_PWM_dutycycle(40, 1), "GPIO not 0-31"),
        (lambda pi: pi.set_mode(4, 8), "mode not 0-7"),
        (lambda pi: pi.set_pull_up_down(4, 3), "pud not 0-2"),
        (lambda pi: pi.write(4, 2), "level not 0-1"),
        (lambda pi: pi.set_PWM_dutycycle(4, 256), "dutycycle not 0-range"),
        (lambda pi: pi.set_glitch_filter(4, 300_001), "bad filter parameter"),
        (lambda pi: pi.notify_begin(31, 1), "unknown handle"),
        (lambda pi: pi.set_noise_filter(4, 100, 100), "unknown command"),
    ],
)
def test_it_refuses_what_pigpiod_refuses(client: pigpio.pi, ask_for: Any, refusal: str) -> None:
    with pytest.raises(pigpio.error, match=refusal):
        ask_for(client)
    assert client.get_hardware_revision() == REVISION


def test_a_bounce_toggles_as_often_as_asked_and_ends_as_it_began(
    client: pigpio.pi, board: Simulator
) -> None:
    seen: list[int] = []
    callback = client.callback(
        17, pigpio.EITHER_EDGE, lambda _pin, level, _tick: seen.append(level)
    )
    assert board.tell("bounce", pin=17, hz=1000, for_ms=100) == 200
    wait_until(lambda: len(seen) >= 200, 5.0, "200 changes")
    assert board.tell("read", pin=17) == 0
    callback.cancel()


def test_silence_then_recovery(board: Simulator) -> None:
    with connect(board) as sock:
        assert ask(sock, HWVER)[3] == REVISION
        board.tell("silence", for_s=2)
        sock.sendall(HWVER)
        sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            sock.recv(16)

        def answered() -> bool:
            sock.sendall(HWVER)
            try:
                return sock.recv(16) != b""
            except TimeoutError:
                return False

        wait_until(answered, 5.0, "the board answers again")


def test_garbage_and_half_frames(board: Simulator) -> None:
    with connect(board) as sock:
        assert ask(sock, HWVER)[3] == REVISION
        board.tell("garbage")
        assert len(sock.recv(12, socket.MSG_WAITALL)) == 12
        assert ask(sock, HWVER) != (17, 0, 0, REVISION)
        board.tell("half")
        sock.sendall(HWVER)
        assert sock.recv(16) == HWVER[:8]
        board.tell("recover")
        assert ask(sock, HWVER)[3] == REVISION


def test_slow_answers_come_late_and_come(board: Simulator) -> None:
    with connect(board) as sock:
        board.tell("slow", ms=150)
        started = time.monotonic()
        assert ask(sock, HWVER)[3] == REVISION
        assert time.monotonic() - started >= 0.15


def test_disconnect_hangs_up_once(board: Simulator) -> None:
    with connect(board) as sock:
        assert ask(sock, HWVER)[3] == REVISION
        board.tell("disconnect")
        assert sock.recv(1) == b""
    with connect(board) as sock:
        assert ask(sock, HWVER)[3] == REVISION


def test_vanish_refuses_connections_and_comes_back(board: Simulator) -> None:
    board.tell("vanish", for_s=2)
    with pytest.raises(ConnectionRefusedError):
        connect(board)

    def back() -> bool:
        try:
            with connect(board) as sock:
                return ask(sock, HWVER)[3] == REVISION
        except OSError:
            return False

    wait_until(back, 5.0, "the board is back")


def test_a_swapped_board_says_another_revision(board: Simulator) -> None:
    board.tell("swap", revision="c03114")
    with connect(board) as sock:
        assert ask(sock, HWVER)[3] == 0xC03114
    board.tell("swap", revision="a02082")


@pytest.mark.parametrize(
    ("do", "params", "sentence"),
    [
        ("press", {"pin": 99}, "the board says BAD_GPIO"),
        ("set", {"pin": 4, "level": 7}, "the board says BAD_LEVEL"),
        ("set", {"pin": 4}, "set needs 'level'"),
        ("bounce", {"pin": 4, "hz": 10**9, "for_ms": 1}, "up to 5000 Hz"),
        ("slow", {"ms": "soon"}, "invalid literal"),
    ],
)
def test_the_control_channel_refuses_in_a_sentence(
    board: Simulator, do: str, params: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SimulatorError, match=sentence):
        board.tell(do, **params)


def test_clients_at_once_each_get_their_own_answers(board: Simulator) -> None:
    socks = [connect(board) for _ in range(20)]
    for number, sock in enumerate(socks):
        sock.sendall(struct.pack("<4I", 3, number, 0, 0))
    for number, sock in enumerate(socks):
        assert struct.unpack("<4I", sock.recv(16, socket.MSG_WAITALL))[:2] == (3, number)
        sock.close()


words = st.integers(min_value=0, max_value=2**32 - 1)
requests = st.builds(
    lambda command, p1, p2: struct.pack("<4I", command, p1, p2, 0),
    st.one_of(st.integers(0, 120), words),
    st.one_of(st.integers(0, 60), words),
    st.one_of(st.integers(0, 10), words),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(requests, min_size=1, max_size=20))
def test_any_request_is_answered_in_order_with_its_own_words(
    fuzzed: Simulator, frames: list[bytes]
) -> None:
    with connect(fuzzed) as sock:
        for frame in frames:
            assert ask(sock, frame)[:3] == struct.unpack("<4I", frame)[:3]
            if frame[:4] == struct.pack("<I", 99):
                return  # reports mix with the answers from here on
        assert ask(sock, HWVER)[3] == REVISION


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_garbage_from_a_client_harms_no_other(fuzzed: Simulator, garbage: bytes) -> None:
    with connect(fuzzed) as other:
        with connect(fuzzed) as sock:
            sock.sendall(garbage)
        assert ask(other, HWVER)[3] == REVISION


def test_an_idle_board_sleeps(board: Simulator, client: pigpio.pi) -> None:
    client.read(17)
    before = board.cpu_s()
    time.sleep(0.5)  # the length is what is measured
    assert board.cpu_s() - before <= 0.01
