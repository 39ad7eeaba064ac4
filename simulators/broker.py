"""A mosquitto of our own on loopback: for the demo, the benchmarks and the tests."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from simulators.bound import bound

START_S = 60.0  # on a busy machine; a limit ends only what has failed
PORTS = (10_000, 32_768)


class BrokerError(Exception):
    """The broker cannot be started; the text says what to do."""


@dataclass(frozen=True)
class Tls:
    """The broker's side of TLS, as PEM files; clients must show a certificate of `ca`."""

    ca: Path
    cert: Path
    key: Path


def free_port() -> int:
    """Return a loopback port that nobody has, and that no connection is given by the kernel.

    Those that it gives are above it (ip(7), ip_local_port_range): one of them may be in use by the
    time that it is listened at.
    """
    while True:
        port = random.randrange(*PORTS)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


@dataclass
class Broker:
    """One mosquitto on loopback; its port stays the same over every restart.

    Args:
        folder: for its configuration, log and store; one a broker.
        tls: makes it ask for TLS and for a client's certificate.
        persistent: it keeps sessions and messages on disk, written at every change.
        extra: more lines of its configuration ("max_packet_size 2000").
    """

    folder: Path
    tls: Tls | None = None
    persistent: bool = False
    extra: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def log(self) -> str:
        """Return what the broker has written so far."""
        path = self.folder / "mosquitto.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            BrokerError: it is not installed, runs already, or ended at once.
        """
        if self._process is not None:
            raise BrokerError("the broker runs already")
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise BrokerError("mosquitto is not installed; try: apt-get install mosquitto")
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join(self._config()) + "\n")
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                bound([program, "-c", str(config)]),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise BrokerError(f"mosquitto did not start: {self.log[-300:]}")
            time.sleep(0.01)

    def kill(self) -> None:
        """End it without a word, as kill -9 does. Nothing happens if it does not run."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order: its store is written, its clients are told."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it hang: its sockets stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._signal(number)
        self._process.wait(START_S)
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise BrokerError("the broker does not run")
        os.kill(self._process.pid, number)

    def _listens(self) -> bool:
        with socket.socket() as sock:
            sock.settimeout(1)
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def _config(self) -> list[str]:
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            # its default of 1000 drops what a slow subscriber has not fetched yet, unseen
            "max_queued_messages 0",
            "log_type all",
            f"persistence {str(self.persistent).lower()}",
        ]
        if self.persistent:
            lines += [
                f"persistence_location {self.folder}/",
                "autosave_interval 1",
                "autosave_on_changes true",
            ]
        if self.tls:
            lines += [
                f"cafile {self.tls.ca}",
                f"certfile {self.tls.cert}",
                f"keyfile {self.tls.key}",
                "require_certificate true",
            ]
        if os.geteuid() == 0:
            lines.append("user root")
        return [*lines, *self.extra]
