"""The write-ahead log that SQLite keeps beside the database: watched, emptied, made ready.

A commit that makes a file longer costs the disk more than its bytes: the file system writes the
new length down as well, and a sync waits for that too. So the log gets its length ahead, in zeros,
while nothing waits. SQLite takes none of them for a frame: those of its own bear the salts of the
log's header (https://sqlite.org/fileformat2.html, 4.1 to 4.3).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from agent.journal import layout
from agent.journal.errors import StorageBusy, StorageFailed, StorageUprooted

FRAME = layout.PAGE + 24  # bytes
PIECE = 32 * FRAME  # what is added at once: a commit that comes meanwhile waits for it
AGAIN = ": recording goes on by itself"


class Wal:
    """The log of the writer's database, over all connections to it.

    Args:
        folder: of the database, which is open.

    Attributes:
        pages: how many were written since it was last emptied, about.
    """

    def __init__(self, folder: Path) -> None:
        self.pages = 0
        self._folder = folder
        self._database = str(folder / layout.DATABASE)
        self._path = str(folder / f"{layout.DATABASE}-wal")
        self._index = str(folder / f"{layout.DATABASE}-shm")
        self._uprooted = False
        self.opened()

    def opened(self) -> None:
        """Take the files that are there now for those of the present connection."""
        self._file, self._files = layout.file_id(self._database), self._found()

    def _found(self) -> tuple[tuple[int, int] | None, ...]:
        return layout.file_id(self._path), layout.file_id(self._index)

    def look(self, connection: sqlite3.Connection) -> None:
        """See whether the log and its index are still those of the connection.

        A log that was taken away is written on, and goes with this process. What it holds is
        moved into the database at once, and so is, at every rest, what follows. Nothing is opened
        anew here: with one log for us and another for readers, both would read nonsense. Where the
        database is gone with them, all waits until it is back: whoever commits next meets that.

        Raises:
            StorageUprooted: they are not, told once; everything must be opened anew.
        """
        if self._uprooted or self._found() == self._files:
            return
        if layout.file_id(self._database) != self._file:
            return
        self._uprooted = True
        with contextlib.suppress(sqlite3.Error):  # the next rest tries again, and the end
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        raise StorageUprooted(
            f"a file beside {self._folder / layout.DATABASE} was taken away or replaced while in "
            f"use; nothing is lost, and the daemon begins anew: see who writes in {self._folder}"
        )

    def empty(self, connection: sqlite3.Connection, after_pages: int) -> None:
        """Move what it holds into the database, once that is enough, and begin it anew.

        Raises:
            sqlite3.Error: it stays where it is, as safe.
        """
        if self.pages >= after_pages or self._uprooted:
            self.pages = 0
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def lengthen(self, pages: int) -> None:
        """Give it a piece more of the length that so many pages, and a few more, will need."""
        with contextlib.suppress(OSError):  # a full disk: then it is lengthened by what needs it
            # SQLite's locks are on the other files: closing this one lets go of none.
            log = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                found = os.fstat(log)
                ours = (found.st_dev, found.st_ino) == self._files[0]
                if ours and found.st_size < (pages + pages // 4) * FRAME:
                    # Frame by frame: written at once, Linux would keep it as one large piece, and
                    # count all of that as written at every commit into it.
                    for at in range(found.st_size, found.st_size + PIECE, FRAME):
                        os.pwrite(log, bytes(FRAME), at)
                    os.fdatasync(log)
            finally:
                os.close(log)

    def settle(self, connection: sqlite3.Connection) -> None:
        """See to the disk what a commit left in it when its sync failed.

        The kernel may call those pages written from then on, though they are not: a power cut
        would take them, and all that follows in the log. So they are written once more, into
        the database, and the log is begun anew; that it is empty must be on the disk too.

        Raises:
            StorageFailed: it is as doubtful as before.
            sqlite3.Error: so it is.
        """
        if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise StorageBusy(
                f"another program reads the journal in {self._folder} while it must be written "
                f"anew after a failure of the disk; end it{AGAIN}"
            )
        try:
            log = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(log)
            finally:
                os.close(log)
        except OSError as error:
            raise StorageFailed(f"the disk under {self._folder} failed ({error}){AGAIN}") from error
