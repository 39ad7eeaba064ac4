"""The write side of the database: whole transactions, on one thread."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from agent.journal import ending, keys, last, layout, saving, succession
from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import (
    JournalUnusable,
    StorageCorrupt,
    StorageFailed,
    storage_failure,
)
from agent.journal.filing import AT_US, DATA, Columns, Filing
from agent.journal.growth import Growth
from agent.journal.note import Signer
from agent.journal.ranges import Span
from agent.journal.record import DOUBTFUL, Recorded, Sealed
from agent.journal.reserve import Reserve
from agent.journal.stored import StoredTree
from agent.journal.tree import LEAF, MARK
from agent.journal.vouching import Voucher
from agent.journal.wal import AGAIN, Wal

NOTE_S = 1.0
_THIN = "DELETE FROM checkpoint WHERE size = ?"


class Storage:
    """The journal's only writing connection.

    After a failure, or when the file at the path is another one, the connection is given up
    and made anew at the next attempt, so that whatever ails the disk, its end is enough. What
    is found then must be what was left.

    Args:
        folder: locked by us, its database prepared.
        signer: signs the checkpoints; without one there are none.

    Raises:
        StorageCorrupt: what is there is not what its last checkpoint says.
        sqlite3.Error: it cannot be opened.

    Attributes:
        head: the last committed number.
        unsealed: how many events no checkpoint covers yet; 0 for ever without a signer.
        untold: how the record was begun, where no event of it says so yet.
        unvouched: which events were recorded without the key, where no event says so yet: nothing
            but what must be is signed until then.
    """

    def __init__(self, folder: Path, signer: Signer | None) -> None:
        self._folder = folder
        self._path = str(folder / layout.DATABASE)
        self._signer = signer
        self._reserve = Reserve(folder)
        self._file = layout.file_id(self._path)
        self._connection: sqlite3.Connection | None = layout.connect(folder, "rw")
        try:
            self._log, self.head = ending.identity(self._connection)
            self._filing = Filing(self._connection)
            self.untold = succession.untold(self._connection)
            self._growth, self._sealed = ending.grown(self._connection)
            self._voucher = Voucher(signer, self._log)
            tree = StoredTree(self._connection)
            self.unvouched = self._voucher.doubt(tree, self._sealed, folder)
        except StorageCorrupt:
            self._give_up()
            raise
        self._wal = Wal(folder)
        self._told = self._sealed
        self._doubtful = False
        self._note: str | None = None  # the last checkpoint, still to be kept beside the database
        self._note_at_s = 0.0

    @property
    def signer(self) -> Signer | None:
        """Return the key that signs now, under the log's own name."""
        return self._signer

    @property
    def file(self) -> tuple[int, int] | None:
        """Return what tells the record's file from any other: a copy may have been put back."""
        return self._file

    @property
    def pages(self) -> int:
        """Return how many were written since it was last tidied, about."""
        return self._wal.pages

    @property
    def unsealed(self) -> int:
        """Return how many events no checkpoint covers; 0 when nothing is to be signed."""
        signs = self._signer and self.unvouched is None
        return self._growth.size - self._sealed if signs else 0

    def commit(
        self,
        rows: Sequence[Recorded],
        columns: Sequence[Columns],
        state: Mapping[str, bytes | None],
        acknowledged: Mapping[tuple[str, str], bytes],
        prune: Sequence[Span],
        thin: Sequence[int],
        seal: bool,
        rotate: Signer | None = None,
    ) -> Sealed | None:
        """Write all of it in one transaction, and see it to the disk.

        Args:
            rows: numbered from `head` + 1 on.
            columns: what each one has in the table.
            state: canonical JSON by key; None: forgotten.
            acknowledged: canonical JSON of ranges, by path and lane.
            prune: of which past rows only the hash shall stay.
            thin: the sizes of checkpoints that go.
            seal: whether a checkpoint shall cover it all.
            rotate: the key that takes over with it, and signs that checkpoint.

        Returns:
            The checkpoint, if one was wanted and there is a key.

        Raises:
            StorageFailed: nothing of it was written.
        """
        try:
            connection = self._connected(rows)
            there = self.head + 1 - rows[0].seq if rows else 0  # by an attempt that seemed to fail
            connection.execute("BEGIN IMMEDIATE")
            growth = self._insert(connection, rows[there:], columns[there:])
            told = self.untold is not None and succession.tell(connection, rows)
            if state or acknowledged:
                saving.save(connection, state, acknowledged)
            for span in prune:
                saving.prune(connection, span)
            if thin:
                connection.executemany(_THIN, [(size,) for size in thin if size != self._sealed])
            signer = self._named(rotate) if rotate else self._signer
            doubt = None if DOUBTFUL in [row.kind for row in rows] else self.unvouched
            must = bool(prune or rotate or (seal and doubt is None))
            sealed = self._seal(connection, growth, signer) if must else None
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._doubtful |= _is_io(error)
            self._give_up()
            raise storage_failure(error, self._folder, AGAIN) from error
        except StorageFailed:
            self._give_up()
            raise
        self._growth = growth
        self.head += len(rows) - there
        self.unvouched = doubt
        if told:
            self.untold = None
        if rotate:
            self._signer = signer
            self._voucher = Voucher(signer, self._log)
            with contextlib.suppress(JournalUnusable):  # it is found where it is at the next start
                keys.take_over(self._folder, rotate)
        if sealed:
            self._sealed = self._told = sealed.size
            self._note = sealed.note
        return sealed

    def spend_reserve(self) -> bool:
        """Give the disk the space that is kept for alarms; say whether there was any."""
        return self._reserve.spend()

    def look(self) -> None:
        """See whether the journal is still where it was, though there is nothing to commit.

        Raises:
            StorageFailed: it is not; what comes next waits until it is.
        """
        try:
            self._connected(())
        except sqlite3.Error as error:
            raise storage_failure(error, self._folder, AGAIN) from error
        except StorageFailed:
            self._give_up()
            raise
        if self._connection is not None:
            self._wal.look(self._connection)

    def tidy(self, after_pages: int) -> None:
        """Move what was written from the WAL into the database, once it is enough.

        Args:
            after_pages: how many written pages are enough. After a failure it is tried again
                when as much again was written.

        Raises:
            StorageFailed: it stays in the WAL, where it is as safe; or the WAL is gone.
        """
        self._reserve.keep()
        if self._note is not None and time.monotonic() >= self._note_at_s:
            self._keep_note()
        if self._connection is None:
            return
        self._wal.look(self._connection)
        try:
            self._wal.empty(self._connection, after_pages)
        except sqlite3.Error as error:
            self._give_up()
            raise storage_failure(error, self._folder, AGAIN) from error

    def make_ready(self, pages: int) -> None:
        """Make room on the disk for so many pages, a piece at a time: commits are quicker then."""
        if self._connection is not None:
            self._wal.lengthen(pages)

    def _keep_note(self) -> None:
        """Keep the last checkpoint beside the database: not at every one, for it may be older."""
        if self._note is not None:
            last.remember(self._folder, self._note)
        self._note = None
        self._note_at_s = time.monotonic() + NOTE_S

    def close(self) -> None:
        """Leave the whole record in the one file, where the disk allows, and close."""
        self._keep_note()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):  # it is on the disk, if in two files
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._give_up()

    def _connected(self, rows: Sequence[Recorded]) -> sqlite3.Connection:
        found = layout.file_id(self._path)
        if found != self._file:
            self._give_up()
        if self._connection is None:
            self._connection = layout.connect(self._folder, "rw")
            log, head = ending.identity(self._connection)
            self._wal.opened()
            if log != self._log or not ending.continues(self._connection, self.head, head, rows):
                raise StorageCorrupt(
                    f"the journal in {self._folder} is not the one that was there before; put it "
                    "back: recording goes on by itself"
                )
            if self._doubtful or head != self.head:
                self._wal.settle(self._connection)
                self._growth, self._sealed = ending.grown(self._connection)
                self.head, self._doubtful = head, False
            self._filing, self._file = Filing(self._connection), found
        return self._connection

    def _give_up(self) -> None:
        """Close without complaint: the reason for it is being reported."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _insert(
        self, connection: sqlite3.Connection, rows: Sequence[Recorded], columns: Sequence[Columns]
    ) -> Growth:
        """Insert the rows and what they make of the tree."""
        salts = self._voucher.salts([row.body for row in rows])
        leaves, filed = [], []
        size = 4 * layout.PAGE  # what is written besides
        for row, said, salt in zip(rows, columns, salts, strict=True):  # the daemon's hottest loop
            size += len(said[DATA]) + 96
            seq, kind, severity, body = row
            leaf = sha256(LEAF + salt + body).digest()
            leaves.append(leaf)
            filed.append((seq, kind, severity, said, salt + leaf[:MARK]))
        growth, tiles = self._growth.grown(leaves, [said[AT_US] for said in columns])
        self._wal.pages += size // layout.PAGE
        self._filing.put(filed)
        for tile in tiles:
            found = tile.position, tile.root, tile.from_us, tile.to_us
            connection.execute("INSERT INTO tile VALUES (?, ?, ?, ?)", found)
        return growth

    def _named(self, key: Signer) -> Signer:
        """Return a key under the log's own name."""
        return key.named(self._signer.verifier.name if self._signer else key.verifier.name)

    def _seal(
        self, connection: sqlite3.Connection, growth: Growth, signer: Signer | None
    ) -> Sealed | None:
        if signer is None or growth.size == self._told:
            return None
        if growth.size == self._sealed:  # by an attempt that seemed to fail
            return StoredTree(connection).newest_checkpoint()
        checkpoint = Checkpoint(signer.verifier.name, growth.size, growth.root())
        sealed = Sealed(growth.size, checkpoint.signed(signer))
        connection.execute("INSERT INTO checkpoint VALUES (?, ?)", (sealed.size, sealed.note))
        return sealed


def _is_io(error: sqlite3.Error) -> bool:
    """Say whether the disk failed, so that nobody knows what of a commit is on it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR
