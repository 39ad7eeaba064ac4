"""One daemon per data folder.

The lock is the folder's own: a file could be deleted, and the next one to come would lock another
of its name. `journal.lock` says who holds it, and keeps out with the daemons of before, which
locked that file alone.
"""

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
        self._fds: list[int] = []
        try:
            self._lock(folder, os.O_RDONLY | os.O_DIRECTORY)
            fd = self._lock(folder / NAME, os.O_RDWR | os.O_CREAT)
            with contextlib.suppress(FileNotFoundError):  # deleted since: it only lacks the name
                hand_over(folder / NAME)
        except BlockingIOError as error:
            self.release()
            raise JournalLocked(
                f"{folder} is in use by the process {_holder(folder)}; one daemon per data folder: "
                "end that one, or give this one a folder of its own"
            ) from error
        except OSError:
            self.release()
            raise
        with contextlib.suppress(OSError):  # on a full disk only the pid is missing
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)

    def _lock(self, path: Path, how: int) -> int:
        fd = os.open(path, how | os.O_CLOEXEC, 0o600)
        self._fds.append(fd)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd

    def release(self) -> None:
        """Let the next one in. Safe to call twice."""
        while self._fds:
            with contextlib.suppress(OSError):
                os.close(self._fds.pop())


def _holder(folder: Path) -> str:
    """Return who says that it holds the lock; the file that says so may have been deleted."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return (folder / NAME).read_text(encoding="ascii").strip() or "unknown"
    return "unknown"
