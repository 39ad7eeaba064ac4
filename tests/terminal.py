"""A terminal of a test's own, with a command on it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

WAIT_S = 60.0
INHERITED = {"COLUMNS", "LINES"}  # xdist's workers have them: 80 and 24, whatever the terminal


class Terminal:
    """A pseudo-terminal with the command on it.

    It is so many columns wide, so many lines high, and of this kind (TERM).
    """

    def __init__(
        self, *words: str, size: tuple[int, int] = (80, 24), kind: str = "xterm-256color"
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *reversed(size), 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent.cli.main", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={key: value for key, value in os.environ.items() if key not in INHERITED}
            | {"TERM": kind},
        )
        os.close(slave)
        self.shown = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until what was shown since the last call matches."""
        deadline = time.monotonic() + WAIT_S
        while not (found := re.search(pattern, self.shown, re.DOTALL)):
            left = deadline - time.monotonic()
            assert left > 0, f"not shown: {pattern!r}; but: {self.shown[-2000:]!r}"
            if select.select([self._master], [], [], left)[0]:
                self.shown += os.read(self._master, 65_536).decode(errors="replace")
        self.shown = ""
        return found

    def left(self) -> int:
        """Wait until it has left; return its exit status.

        What it draws is read meanwhile: a terminal that nobody reads takes 15 KB and no more.
        """
        self.wait_for(re.escape("\x1b[?1049l"))  # xterm: back from the alternate screen
        return self.process.wait(WAIT_S)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(60)
        os.close(self._master)
