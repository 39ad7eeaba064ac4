"""Finding events by what they are: the index and the tiles say where to look."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from agent.journal.canonical import quoted
from agent.journal.errors import StorageCorrupt
from agent.journal.filing import SEVERITIES, SEVERITY_NAMES
from agent.journal.growth import TILE
from agent.journal.ranges import Ranges, Span
from agent.journal.record import Recorded
from agent.journal.stored import beginning

# Runs one statement and returns everything that it finds.
Ask = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]

CHUNK = 500  # rows read at a time: no read lasts long enough to keep the WAL from shrinking
LAST = 2**62  # beyond every number
RARE = "severity < 3"  # must be said in these words for the index to serve
ROW = (
    "SELECT seq, (SELECT kind FROM class WHERE id = event.class), severity, CAST(body AS BLOB) "
    "FROM event WHERE kept"
)
_CLASSES = (
    "SELECT id, severity FROM class WHERE kind = ifnull(?, kind) AND severity = ifnull(?, severity)"
)
_BEGINS = "SELECT value FROM meta WHERE key = 'first'"
_TILED = "SELECT count(*) FROM tile"
_TIMED = (
    "SELECT position FROM tile WHERE to_us >= ifnull(?, to_us) AND from_us <= ifnull(?, from_us)"
)


class Fits(Struct, frozen=True):
    """What an event must be to be found; None: anything. Times as in `Reader.query`."""

    kind: str | None = None
    severity: str | None = None
    object: str | None = None
    device: str | None = None
    since_us: int | None = None
    until_us: int | None = None


def recorded(row: tuple[Any, ...]) -> Recorded:
    """Make a row that `ROW` selects into what leaves the journal.

    Raises:
        StorageCorrupt: it is none that was recorded.
    """
    seq, kind, level, body = row
    severity = SEVERITY_NAMES.get(level)
    if severity is None or kind is None or body is None:
        raise StorageCorrupt(
            f"the journal's row {seq} is damaged; keep the files, and see: armoury journal verify"
        )
    return Recorded(seq, kind, severity, body)


def found(
    ask: Ask, fits: Fits, after: int, limit: int | None, newest_first: bool
) -> Iterator[Recorded]:
    """Yield what fits, in order of the numbers; `limit` says only how much is read at a time."""
    where, values = condition(ask, fits)
    order = "DESC" if newest_first else "ASC"
    chunk = min(CHUNK, limit or CHUNK)
    sql = f"{ROW} AND seq BETWEEN ? AND ?{where} ORDER BY seq {order} LIMIT {chunk}"
    for first, last in sorted(spans(ask, fits, after), reverse=newest_first):
        begin, end = first, last
        while rows := ask(sql, (begin, end, *values)):
            yield from map(recorded, rows)
            edge = rows[-1][0]
            begin, end = (begin, edge - 1) if newest_first else (edge + 1, end)


def condition(ask: Ask, fits: Fits) -> tuple[str, list[object]]:
    """Return what follows `WHERE ...` for rows that fit, and its values."""
    where, values = _classed(ask, fits)
    terms = {
        " AND object = ?": fits.object and quoted(fits.object)[1:-1],
        " AND device = ?": fits.device and quoted(fits.device)[1:-1],
        " AND at_us >= ?": fits.since_us,
        " AND at_us < ?": fits.until_us,
    }
    where += "".join(term for term, value in terms.items() if value is not None)
    return where, values + [value for value in terms.values() if value is not None]


def _classed(ask: Ask, fits: Fits) -> tuple[str, list[object]]:
    """Return the condition on kind and severity, so put that the index serves it."""
    if fits.kind is None and fits.severity is None:
        return "", []
    level = None if fits.severity is None else SEVERITIES.get(fits.severity, -1)
    classes = ask(_CLASSES, (fits.kind, level)) or [(-1, -1)]  # never recorded: finds nothing
    levels = sorted({level for _, level in classes})
    where = f" AND severity IN ({_marks(levels)})"
    values: list[object] = [*levels]
    if fits.kind is not None:
        where += f" AND class IN ({_marks(classes)})"
        values += [number for number, _ in classes]
    rare = all(level < SEVERITIES["info"] for level in levels)
    return where + (f" AND {RARE}" if rare else ""), values


def spans(ask: Ask, fits: Fits, after: int) -> Iterable[Span]:
    """Return the numbers among which such times can lie: those of fitting tiles, and the tail.

    The tiles are counted first: one that fills meanwhile is then asked for twice, not never.
    """
    if fits.since_us is None and fits.until_us is None:
        return [(after + 1, LAST)]
    first = beginning(next(iter(ask(_BEGINS, ())), None))
    ((full,),) = ask(_TILED, ())
    fitting = ask(_TIMED, (fits.since_us, fits.until_us))
    starts = (first + TILE * position for (position,) in fitting)
    tail = first + TILE * full, LAST
    tiled = ((start, start + TILE - 1) for start in starts)
    inherited = [(0, first - 1)] if first > 1 else []
    spans = Ranges.of([tail, *inherited, *tiled]).spans
    return [(max(begin, after + 1), end) for begin, end in spans if end > after]


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
