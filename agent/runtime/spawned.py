"""A host's process from its exec on, until somebody runs it. Light to import: a start begins so."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "PYTHONPATH", "GPIOZERO_PIN_FACTORY")
BEHIND = 10  # niceness


class Spawned(Struct, frozen=True):
    """A host's process and our end of its wire, from exec on.

    Attributes:
        process: its standard error is a pipe.
        sock: does not block.
    """

    process: subprocess.Popen[bytes]
    sock: socket.socket

    def send(self, line: Mapping[str, Any]) -> bool:
        """Send one line; False when it cannot be taken now, which a healthy host never does."""
        try:
            data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
            return self.sock.send(data) == len(data)
        except OSError:
            return False

    def end(self) -> None:
        """End a host that nobody has taken over; it holds no hardware yet."""
        self.sock.close()
        self.process.kill()
        self.process.communicate()


def spawn(*, behind: bool = False, loading: int | None = None) -> Spawned:
    """Start a host.

    Args:
        behind: whether it shall leave the processor to all others who want it.
        loading: a pipe's end to write to, which the host closes when it has loaded what it is
            told to load.

    Raises:
        OSError: no process can be started.
    """
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        given = [theirs.fileno()] + ([] if loading is None else [loading])
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "drivers.host", *map(str, given)],
            pass_fds=given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={key: os.environ[key] for key in KEPT_ENVIRONMENT if key in os.environ},
            start_new_session=True,  # the terminal's Ctrl-C is the daemon's to handle
        )
    if behind:
        with contextlib.suppress(OSError):  # a sandbox of somebody else's may not allow it
            niceness = os.getpriority(os.PRIO_PROCESS, 0) + BEHIND
            os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
    return Spawned(process, ours)
