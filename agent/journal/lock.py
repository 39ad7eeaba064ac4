"""One daemon per data folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from agent.journal.errors import JournalLocked
from agent.journal.layout import hand_over

NAME = "journal.lock"


class FolderLock:
    """Held from construction to `release`, or to the end of the process, however it ends.

    Raises:
        JournalLocked: another process holds it; the text has its pid.
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._fd = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        hand_over(folder / NAME)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            raise JournalLocked(
                f"{folder} is in use by the process {holder}; one daemon per data folder: end "
                "that one, or give this one a folder of its own"
            ) from error
        with contextlib.suppress(OSError):  # on a full disk only the pid is missing
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in. Safe to call twice."""
        fd, self._fd = self._fd, -1
        with contextlib.suppress(OSError):
            os.close(fd)
