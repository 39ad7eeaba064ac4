"""What a damaged record still shows: read piece by piece, believed only where its marks hold."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agent.journal import layout
from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import storage_failure
from agent.journal.evidence import DROPPED, KEPT
from agent.journal.filing import Filing, split
from agent.journal.note import NoteRefused, Verifier
from agent.journal.ranges import Ranges, Span
from agent.journal.record import HIGHEST, ROTATED, Lane
from agent.journal.tree import MARK, is_marked, leaf_hash

CHUNK = 200
MOST = 100_000  # events taken over: the newest, where even what was delivered is not known
LASTING = (ROTATED, KEPT, DROPPED)
SKIPS = 2000  # unreadable numbers in a row, after which the rest is given up


class Salvage:
    """A damaged database, opened for reading. Whatever cannot be read is not there.

    Args:
        folder: where it lies, if it does.
        whole: it was found to be good; what cannot be read is an error, and nothing is left out.

    Raises:
        StorageFailed: it was to be whole, and cannot be read; so does whatever reads of it.
    """

    def __init__(self, folder: Path, *, whole: bool = False) -> None:
        self._folder = folder
        self._whole = whole
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = layout.connect_beside(folder)
            self._connection.text_factory = _text
        except sqlite3.Error as error:
            self._pass_over(error)

    def __enter__(self) -> Salvage:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def head(self) -> int | None:
        """Return the highest number, if it can be told; one that leaves no room is damage."""
        rows = self._rows("SELECT max(seq) FROM event WHERE seq <= ?", (HIGHEST // 2,))
        return int(rows[0][0]) if rows and isinstance(rows[0][0], int) else None

    def end(self, trusted: Sequence[Verifier]) -> Checkpoint | None:
        """Return the newest checkpoint that holds."""
        for (note,) in (
            self._rows("SELECT CAST(note AS BLOB) FROM checkpoint ORDER BY size DESC") or ()
        ):
            try:
                return Checkpoint.open(bytes(note).decode(errors="replace"), trusted)
            except (NoteRefused, TypeError):
                continue
        return None

    def into(self, new: sqlite3.Connection, below: int) -> int:
        """Write what holds into a new database; return how many events that are.

        Of what was to be whole that is everything, else what was not delivered.

        Args:
            new: within a transaction.
            below: only events with lower numbers.
        """
        state = self._marked("SELECT key, CAST(value AS BLOB), mark FROM state ORDER BY key")
        new.executemany("INSERT INTO state VALUES (?, CAST(? AS TEXT), ?)", state)
        acknowledged = self._marked(
            "SELECT path, lane, CAST(ranges AS BLOB), mark FROM acknowledged ORDER BY path"
        )
        new.executemany("INSERT INTO acknowledged VALUES (?, ?, CAST(? AS TEXT), ?)", acknowledged)
        rows = self._events(below) if self._whole else self._undelivered(acknowledged, below)
        return sum(_put(new, row) for row in rows)

    def lasting_into(self, new: sqlite3.Connection, below: int) -> int:
        """Write the events that a record cannot do without, whether they were delivered or not.

        Without those that lead from key to key nobody follows its signatures; without those that
        name evidence its files would be nobody's, and be removed.
        """
        last = min(below - 1, self.head() or below - 1)
        found = self._between(1, last, LASTING)
        if found is None:  # it met damage somewhere
            return sum(_put(new, row) for row in self._intact((1, last), LASTING))
        return sum(_put(new, row) for row in found if _holds(row))

    def _events(self, below: int) -> Iterator[tuple[int, bytes, bytes]]:
        return self._intact((1, min(below - 1, self.head() or 0)))

    def _undelivered(
        self, acknowledged: list[tuple[Any, ...]], below: int
    ) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield number, proof and body of the intact events that no path has delivered."""
        delivered = {lane.value: Ranges() for lane in Lane}
        for _, lane, ranges, _ in acknowledged:
            delivered[lane] |= Ranges.of(json.loads(ranges))
        head = min(below - 1, self.head() or below - 1)
        earliest = 1 if acknowledged else max(1, head - MOST + 1)
        both = Ranges.of(
            gap for ranges in delivered.values() for gap in ranges.gaps(earliest, head)
        )
        for span in both.spans:
            for seq, proof, body in self._intact(span):
                lane = Lane.ALARM if b'"severity":"alarm","trusted":' in body[-60:] else Lane.REST
                if seq not in delivered[lane]:
                    yield seq, proof, body

    def _intact(self, span: Span, kinds: Sequence[str] = ()) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield number, proof and body of what is whole; of these kinds only, where some are given.

        Where there is none of them is no damage: it is not skipped.
        """
        at, skipped = span[0], 0
        while at <= span[1] and skipped < SKIPS:
            end = min(span[1], at + CHUNK - 1)
            found = [self._between(at, end, kinds)]
            if found == [None]:  # something in it is damaged: number by number
                found = [self._between(number, number, kinds) for number in range(at, end + 1)]
            rows = [row for some in found for row in some or ()]
            for seq, proof, body in rows:
                if _holds((seq, proof, body)):
                    yield seq, proof, body
            read = rows or (kinds and any(some is not None for some in found))
            skipped = 0 if read else skipped + end - at + 1
            at = end + 1
            if not read and (following := self._following(at, span[1])):
                at, skipped = following, 0

    def _following(self, first: int, last: int) -> int | None:
        """Return the next number whose event is kept, beyond all that were pruned."""
        sql = "SELECT seq FROM event WHERE seq BETWEEN ? AND ? AND kept ORDER BY seq LIMIT 1"
        rows = self._rows(sql, (first, last))
        return rows[0][0] if rows else None

    def _between(
        self, first: int, last: int, kinds: Sequence[str] = ()
    ) -> list[tuple[Any, ...]] | None:
        marks = ",".join("?" * len(kinds))
        among = f"AND class IN (SELECT id FROM class WHERE kind IN ({marks}))"  # noqa: S608
        return self._rows(
            "SELECT seq, CAST(proof AS BLOB), CAST(body AS BLOB) FROM event "  # noqa: S608
            "WHERE seq BETWEEN ? AND ? AND kept AND body IS NOT NULL AND proof IS NOT NULL "
            + (among if kinds else ""),
            (first, last, *kinds),
        )

    def _marked(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows whose mark is right: from both ends as far as the damage."""
        both = itertools.chain(self._until_damage(sql), self._until_damage(f"{sql} DESC"))
        return [row for row in dict.fromkeys(both) if is_marked(row)]

    def _until_damage(self, sql: str) -> Iterator[tuple[Any, ...]]:
        if self._connection is None:
            return
        try:
            yield from self._connection.execute(sql)
        except sqlite3.Error as error:
            self._pass_over(error)

    def _rows(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]] | None:
        """Return what a statement finds; None when it meets damage."""
        if self._connection is None:
            return None
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self._pass_over(error)
            return None

    def _pass_over(self, error: sqlite3.Error) -> None:
        if self._whole:
            raise storage_failure(error, self._folder) from error


def _text(stored: bytes) -> str:
    """Return a text though it is damaged: its row's mark says so, and no other row goes with it."""
    return stored.decode(errors="replace")


def _holds(row: tuple[int, bytes, bytes]) -> bool:
    """Say whether a row is what was recorded."""
    _, proof, body = row
    return leaf_hash(proof[: layout.SALT] + body)[:MARK] == proof[layout.SALT :]


def _put(new: sqlite3.Connection, row: tuple[int, bytes, bytes]) -> int:
    """Write an event into a new database, unless it is there; return how many that are."""
    seq, proof, body = row
    if new.execute("SELECT 1 FROM entry WHERE seq = ?", (seq,)).fetchone():
        return 0
    Filing(new).put([(seq, *split(body), proof)])
    return 1
