"""One host process that is run: talked to over a socketpair, killed for certain."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections import deque
from collections.abc import Callable
from typing import IO, Any

from agent.runtime.lines import one_line
from agent.runtime.spawned import Spawned

# A healthy host says some hundred bytes a second. One that says more than this at once is read
# again after a pause: its socket fills, and the loop stays free for the others.
READ_SIZE = 8_192
PAUSE_S = 0.05
STDERR_LINES = 20


class HostProcess:
    """A running host.

    Args:
        spawned: given up to it.
        start: what it is told to run (driver, device, options).
        received: called on the loop with what it says; b"" when its end is closed.
    """

    def __init__(
        self, spawned: Spawned, start: dict[str, Any], received: Callable[[bytes], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = received
        self._process, self._sock = spawned.process, spawned.sock
        self.send = spawned.send
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._errors: IO[bytes] = self._process.stderr  # type: ignore[assignment]  # PIPE
        os.set_blocking(self._errors.fileno(), False)
        self._ended = asyncio.Event()
        self._closed = False
        self._pidfd = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._pidfd, self._on_end)
        self._loop.add_reader(self._sock, self._on_data)
        self._loop.add_reader(self._errors, self._on_stderr)
        self.send(start)

    @property
    def pid(self) -> int:
        return self._process.pid

    def _on_data(self) -> None:
        try:
            data = self._sock.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or len(data) == READ_SIZE:
            self._loop.remove_reader(self._sock)
        if len(data) == READ_SIZE:
            self._loop.call_later(PAUSE_S, self._read_again, self._sock, self._on_data)
        self._received(data)

    def _read_again(self, source: socket.socket | IO[bytes], read: Callable[[], None]) -> None:
        if not self._closed:
            self._loop.add_reader(source, read)

    def _on_stderr(self) -> None:
        data: bytes | None = self._errors.read(READ_SIZE)
        if data is None:  # not yet
            return
        if not data or len(data) == READ_SIZE:
            self._loop.remove_reader(self._errors)
        if len(data) == READ_SIZE:
            self._loop.call_later(PAUSE_S, self._read_again, self._errors, self._on_stderr)
        self._stderr.extend(data.decode(errors="replace").splitlines())

    def _on_end(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self._ended.set()
        # What it said is still read, and its end is told then, whoever else holds its end of the
        # wire: a program that its driver has started does not speak for it.
        self._sock.shutdown(socket.SHUT_RD)

    async def end(self, grace_s: float = 0.0) -> str:
        """Stop the host, by force after `grace_s`; return how it ended, for a technician."""
        if grace_s:
            self.send({"do": "stop"})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), grace_s)
        ended_alone = self._ended.is_set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # and whatever its driver has started
        with contextlib.suppress(TimeoutError):  # a process in the kernel's D state dies later
            await asyncio.wait_for(self._ended.wait(), 2.0)
        self._close()
        return self._how_it_ended(ended_alone=ended_alone)

    def _close(self) -> None:
        self._closed = True
        for fd in (self._sock.fileno(), self._errors.fileno(), self._pidfd):
            self._loop.remove_reader(fd)
        self._on_stderr_rest()
        self._sock.close()
        os.close(self._pidfd)
        self._process.poll()

    def _on_stderr_rest(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._errors:
            self._stderr.extend((self._errors.read() or b"").decode(errors="replace").splitlines())

    def _how_it_ended(self, *, ended_alone: bool) -> str:
        code = self._process.returncode
        if not ended_alone or code is None:
            return "its driver was stopped by force"
        how = signal.Signals(-code).name if code < 0 else f"status {code}"
        last = next((line for line in reversed(self._stderr) if line.strip()), "")
        return f"its driver process ended with {how}" + (
            f": {one_line(last[:200])}" if last else ""
        )
