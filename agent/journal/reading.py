"""The read side of the database: beside the running daemon, or of a copy without it."""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agent.journal import layout, schema
from agent.journal.errors import JournalTooNew, JournalUnusable, StorageCorrupt, storage_failure
from agent.journal.query import RARE, ROW, Fits, found, recorded
from agent.journal.ranges import Ranges
from agent.journal.record import Lane, Recorded
from agent.journal.stored import StoredTree
from agent.journal.tree import is_marked

CLOSE_S = 1.0

_LANES = {
    None: "",
    Lane.ALARM: f" AND severity = 0 AND {RARE}",
    Lane.REST: " AND severity > 0",
}


class Reader:
    """A read-only view of the journal in a folder; it never blocks the daemon.

    Every method sees what was committed when it was called. Calls from several threads are
    served one after the other.

    Args:
        folder: the data folder, or one that holds a copy of `journal.db`.

    Raises:
        JournalUnusable: there is none, or none that can be read.
        JournalTooNew: a newer version of the software wrote it.
        StorageCorrupt: it is damaged where it says what is in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = str(folder / layout.DATABASE)
        self._lock = threading.Lock()
        self._file: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        with self._lock:
            self._connected()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; the next call opens them again.

        A call on another thread that a hanging disk holds up for `CLOSE_S` keeps them.
        """
        if self._lock.acquire(timeout=CLOSE_S):
            try:
                self._let_go()
            finally:
                self._lock.release()

    @property
    def head(self) -> int:
        """Return the last number; 0 when nothing was recorded yet."""
        return int(self.ask("SELECT ifnull(max(seq), 0) FROM event")[0][0])

    def last(self) -> Recorded | None:
        """Return the newest row."""
        return next(self.query(limit=1, newest_first=True), None)

    def read(
        self, after: int, limit: int, *, lane: Lane | None = None, upto: int | None = None
    ) -> list[Recorded]:
        """Return the next rows in order of their numbers.

        Args:
            after: the number before the first one wanted.
            limit: how many at most.
            lane: only this half of the record.
            upto: the last number wanted.
        """
        where = " AND seq > ?" + ("" if upto is None else " AND seq <= ?") + _LANES[lane]
        bounds = (after,) if upto is None else (after, upto)
        rows = self.ask(f"{ROW}{where} ORDER BY seq LIMIT ?", (*bounds, limit))
        return [recorded(row) for row in rows]

    def query(
        self,
        *,
        kind: str | None = None,
        severity: str | None = None,
        object: str | None = None,
        device: str | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
        after: int = 0,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Recorded]:
        """Yield the rows that fit everything given.

        Args:
            kind: exactly this kind of event.
            severity: exactly this severity.
            object: about exactly this.
            device: shown by exactly this device.
            since_us: happened at or after this (UTC, microseconds).
            until_us: happened before this.
            after: only higher numbers.
            limit: how many at most.
            newest_first: from the highest number down.
        """
        fits = Fits(kind, severity, object, device, since_us, until_us)
        return itertools.islice(found(self.ask, fits, after, limit, newest_first), limit)

    def state(self) -> dict[str, bytes]:
        """Return the site's saved state, as JSON.

        Raises:
            StorageCorrupt: some of it is not what was saved.
        """
        rows = self._marked("SELECT key, CAST(value AS BLOB), mark FROM state")
        return dict(rows)

    def acknowledged(self) -> dict[tuple[str, str], Ranges]:
        """Return what was delivered, by path and lane.

        Raises:
            StorageCorrupt: some of it is not what was saved.
        """
        rows = self._marked("SELECT path, lane, CAST(ranges AS BLOB), mark FROM acknowledged")
        return {(path, lane): Ranges.of(json.loads(spans)) for path, lane, spans in rows}

    def pruned(self) -> int:
        """Return of how many events only the hash is left."""
        found = self.ask("SELECT value FROM meta WHERE key = 'pruned'")
        return int(found[0][0]) if found else 0

    @contextlib.contextmanager
    def tree(self) -> Iterator[StoredTree]:
        """Give the record's tree as it is now; other calls wait meanwhile."""
        with self._asking() as connection:
            connection.execute("BEGIN")
            try:
                yield StoredTree(connection)
            finally:
                connection.execute("ROLLBACK")

    def _marked(self, sql: str) -> Iterator[list[Any]]:
        """Yield rows of texts without the mark at their end, once it is seen to be right."""
        for row in self.ask(sql):
            *said, value, _ = row
            if not is_marked(row):
                raise StorageCorrupt(
                    f"what the journal in {self._folder} saved of {'/'.join(map(str, said))} is "
                    "damaged; restore a backup"
                )
            yield [*said, value]

    def ask(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return what a statement of ours finds in the database.

        Raises:
            StorageFailed: the disk refused.
        """
        with self._asking() as connection:
            try:
                return connection.execute(sql, values).fetchall()
            except OverflowError as error:  # of a number that an earlier answer gave
                raise StorageCorrupt(
                    f"a number in the journal in {self._folder} is none; see: armoury journal "
                    "verify"
                ) from error

    @contextlib.contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connected()
            except sqlite3.Error as error:
                self._let_go()
                raise storage_failure(error, self._folder) from error

    def _connected(self) -> sqlite3.Connection:
        found = layout.file_id(self._path)
        if found != self._file:
            self._let_go()
        if self._connection is None:
            self._connection, self._file = _open(self._folder), found
        return self._connection

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _open(folder: Path) -> sqlite3.Connection:
    path = folder / layout.DATABASE
    if not path.exists():
        raise JournalUnusable(f"there is no journal in {folder}; name the daemon's data folder")
    try:
        connection = layout.connect_beside(folder)
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT:
            raise storage_failure(error, folder) from error
        raise JournalUnusable(
            f"{path} cannot be read: {error}; see that it is yours to read, or copy it with the "
            f"files {path.name}-* beside it to a folder that you can write"
        ) from error
    if version in schema.READING and application == layout.APPLICATION:
        return connection
    connection.close()
    if application != layout.APPLICATION:
        raise JournalUnusable(f"{path} is not an armoury journal")
    if version < schema.VERSION:
        raise StorageCorrupt(f"{path} has schema {version}, which there never was")
    raise JournalTooNew(
        f"{path} has schema {version}, this software knows {schema.VERSION}; use the newer one"
    )
