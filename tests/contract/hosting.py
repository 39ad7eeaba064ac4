"""The test's end of two wires: a driver in its real host, a simulator in its own process.

Both are context managers, so nothing outlives its test.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulators.control import tell
from tests.waiting import BUSY
from tests.warm import Warm

ROOT = Path(__file__).resolve().parents[2]
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

Message = dict[str, Any]


class Process:
    """A program of ours with its figures; killed at the end if it is still there."""

    def __init__(self, process: subprocess.Popen[bytes] | Warm) -> None:
        self.process = process
        self.pid = process.pid

    def cpu_s(self) -> float:
        """Return the processor time used so far, in seconds (steps of 10 ms)."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS_PER_S

    def pss_kib(self) -> int:
        """Return the proportional share of memory."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))

    def running(self) -> bool:
        """Return whether it still runs."""
        return self.process.poll() is None

    def exited(self, timeout_s: float) -> int:
        """Wait for its end; return the exit status."""
        return self.process.wait(timeout=timeout_s)

    def kill(self) -> None:
        """End it at once, as a power cut would; it can put nothing in order."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=60)

    def end(self) -> None:
        if self.running():
            self.kill()
        if self.process.stdout:
            self.process.stdout.close()


class Host(Process):
    """A driver in its host (`drivers.host`), seen from the daemon's end of the socketpair.

    Messages that a test has not asked for yet wait in `pending`, in order.

    Args:
        driver: "drivers.gpio.driver:GpioDriver".
        device: the device's id.
        options: as JSON; already valid (the daemon validates, the host does not).
        spool: the folder for files that its answers name.
    """

    def __init__(
        self, driver: str, device: str, options: Mapping[str, Any], spool: Path | None = None
    ) -> None:
        self._sock, theirs = socket.socketpair()
        with theirs:
            words = [sys.executable, "-m", "drivers.host", str(theirs.fileno())]
            super().__init__(subprocess.Popen(words, cwd=ROOT, pass_fds=[theirs.fileno()]))
        self._buffer = b""
        self._next_id = 0
        self.pending: list[Message] = []
        start = {"driver": driver, "device": device, "options": options, "supervision_s": 10}
        self._send(start | ({"spool": str(spool)} if spool else {}))

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._sock.close()

    def expect(self, is_: str, timeout_s: float = 5.0, **match: Any) -> Message:
        """Return (and take) the first message of this kind whose fields are as in `match`.

        The limit is a quiet machine's, and ends only what has failed: see `tests.waiting.BUSY`.
        """
        deadline = time.monotonic() + timeout_s * BUSY
        while True:
            for message in self.pending:
                if message["is"] == is_ and match.items() <= message.items():
                    self.pending.remove(message)
                    return message
            if not self._receive(deadline):
                raise AssertionError(
                    f"no {is_} {match} within {timeout_s * BUSY} s; there were: {self.pending}"
                )

    def gather(self, for_s: float, is_: str = "", **match: Any) -> list[Message]:
        """Return (and take) all such messages that are pending or arrive within `for_s`.

        Args:
            for_s: always waited in full.
            is_: their kind; "" is every kind.
            match: fields that they have.
        """
        deadline = time.monotonic() + for_s
        while self._receive(deadline):
            pass
        taken, kept = [], []
        for message in self.pending:
            fits = is_ in ("", message["is"]) and match.items() <= message.items()
            (taken if fits else kept).append(message)
        self.pending = kept
        return taken

    def act(self, verb: str, target: str, **args: Any) -> int:
        """Send an action; return its id. The answer is a message `answer` with that `id`."""
        self._next_id += 1
        self._send({"do": "act", "id": self._next_id, "verb": verb, "target": target, "args": args})
        return self._next_id

    def outcome(self, verb: str, target: str, timeout_s: float = 5.0, **args: Any) -> str:
        """Send an action and return its outcome ("done", "refused", "unknown")."""
        number = self.act(verb, target, **args)
        return str(self.expect("answer", timeout_s, id=number)["outcome"])

    def stop(self, timeout_s: float = 5.0 * BUSY) -> int:
        """Ask the driver to end, as the daemon does; return the host's exit status."""
        self._send({"do": "stop"})
        return self.exited(timeout_s)

    def again(self) -> None:
        """Have a host that stays try its device again, as the daemon does."""
        self._send({"do": "again"})

    def close_daemon_end(self) -> None:
        """Be a daemon that is gone."""
        self._sock.close()

    def _send(self, message: Message) -> None:
        self._sock.sendall(json.dumps(message).encode() + b"\n")

    def _receive(self, deadline: float) -> bool:
        """Take in what arrives next; False when nothing does, or the host has hung up."""
        ready, _, _ = select.select([self._sock], [], [], max(0.0, deadline - time.monotonic()))
        received = self._read() if ready else b""
        *lines, self._buffer = (self._buffer + received).split(b"\n")
        self.pending += [json.loads(line) for line in lines]
        return bool(received)

    def _read(self) -> bytes:
        try:
            return self._sock.recv(1 << 16)
        except ConnectionResetError:  # it ended with something of ours unread
            return b""


class Simulator(Process):
    """A simulator in a process of its own, ready when this returns.

    Args:
        module: "simulators.board".
        control: where its control socket shall be.
        arguments: of its command line, besides `--control`.

    Attributes:
        said: its first line, without the newline ("listening on 127.0.0.1:40001").
    """

    def __init__(self, module: str, control: Path, *arguments: str) -> None:
        self.control = control
        super().__init__(Warm([module, "--control", str(control), *arguments]))
        out = self.process.stdout
        assert out is not None
        ready, _, _ = select.select([out], [], [], 10.0 * BUSY)
        self.said = out.readline().decode().rstrip("\n") if ready else ""
        if not self.said:
            self.end()
            raise AssertionError(f"{module} did not become ready")

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return int(self.said.rpartition(":")[2])

    def tell(self, do: str, /, **params: Any) -> Any:
        """Ask it over its control channel."""
        return tell(self.control, do, **params)

    def stop(self, timeout_s: float = 5.0 * BUSY) -> int:
        """Ask it to end with SIGTERM; return its exit status."""
        self.process.terminate()
        return self.exited(timeout_s)
