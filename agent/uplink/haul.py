"""Late events out of the journal and into messages; blocking, so a worker's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from agent.journal.leaves import Leaves
from agent.journal.note import Signer
from agent.journal.ranges import Ranges, Span
from agent.journal.record import Lane, Recorded
from agent.uplink import feed
from agent.uplink.ledger import BATCH_EVENTS, Gap, Parcel

READ_EVENTS = 2 * BATCH_EVENTS
ZIPPED_GAIN = 4  # events shrink at least so much; only then is the limit exhausted


class Journal(Protocol):
    """The record, as the uplink needs it; see `agent.journal.journal.Journal`."""

    @property
    def head(self) -> int: ...

    @property
    def log(self) -> str: ...

    @property
    def signer(self) -> Signer | None: ...

    def read(
        self, after: int, limit: int, *, lane: Lane | None = None, upto: int | None = None
    ) -> list[Recorded]: ...

    def acknowledge(self, path: str, lane: str, ranges: Ranges) -> None: ...

    def acknowledged(self, path: str, lane: str) -> Ranges: ...

    def submission(self, old: int) -> str | None: ...

    def leaves(self, first: int, last: int) -> Leaves: ...

    def witnessed(self, note: str) -> None: ...


def haul(journal: Journal, gap: Gap, limit_bytes: int, *, zipped: bool) -> tuple[list[Parcel], int]:
    """Read the next late events and pack them.

    Args:
        journal: blocks while its card does.
        gap: which events.
        limit_bytes: size of a payload; a single event may be larger.
        zipped: whether to compress.

    Returns:
        The messages, and the number up to which the gap was read.

    Raises:
        JournalError: the disk does not give them.
    """
    first, last = gap.span
    rows = journal.read(first - 1, READ_EVENTS, lane=gap.lane, upto=last)
    upto = rows[-1].seq if len(rows) == READ_EVENTS else last
    parcels: list[Parcel] = []
    for batch in _batches(rows, limit_bytes * ZIPPED_GAIN if zipped else limit_bytes):
        end = upto if batch[-1] is rows[-1] else batch[-1].seq
        parcels += _pack(batch, (first, end), limit_bytes, zipped=zipped, whole=gap.lane is None)
        first = end + 1
    return parcels, upto


def _batches(rows: Sequence[Recorded], limit_bytes: int) -> Iterator[list[Recorded]]:
    batch: list[Recorded] = []
    size = feed.FRAME_BYTES
    for row in rows:
        if batch and (len(batch) == BATCH_EVENTS or size + len(row.body) >= limit_bytes):
            yield batch
            batch, size = [], feed.FRAME_BYTES
        batch.append(row)
        size += len(row.body) + 1
    if batch:
        yield batch


def _pack(
    rows: Sequence[Recorded], span: Span, limit_bytes: int, *, zipped: bool, whole: bool
) -> Iterator[Parcel]:
    """Make one message; or, where they do not shrink enough, several.

    `whole`: these are all the events of the span, and the message says so.
    """
    payload = feed.several(rows, historical=True, span=span if whole else None)
    if zipped:
        payload = feed.zipped(payload)
    if len(payload) <= limit_bytes or len(rows) == 1:
        yield Parcel(span, rows[-1].seq, len(rows), payload, zipped)
        return
    half = len(rows) // 2
    middle = rows[half - 1].seq
    left, right = (span[0], middle), (middle + 1, span[1])
    yield from _pack(rows[:half], left, limit_bytes, zipped=zipped, whole=whole)
    yield from _pack(rows[half:], right, limit_bytes, zipped=zipped, whole=whole)
