"""Disk space that only an alarm may use: whatever fills the disk, there is room for that."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

NAME = "journal.reserve"
SIZE = 2 << 20  # bytes; some 300 alarms
AGAIN_S = 60.0  # how often it is tried to set the space aside


class Reserve:
    """A file that holds nothing, until its space is needed.

    Args:
        folder: the data folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._next = 0.0  # when to try again, monotonic
        self.keep()

    def keep(self) -> None:
        """Set the space aside where it is not, if the disk has twice as much."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + AGAIN_S
        with contextlib.suppress(OSError):  # then there is none; a full disk is said elsewhere
            self._set_aside()

    def spend(self) -> bool:
        """Give the space back to the disk; say whether there was any."""
        self._next = time.monotonic() + AGAIN_S
        return spend(self._path.parent)

    def _set_aside(self) -> None:
        fd = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            disk = os.fstatvfs(fd)
            if os.fstat(fd).st_size < SIZE and disk.f_bavail * disk.f_frsize >= 2 * SIZE:
                os.posix_fallocate(fd, 0, SIZE)
        finally:
            os.close(fd)


def spend(folder: Path) -> bool:
    """Give a folder's reserve back to the disk; say whether there was any."""
    path = folder / NAME
    try:
        spent = path.stat().st_size > 0
        path.unlink()
    except OSError:
        return False
    return spent
