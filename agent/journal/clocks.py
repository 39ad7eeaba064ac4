"""When what an unsure clock dated really happened. The record stays as it was written.

Until the clock is synchronised after a boot, it may show anything; the monotonic one counts
right all the same. So one trusted event of the same boot dates all the others of it: however
far the clock was off, and however often it was set meanwhile. A boot in which the clock was never
synchronised can only be bounded, by the trusted events before and after.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from agent.journal.errors import StorageCorrupt
from agent.journal.filing import boot_parts
from agent.journal.reading import Reader
from agent.journal.record import Recorded

_TRUSTED = """trusted = ',"trusted":true}'"""
_TRUSTED_OR_ANOTHER_BOOT = f"({_TRUSTED} OR boot <> ?)"
_LATER, _EARLIER = "seq > ? ORDER BY seq", "seq < ? ORDER BY seq DESC"


class Corrected(Struct, frozen=True):
    """What is known of an event's time (UTC, microseconds).

    Attributes:
        at_us: when it happened; None: only the bounds are known.
        from_us: not before; None: nothing is known.
        to_us: not after; None: nothing is known.
    """

    at_us: int | None
    from_us: int | None
    to_us: int | None


class _Stretch(Struct, frozen=True):
    """Untrusted events of one boot, and what is known of them all."""

    boot: str
    first: int
    last: int
    offset_us: int | None  # of wall time over monotonic time
    from_us: int | None
    to_us: int | None


class Clocks:
    """Corrects times of one record.

    Args:
        reader: of the record.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: _Stretch | None = None  # neighbours have the same

    def of(self, row: Recorded) -> Corrected | None:
        """Return when an event really happened; None: the clock was trusted, it is as written."""
        if row.body.endswith(b'"trusted":true}'):
            return None
        said = json.loads(row.body)
        known = self._known
        if known is None or known.boot != said["boot"] or not known.first <= row.seq <= known.last:
            known = self._known = self._stretch(row.seq, said["boot"])
        at_us = None if known.offset_us is None else said["mono"] + known.offset_us
        if at_us is not None:
            return Corrected(at_us, at_us, at_us)
        return Corrected(None, known.from_us, known.to_us)

    def _stretch(self, seq: int, boot: str) -> _Stretch:
        """Look for the trusted event of the same boot that is next, or else the last one before."""
        head, _ = boot_parts(boot, True)
        after = self._find(_TRUSTED_OR_ANOTHER_BOOT, _LATER, head, seq)
        before = None
        if after is None or after[1]["boot"] != boot:
            before = self._find(_TRUSTED_OR_ANOTHER_BOOT, _EARLIER, head, seq)
        last = after[0] - 1 if after else seq
        for anchor in (after, before):
            if anchor and anchor[1]["boot"] == boot:
                offset_us = anchor[1]["at"] - anchor[1]["mono"]
                return _Stretch(boot, seq, last, offset_us, None, None)
        bounds = (self._find(_TRUSTED, way, seq) for way in (_EARLIER, _LATER))
        from_us, to_us = (found[1]["at"] if found else None for found in bounds)
        return _Stretch(boot, seq, last, None, from_us, to_us)

    def _find(self, what: str, way: str, *values: object) -> tuple[int, dict[str, Any]] | None:
        sql = f"SELECT seq, CAST(body AS BLOB) FROM event WHERE kept AND {what} AND {way} LIMIT 1"  # noqa: S608
        rows = self._reader.ask(sql, values)
        try:
            return (int(rows[0][0]), json.loads(rows[0][1])) if rows else None
        except ValueError as error:
            raise StorageCorrupt(
                f"the event {rows[0][0]}, which would date others, is damaged; see: armoury "
                "journal verify; or do without --corrected"
            ) from error


def corrected(reader: Reader, rows: Iterable[Recorded]) -> Iterator[Recorded]:
    """Yield the rows; those that an unsure clock dated have what is known of their time besides.

    It is in `corrected`, or else in `corrected_from` and `corrected_to` (UTC, microseconds). Such
    a row is no longer what was hashed.
    """
    clocks = Clocks(reader)
    for row in rows:
        found = clocks.of(row)
        if found is None:
            yield row
            continue
        more = {
            "corrected": found.at_us,
            "corrected_from": found.from_us if found.at_us is None else None,
            "corrected_to": found.to_us if found.at_us is None else None,
        }
        said = json.loads(row.body) | {key: at for key, at in more.items() if at is not None}
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        yield row._replace(body=body)
