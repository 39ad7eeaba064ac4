"""Pigpiod's notifications: a stand-in for the thread that the `pigpio` package reads them with.

That thread spins at a full core when its peer vanishes; takes any 12 bytes for a report; and
compares the first report with levels read before the pins were set up, so that the first press
after a start can be lost. Here the end of the connection is an error at once, a report out of
sequence is one, and every pin's first report counts.

Source: pigpio's `notify_begin` (report layout, sequence) and `pigpio.c`, `gpioNotifyOpenInBand`.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

from drivers.contract import DeviceConfused, DeviceError, DeviceSilent

OPEN_IN_BAND = 99  # NOIB: this socket becomes one that reports are sent on
COMMAND = struct.Struct("<4I")
REPORT = struct.Struct("<HHII")  # sequence, flags, tick, levels


class Notifications:
    """One notification socket, read by a thread of its own.

    `append`, `remove` and `stop` are what a `pigpio.pi` calls.

    Args:
        pi: the connection whose commands say what is watched.
        address: of pigpiod.
        lost: called once, from the thread, when nothing can be reported any more.
    """

    def __init__(
        self, pi: Any, address: tuple[str, int], lost: Callable[[DeviceError], None]
    ) -> None:
        self._pi = pi
        self._lost = lost
        self._callbacks: list[Any] = []
        self._levels = 0  # of all pins, as last reported ...
        self._told = 0  # ... and the pins that were told of since they are watched
        self._sock = socket.create_connection(address)
        self._sock.sendall(COMMAND.pack(OPEN_IN_BAND, 0, 0, 0))
        answer = self._sock.recv(COMMAND.size, socket.MSG_WAITALL)
        self._handle: int = COMMAND.unpack(answer)[3]
        threading.Thread(target=self._run, name="notifications", daemon=True).start()

    def append(self, callback: Any) -> None:
        """Watch what `callback` wants: it has `gpio`, `bit` and `func`."""
        self._callbacks = [*self._callbacks, callback]
        self._begin()

    def remove(self, callback: Any) -> None:
        """Watch it no more."""
        self._callbacks = [other for other in self._callbacks if other is not callback]
        self._begin()

    def stop(self) -> None:
        """End the connection; that is told as lost, too."""
        with contextlib.suppress(OSError):  # it has ended by itself
            self._sock.shutdown(socket.SHUT_RDWR)

    def _begin(self) -> None:
        self._pi.notify_begin(self._handle, sum({callback.bit for callback in self._callbacks}))

    def _run(self) -> None:
        try:
            with self._sock:
                self._read()
        except DeviceError as error:
            self._lost(error)
        except OSError as error:
            self._lost(DeviceSilent(f"broke off its reports: {error.strerror}"))

    def _read(self) -> None:
        rest = b""
        expected = 0
        while received := self._sock.recv(4096):
            received = rest + received
            whole = len(received) - len(received) % REPORT.size
            rest = received[whole:]
            for sequence, flags, tick, levels in REPORT.iter_unpack(received[:whole]):
                if sequence != expected:
                    raise DeviceConfused(f"sent report {sequence} where {expected} was due")
                expected = (expected + 1) & 0xFFFF
                if not flags:  # others tell that the connection lives, and of watchdogs
                    self._tell(tick, levels)
        raise DeviceSilent("hung up")

    def _tell(self, tick: int, levels: int) -> None:
        changed = (levels ^ self._levels) | ~self._told
        self._levels = levels
        for callback in self._callbacks:
            if changed & callback.bit:
                self._told |= callback.bit
                callback.func(callback.gpio, int(levels & callback.bit != 0), tick)
