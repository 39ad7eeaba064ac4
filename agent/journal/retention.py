"""How long the record keeps what events say. That they were is never given up.

Pruning an event leaves its number and its leaf of the tree, so that every proof still holds;
its salt goes, so that nobody can guess it back. Pruning is an event itself and names the
ranges: what was pruned and what was dropped can be told apart, and `verify` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agent.journal.query import ROW, recorded
from agent.journal.ranges import Ranges
from agent.journal.reading import Reader
from agent.journal.record import PRUNED, Batch, Entry, Lane, Recorded, happened_us
from agent.site.inputs import Json
from agent.site.moment import Moment
from agent.site.step import Event, Severity

DAY_US = 86_400_000_000
MOST_ROWS = 500  # pruned in one transaction, which alarms must wait for
CHUNK = 1000
ROOM = 0.9  # of the quota is what pruning for space goes down to

# MOSAIC: inventory counts 2 years, 4 if discrepant; destruction 10 years. EN 50131-1: 30 days.
KEEP_D: Mapping[str, int] = {
    Severity.ALARM: 731,
    Severity.FAULT: 731,
    Severity.ACCESS: 731,
    Severity.INFO: 92,
    "rack.counted": 731,
    "rack.discrepancy": 1461,
    "rack.destroyed": 3653,
    PRUNED: 3653,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What is kept how long.

    Attributes:
        keep_d: days by kind, or for all other kinds by severity.
        quota: bytes that the record may take; beyond it the oldest `info` goes early. Nothing
            else ever does: chatter cannot push an alarm out.
    """

    keep_d: Mapping[str, int] = field(default_factory=lambda: KEEP_D)
    quota: int = 4 << 30

    def keeps_us(self, row: Recorded) -> int:
        """Return how long this event is kept."""
        return self.keep_d.get(row.kind, self.keep_d[row.severity]) * DAY_US


def used(reader: Reader) -> int:
    """Return how many bytes of the database are in use."""
    pages, free, size = (
        reader.ask(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def plan(reader: Reader, policy: Policy, now: Moment, below: int) -> Iterator[Batch]:
    """Yield batches that prune what need not be kept any longer, the oldest first.

    What no path has delivered stays. Each batch is small; submit one after the other, and ask
    for the next when it is committed.

    Args:
        reader: of the record.
        policy: what is kept how long.
        now: the present; without a trusted clock nothing is old.
        below: only lower numbers: those of open alarms and what followed them are kept.
    """
    if not now.trusted:
        return
    full = used(reader)
    surplus = full - int(policy.quota * ROOM) if full > policy.quota else 0
    gone: list[int] = []
    for row in _delivered(reader, below):
        old = happened_us(row.body) + policy.keeps_us(row) < now.utc_us
        if not old and not (surplus > 0 and row.severity == "info" and row.kind != PRUNED):
            continue
        surplus -= len(row.body)
        gone.append(row.seq)
        if len(gone) == MOST_ROWS:
            yield _batch(gone, now)
            gone.clear()
    if gone:
        yield _batch(gone, now)


def _delivered(reader: Reader, below: int) -> Iterator[Recorded]:
    """Yield what some path has delivered, in order."""
    delivered = {lane: Ranges() for lane in Lane}
    for (_, lane), ranges in reader.acknowledged().items():
        delivered[Lane(lane)] |= ranges
    after = 0
    while rows := reader.ask(
        f"{ROW} AND seq > ? AND seq < ? ORDER BY seq LIMIT {CHUNK}", (after, below)
    ):
        after = rows[-1][0]
        for row in map(recorded, rows):
            lane = Lane.ALARM if row.severity == "alarm" else Lane.REST
            if row.seq in delivered[lane]:
                yield row


def _batch(gone: list[int], now: Moment) -> Batch:
    ranges = Ranges.of((seq, seq) for seq in gone)
    spans: list[Json] = [list(span) for span in ranges.spans]
    data: dict[str, Json] = {"ranges": spans, "events": len(gone)}
    event = Event(PRUNED, "journal", Severity.INFO, now, data=data)
    return Batch((Entry(event),), prune=ranges)
