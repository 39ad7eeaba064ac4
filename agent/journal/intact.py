"""Finding events in a record that may be damaged: what is whole is shown, the rest is named.

Where a read meets damage, its numbers are read one by one. Each event is held against its own
hash, so that nothing is shown that was not recorded.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from agent.journal.errors import StorageBusy, StorageFailed, StorageReadOnly
from agent.journal.filing import SEVERITY_NAMES
from agent.journal.layout import SALT
from agent.journal.query import CHUNK, LAST, Fits, condition, spans
from agent.journal.ranges import Ranges, Span
from agent.journal.reading import Reader
from agent.journal.record import Recorded
from agent.journal.tree import MARK, leaf_hash

SKIPS: Final = 2000  # unreadable numbers in a row, after which the rest is given up
MORE: Final = 1000  # numbers that there may be behind the last signed one, where nobody can tell

# What was pruned has no class; what has one and no body is half gone.
_ROW = (
    "SELECT seq, CAST((SELECT kind FROM class WHERE id = event.class) AS BLOB), severity, "
    "CAST(body AS BLOB), ifnull(CAST(proof AS BLOB), x'') FROM event "
    "WHERE (kept OR class IS NOT NULL)"
)
_SIGNED = (
    "SELECT (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'first') + max(size) - 1 "
    "FROM checkpoint"
)
_PASSING = (StorageBusy, StorageReadOnly)  # not damage: no number could be read


class Intact:
    """Reads what is whole.

    Args:
        reader: of the record.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._damaged: list[Span] = []
        self._lost = 0  # unreadable numbers in a row

    @property
    def damaged(self) -> tuple[Span, ...]:
        """Return which numbers were left out until now; up to `LAST`: from the first one on."""
        return Ranges.of(self._damaged).spans

    def query(
        self,
        *,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
        **wanted: Any,
    ) -> Iterator[Recorded]:
        """Yield the rows that fit everything given and are whole; see `Reader.query`.

        Raises:
            StorageFailed: not even what there is can be told, or the disk refuses everything.
        """
        fits = Fits(**wanted)
        where, values = condition(self._reader.ask, fits)
        head = self._head(newest_first) if upto is None else upto
        found = sorted(self._spans(fits, after), reverse=newest_first)
        bounded = ((first, min(last, head)) for first, last in found if first <= head)
        chunk = min(CHUNK, limit or CHUNK)
        rows = itertools.chain.from_iterable(
            self._between(span, where, values, chunk, newest_first) for span in bounded
        )
        return itertools.islice(filter(None, map(self._judged, rows)), limit)

    def _head(self, newest_first: bool) -> int:
        """Return the last number; where it cannot be told, one beyond all that there may be."""
        try:
            return self._reader.head
        except _PASSING:
            raise
        except StorageFailed:
            if not newest_first:
                return LAST  # from below it is seen how far one can read
            signed = self._reader.ask(_SIGNED)[0][0]
            if signed is None:
                raise
            head = int(signed) + MORE
            self._damaged.append((head + 1, LAST))
            return head

    def _spans(self, fits: Fits, after: int) -> list[Span]:
        try:
            return list(spans(self._reader.ask, fits, after))
        except _PASSING:
            raise
        except StorageFailed:  # the times of the tiles cannot be read: those of the events can
            return [(after + 1, LAST)]

    def _between(
        self,
        span: Span,
        where: str,
        values: Sequence[object],
        chunk: int,
        newest_first: bool,
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows between two numbers as they are stored, as far as they can be read."""
        first, last = span
        order = f"{'DESC' if newest_first else 'ASC'} LIMIT {chunk}"
        sql = f"{_ROW} AND seq BETWEEN ? AND ?{where} ORDER BY seq {order}"
        while first <= last:
            rows = self._asked(sql, (first, last, *values))
            if rows is not None:
                yield from rows
                if len(rows) < chunk:
                    return
                edge = rows[-1][0]
            elif newest_first:
                edge = max(first, last - chunk + 1)
                yield from self._one_by_one(range(last, edge - 1, -1), where, values)
            else:
                edge = min(last, first + chunk - 1)
                yield from self._one_by_one(range(first, edge + 1), where, values)
            first, last = (first, edge - 1) if newest_first else (edge + 1, last)
            if self._lost >= SKIPS and first <= last:
                self._damaged.append((first, last))
                return

    def _one_by_one(
        self, numbers: Iterable[int], where: str, values: Sequence[object]
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of some numbers, and note those that cannot be read."""
        for number in numbers:
            rows = self._asked(f"{_ROW} AND seq = ?{where}", (number, *values))
            if rows is None:
                self._damaged.append((number, number))
            self._lost = self._lost + 1 if rows is None else 0
            yield from rows or ()

    def _asked(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]] | None:
        """Return what a statement finds; None where it meets damage."""
        try:
            return self._reader.ask(sql, values)
        except _PASSING:
            raise
        except StorageFailed:
            return None

    def _judged(self, row: tuple[Any, ...]) -> Recorded | None:
        """Return a row that is what was recorded; any other is noted."""
        seq, kind, level, body, proof = row
        holds = body is not None and leaf_hash(proof[:SALT] + body)[:MARK] == proof[SALT:]
        if holds and kind is not None and level in SEVERITY_NAMES:
            return Recorded(seq, kind.decode(errors="replace"), SEVERITY_NAMES[level], body)
        self._damaged.append((seq, seq))
        return None


def left_out(damaged: Iterable[Sequence[int]]) -> str:
    """Say, in a sentence, that these events were left out."""
    numbers = ", ".join(
        str(first) if first == last else f"{first} to {last}" if last < LAST else f"from {first} on"
        for first, last in damaged
    )
    return f"left out, for they are damaged: {numbers}; see: armoury journal verify"
