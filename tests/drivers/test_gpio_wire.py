"""Pigpiod's notifications, byte by byte, from a peer of the test's own."""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract import DeviceConfused, DeviceError, DeviceSilent
from drivers.gpio.wire import Notifications

HANDLE = 5
PINS = (17, 27)
ALIVE = 1 << 6
WATCHDOG = 1 << 5


@dataclass
class Callback:
    """What `pigpio.pi.callback` makes; it keeps what it was told."""

    gpio: int
    told: list[int] = field(default_factory=list)

    @property
    def bit(self) -> int:
        return 1 << self.gpio

    def func(self, gpio: int, level: int, _tick: int) -> None:
        assert gpio == self.gpio
        self.told.append(level)


@dataclass
class Peer:
    """Pigpiod's end of the wire, and what came of what was sent."""

    sock: socket.socket
    notifications: Notifications
    begun: list[tuple[int, int]]
    lost: queue.SimpleQueue[DeviceError]
    callbacks: list[Callback]

    def hang_up(self) -> DeviceError:
        """End the connection, and with it the reading thread."""
        with contextlib.suppress(OSError):  # the other end has ended it already
            self.sock.shutdown(socket.SHUT_RDWR)
        return self.lost.get(timeout=60)


class Pi:
    def __init__(self) -> None:
        self.begun: list[tuple[int, int]] = []

    def notify_begin(self, handle: int, bits: int) -> None:
        self.begun.append((handle, bits))


def open_in_band(listener: socket.socket) -> socket.socket:
    sock, _ = listener.accept()
    assert sock.recv(16, socket.MSG_WAITALL) == struct.pack("<4I", 99, 0, 0, 0)
    sock.sendall(struct.pack("<4I", 99, 0, 0, HANDLE))
    return sock


@contextmanager
def notified() -> Iterator[Peer]:
    pi = Pi()
    lost: queue.SimpleQueue[DeviceError] = queue.SimpleQueue()
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(open_in_band, listener)
        notifications = Notifications(pi, listener.getsockname(), lost.put)
        with accepted.result(timeout=60) as sock:
            callbacks = [Callback(pin) for pin in PINS]
            for callback in callbacks:
                notifications.append(callback)
            yield Peer(sock, notifications, pi.begun, lost, callbacks)


def report(sequence: int, levels: int, flags: int = 0) -> bytes:
    return struct.pack("<HHII", sequence & 0xFFFF, flags, 12345, levels)


def bits(*pins: int) -> int:
    return sum(1 << pin for pin in pins)


def test_it_asks_for_what_is_watched() -> None:
    with notified() as peer:
        peer.notifications.remove(peer.callbacks[0])
        peer.hang_up()
    assert peer.begun == [(HANDLE, bits(17)), (HANDLE, bits(17, 27)), (HANDLE, bits(27))]


def test_every_change_is_told_once_to_whom_it_concerns() -> None:
    with notified() as peer:
        for sequence, levels in enumerate([0, bits(17), bits(17, 4), bits(17, 27), 0]):
            peer.sock.sendall(report(sequence, levels))
        peer.hang_up()
    assert [callback.told for callback in peer.callbacks] == [[0, 1, 0], [0, 1, 0]]


def test_the_first_report_counts_whatever_was_there_before() -> None:
    """The `pigpio` package compares it with a level read before the pins were set up."""
    for levels in (0, bits(17)):
        with notified() as peer:
            peer.sock.sendall(report(0, levels))
            peer.hang_up()
        assert peer.callbacks[0].told == [int(levels != 0)]


def test_signs_of_life_and_watchdogs_are_no_changes() -> None:
    with notified() as peer:
        peer.sock.sendall(report(0, bits(17), ALIVE) + report(1, bits(17), WATCHDOG | 17))
        peer.sock.sendall(report(2, bits(27)))
        peer.hang_up()
    assert [callback.told for callback in peer.callbacks] == [[0], [1]]


def test_sequence_numbers_wrap() -> None:
    with notified() as peer:
        frames = [report(number, bits(17) * (number % 2)) for number in range(0x1_0003)]
        peer.sock.sendall(b"".join(frames))
        lost = peer.hang_up()
    assert str(lost) == "hung up"
    assert len(peer.callbacks[0].told) == 0x1_0003


def test_the_end_of_the_connection_is_told_at_once() -> None:
    with notified() as peer:
        lost = peer.hang_up()
    assert isinstance(lost, DeviceSilent)


def test_a_report_out_of_sequence_is_told_and_not_believed() -> None:
    with notified() as peer:
        peer.sock.sendall(report(0, 0) + report(2, bits(17)))
        lost = peer.lost.get(timeout=60)
    assert isinstance(lost, DeviceConfused)
    assert str(lost) == "sent report 2 where 1 was due"
    assert peer.callbacks[0].told == [0]


def test_stop_ends_the_connection_however_often() -> None:
    with notified() as peer:
        peer.notifications.stop()
        assert peer.sock.recv(1) == b""
        assert peer.lost.get(timeout=60)
        peer.notifications.stop()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), max_size=30), st.lists(st.integers(1, 40), min_size=1))
def test_however_it_is_cut_the_same_is_told(levels: list[int], cuts: list[int]) -> None:
    stream = b"".join(report(number, level) for number, level in enumerate(levels))
    with notified() as peer:
        rest = stream
        for cut in cuts:
            peer.sock.sendall(rest[:cut])
            rest = rest[cut:]
        peer.sock.sendall(rest)
        peer.hang_up()
    for callback in peer.callbacks:
        seen = [int(level & callback.bit != 0) for level in levels]
        distinct = [value for at, value in enumerate(seen) if at == 0 or seen[at - 1] != value]
        assert callback.told == distinct


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=12, max_size=200))
def test_garbage_ends_in_one_of_our_errors_and_nothing_else(garbage: bytes) -> None:
    with notified() as peer:
        peer.sock.sendall(garbage)
        assert isinstance(peer.hang_up(), DeviceError)
        assert peer.lost.empty()
