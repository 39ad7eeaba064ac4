"""The write side of the database: whole transactions, on one thread."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.journal import layout
from agent.journal.errors import StorageCorrupt, storage_failure
from agent.journal.ranges import Ranges
from agent.journal.record import Recorded
from agent.journal.tree import leaf_hash

SALT = 16  # bytes; 128 bits are not guessed

_INSERT = (
    "INSERT INTO event(seq, class, severity, salt, leaf, body) VALUES (?, ?, ?, ?, ?, "
    "CAST(? AS TEXT))"
)
_SAVE = (
    "INSERT INTO state VALUES (?, CAST(? AS TEXT)) ON CONFLICT DO UPDATE SET value = excluded.value"
)
_ACKNOWLEDGE = (
    "INSERT INTO acknowledged VALUES (?, ?, CAST(? AS TEXT)) "
    "ON CONFLICT DO UPDATE SET ranges = excluded.ranges"
)

Acknowledged = Mapping[tuple[str, str], Ranges]


class Storage:
    """The journal's only writing connection.

    After a failure, or when the file at the path is another one, the connection is given up
    and made anew at the next attempt, so that whatever ails the disk, its end is enough. What
    is found then must be what was left.

    Args:
        folder: locked by us, its database prepared.

    Raises:
        sqlite3.Error: it cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = layout.file_id(folder)
        self._connection: sqlite3.Connection | None = layout.connect(folder, "rw")
        self._log, self.head = _identity(self._connection)
        self._classes = _classes(self._connection)
        self._pages = 0

    def commit(
        self,
        rows: Sequence[Recorded],
        state: Mapping[str, bytes | None],
        acknowledged: Mapping[tuple[str, str], bytes],
    ) -> None:
        """Write all of it in one transaction, and see it to the disk.

        Args:
            rows: numbered from `head` + 1 on.
            state: canonical JSON by key; None: forgotten.
            acknowledged: canonical JSON of ranges, by path and lane.

        Raises:
            StorageFailed: nothing of it was written.
        """
        try:
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, self._prepared(connection, rows))
            _save(connection, state, acknowledged)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._give_up()
            raise storage_failure(error, self._folder) from error
        if rows:
            self.head = rows[-1].seq
        self._pages += 4 + sum(len(row.body) + 64 for row in rows) // layout.PAGE

    def tidy(self, after_pages: int) -> None:
        """Move what was written from the WAL into the database, once it is enough.

        Args:
            after_pages: how many written pages are enough. After a failure it is tried again
                when as much again was written.

        Raises:
            StorageFailed: it stays in the WAL, where it is as safe.
        """
        if self._pages < after_pages or self._connection is None:
            return
        self._pages = 0
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            self._give_up()
            raise storage_failure(error, self._folder) from error

    def close(self) -> None:
        """Leave the whole record in the one file, where the disk allows, and close."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):  # it is on the disk, if in two files
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._give_up()

    def _connected(self) -> sqlite3.Connection:
        found = layout.file_id(self._folder)
        if found != self._file:
            self._give_up()
        if self._connection is None:
            self._connection, self._file = layout.connect(self._folder, "rw"), found
            if _identity(self._connection) != (self._log, self.head):
                self._give_up()
                raise StorageCorrupt(
                    f"the journal in {self._folder} is not the one that was there before; put it "
                    "back: recording goes on by itself"
                )
            self._classes = _classes(self._connection)
        return self._connection

    def _give_up(self) -> None:
        """Close without complaint: the reason for it is being reported."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _prepared(
        self, connection: sqlite3.Connection, rows: Sequence[Recorded]
    ) -> list[tuple[int, int, int, bytes, bytes, bytes]]:
        salts = os.urandom(SALT * len(rows))
        prepared = []
        for at, row in enumerate(rows):
            salt = salts[at * SALT : at * SALT + SALT]
            severity = layout.SEVERITIES[row.severity]
            mark = leaf_hash(salt + row.body)[: layout.MARK]
            of = self._class(connection, row.kind, severity)
            prepared.append((row.seq, of, severity, salt, mark, row.body))
        return prepared

    def _class(self, connection: sqlite3.Connection, kind: str, severity: int) -> int:
        known = self._classes.get((kind, severity))
        if known is None:
            cursor = connection.execute(
                "INSERT INTO class(kind, severity) VALUES (?, ?)", (kind, severity)
            )
            known = self._classes[kind, severity] = int(cursor.lastrowid or 0)
        return known


def _identity(connection: sqlite3.Connection) -> tuple[str, int]:
    """Return which journal this is, and its last number."""
    log = connection.execute("SELECT value FROM meta WHERE key = 'log'").fetchone()[0]
    first = connection.execute("SELECT value FROM meta WHERE key = 'first'").fetchone()[0]
    head = connection.execute("SELECT max(seq) FROM event").fetchone()[0]
    return log, int(first) - 1 if head is None else head


def _classes(connection: sqlite3.Connection) -> dict[tuple[str, int], int]:
    rows = connection.execute("SELECT kind, severity, id FROM class")
    return {(kind, severity): number for kind, severity, number in rows}


def _save(
    connection: sqlite3.Connection,
    state: Mapping[str, bytes | None],
    acknowledged: Mapping[tuple[str, str], bytes],
) -> None:
    kept = [(key, value) for key, value in state.items() if value is not None]
    gone = [(key,) for key, value in state.items() if value is None]
    connection.executemany(_SAVE, kept)
    connection.executemany("DELETE FROM state WHERE key = ?", gone)
    connection.executemany(_ACKNOWLEDGE, [(*key, value) for key, value in acknowledged.items()])
