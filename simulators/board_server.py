"""The board's socket: clients, their notifications, and how the board misbehaves.

A thread a client, all blocked while nothing happens. One lock holds the pins and the clients;
a report leaves in the thread that changed the pin, so that it is on the wire at once.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from enum import StrEnum

from simulators.board_pins import Pins
from simulators.board_spi import Spi
from simulators.pigpiod_wire import (
    LONGEST_EXTENSION,
    REQUEST,
    VERSION,
    Command,
    CommandRefused,
    ErrorCode,
    Request,
    report,
)

MOST_CLIENTS = 32  # PI_NOTIFY_SLOTS


class Fault(StrEnum):
    """How everything that the board sends is spoilt."""

    NONE = "none"
    SILENCE = "silence"  # requests are taken, and neither carried out nor answered
    GARBAGE = "garbage"  # frames of the right length, with anything in them
    HALF = "half"  # the first half of each frame


class Client:
    """One connection; `handle` and `watched` once it takes notifications."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.handle: int | None = None
        self.watched = 0
        self.sequence = 0

    def hang_up(self) -> None:
        """End the connection; the thread that reads it sees the end."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, or none when the client has gone."""
        data = self.sock.recv(size, socket.MSG_WAITALL)
        return data if len(data) == size else b""


class BoardServer:
    """A board at the end of a TCP socket.

    Args:
        host: address to listen on.
        port: 0 leaves it to the system; see `address`.
        revision: what kind of Raspberry Pi it says it is.
    """

    def __init__(self, host: str, port: int, revision: int) -> None:
        self.address = (host, port)
        self.revision = revision
        self.fault = Fault.NONE
        self.slow_s = 0.0
        self.lock = threading.RLock()
        self.pins = Pins(self._changed)
        self.spi = Spi()
        self._reported = self.pins.read_bank(0)
        self._clients: set[Client] = set()
        self._listener: socket.socket | None = None
        self._commands = self._table()

    def listen(self) -> None:
        """Take clients, if it does not yet. Raises OSError where that cannot be."""
        with self.lock:
            if self._listener:
                return
            listener = self._listener = socket.create_server(self.address)
        self.address = listener.getsockname()[:2]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def hang_up(self) -> None:
        """End every connection."""
        with self.lock:
            for client in self._clients:
                client.hang_up()

    def vanish(self) -> None:
        """Be gone: no connection, nobody listening."""
        with self.lock:
            listener, self._listener = self._listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()
        self.hang_up()

    def babble(self, size: int) -> None:
        """Send everybody bytes that nobody asked for."""
        with self.lock:
            for client in self._clients:
                with contextlib.suppress(OSError):
                    client.sock.send(os.urandom(size), socket.MSG_DONTWAIT)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return  # vanished
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = Client(sock)
            with self.lock:
                self._clients.add(client)
                if self._listener is not listener:
                    client.hang_up()  # vanished in between
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: Client) -> None:
        with client.sock, contextlib.suppress(OSError):
            while frame := client.read(REQUEST.size):
                request = Request.parse(frame)
                if request.extension >= LONGEST_EXTENSION:
                    break
                if request.extension:
                    request = request._replace(extra=client.read(request.extension))
                    if not request.extra:
                        break
                if self.fault is not Fault.SILENCE:
                    self._send(client, request.answer(self._result(client, request)))
        with self.lock:
            self._clients.discard(client)

    def _send(self, client: Client, frame: bytes) -> None:
        if self.slow_s:
            time.sleep(self.slow_s)
        with contextlib.suppress(OSError):  # pigpiod, too, does what it read before the end
            client.sock.sendall(self._spoilt(frame))

    def _spoilt(self, frame: bytes) -> bytes:
        match self.fault:
            case Fault.SILENCE:
                return b""
            case Fault.GARBAGE:
                return os.urandom(len(frame))
            case Fault.HALF:
                return frame[: len(frame) // 2]
        return frame

    def _result(self, client: Client, request: Request) -> int | bytes:
        command = self._commands.get(request.command)
        try:
            with self.lock:
                if request.command == Command.NOIB:
                    return self._open_notifications(client)
                return command(request) or 0 if command else ErrorCode.UNKNOWN_COMMAND
        except CommandRefused as refused:
            return refused.code

    def _table(self) -> dict[int, Callable[[Request], int | bytes | None]]:
        pins, spi = self.pins, self.spi
        return {
            Command.MODES: lambda r: pins.set_mode(r.p1, r.p2),
            Command.MODEG: lambda r: pins[r.p1].mode,
            Command.PUD: lambda r: pins.set_pull(r.p1, r.p2),
            Command.READ: lambda r: pins[r.p1].level,
            Command.WRITE: lambda r: pins.write(r.p1, r.p2),
            Command.PWM: lambda r: pins.dim(r.p1, r.p2),
            Command.PRS: lambda r: pins.set_duty_range(r.p1, r.p2),
            Command.PFS: lambda r: pins.set_frequency(r.p1, r.p2),
            Command.GDC: lambda r: pins.duty(r.p1),
            Command.PRG: lambda r: pins.user(r.p1).duty_range,
            Command.PFG: lambda r: pins.user(r.p1).frequency_hz,
            Command.BR1: lambda _: pins.read_bank(0),
            Command.BR2: lambda _: pins.read_bank(32),
            Command.BC1: lambda r: pins.write_bank(r.p1, 0),
            Command.BS1: lambda r: pins.write_bank(r.p1, 1),
            Command.SPIO: lambda r: spi.open(r.p1, r.p2, r.extra),
            Command.SPIC: lambda r: spi.close(r.p1),
            Command.SPIR: lambda r: spi.transfer(r.p1, bytes(r.p2)),
            Command.SPIW: lambda r: len(spi.transfer(r.p1, r.extra)),
            Command.SPIX: lambda r: spi.transfer(r.p1, r.extra),
            Command.FG: lambda r: pins.set_steady(r.p1, r.p2),
            Command.TICK: lambda _: time.monotonic_ns() // 1000,
            Command.HWVER: lambda _: self.revision,
            Command.PIGPV: lambda _: VERSION,
            Command.NB: lambda r: self._watch(r.p1, r.p2),
            Command.NP: lambda r: self._watch(r.p1, 0),
            Command.NC: lambda r: self._close_notifications(r.p1),
        }

    def _open_notifications(self, client: Client) -> int:
        taken = {other.handle for other in self._clients}
        free = (handle for handle in range(MOST_CLIENTS) if handle not in taken)
        handle = next(free, None)
        if handle is None:
            raise CommandRefused(ErrorCode.NO_HANDLE)
        client.handle, client.watched, client.sequence = handle, 0, 0
        return handle

    def _notified(self, handle: int) -> Client:
        for client in self._clients:
            if client.handle == handle:
                return client
        raise CommandRefused(ErrorCode.BAD_HANDLE)

    def _watch(self, handle: int, bits: int) -> None:
        self._notified(handle).watched = bits

    def _close_notifications(self, handle: int) -> None:
        client = self._notified(handle)
        client.handle, client.watched = None, 0

    def _changed(self, number: int) -> None:
        """Report a pin's new level, at once or when it has been steady for long enough."""
        if number >= 32:
            return
        pin = self.pins[number]
        if pin.steady_us == 0:
            self._report(number, pin.level)
            return
        pin.changes += 1
        steady = threading.Timer(
            pin.steady_us / 1e6, self._steady, (number, pin.level, pin.changes)
        )
        steady.daemon = True
        steady.start()

    def _steady(self, number: int, level: int, changes: int) -> None:
        with self.lock:
            if self.pins[number].changes == changes:
                self._report(number, level)

    def _report(self, number: int, level: int) -> None:
        bit = 1 << number
        levels = self._reported | bit if level else self._reported & ~bit
        if levels == self._reported:
            return
        self._reported = levels
        tick = time.monotonic_ns() // 1000
        for client in self._clients:
            if client.watched & bit:
                frame = self._spoilt(report(client.sequence, tick, levels))
                client.sequence += 1
                with contextlib.suppress(BlockingIOError):  # pigpiod drops it, too
                    sent = client.sock.send(frame, socket.MSG_DONTWAIT)
                    if sent != len(frame):
                        client.hang_up()
