"""What the record gives up, and when. That an event was is never given up.

Pruning an event leaves its number and its leaf of the tree, so that every proof still holds;
its salt goes, so that nobody can guess it back. Pruning is an event itself and names the
ranges: what was pruned and what was dropped can be told apart, and `verify` does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from agent.journal.ageing import settled
from agent.journal.errors import StorageCorrupt
from agent.journal.filing import SEVERITIES, SEVERITY_NAMES
from agent.journal.policy import Policy
from agent.journal.query import Fits, spans
from agent.journal.ranges import Ranges
from agent.journal.reading import Reader
from agent.journal.record import PRUNED, Batch, Entry, Lane
from agent.journal.thinning import surplus
from agent.site.inputs import Json
from agent.site.moment import Moment
from agent.site.step import Event, Severity

DAY_US = 86_400_000_000
MOST_ROWS = 200  # pruned in one transaction, which alarms must wait for
ROOM_PCT = 90  # of the quota is what pruning for space goes down to
DISK_PCT = 95  # of what the disk can give is the most that the record takes

# What a pruned row gives back: its numbers are as long as what the leaf takes more than the proof.
_TEXTS = "ifnull(length(data), 0) + ifnull(length(object), 0) + ifnull(length(device), 0)"
_ALARM = SEVERITIES[Severity.ALARM]
_INFO = SEVERITIES[Severity.INFO]


class Usage(Struct, frozen=True):
    """How full it is.

    Attributes:
        used: bytes of the database that are in use.
        quota: bytes that they may become: the policy's, or what the disk can give.
        disk_pct: how full the disk is, whoever fills it.
    """

    used: int
    quota: int
    disk_pct: int

    @property
    def record_pct(self) -> int:
        """Return how much of its quota the record takes."""
        return self.used * 100 // max(1, self.quota)


def usage(reader: Reader, folder: Path, policy: Policy) -> Usage:
    """Measure how full it is."""
    used = _used(reader)
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    taken = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    quota = min(policy.quota, (used + free) * DISK_PCT // 100)
    return Usage(used, quota, taken * 100 // max(1, taken + free))


def _used(reader: Reader) -> int:
    pages, free, size = (
        reader.ask(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


class Retention:
    """Finds what need not be kept any longer.

    It remembers up to where it has been, for as long as it lives: the first plan reads what a
    record of years still holds, the next ones what came since.

    Args:
        policy: what is kept how long.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._thinned = 0  # up to a checkpoint over so many leaves nothing more may go
        self._seen: dict[int, int] = {}  # by days: nothing that is kept so long is left up to here

    def plan(self, reader: Reader, now: Moment, below: int, quota: int) -> Iterator[Batch]:
        """Yield batches that prune what need not be kept any longer, and thin old checkpoints.

        What no path has delivered stays. Each batch is small; submit one after the other, and
        ask for the next when it is committed.

        Args:
            reader: of the record.
            now: the present; without a trusted clock nothing is old, nor by one that has just
                jumped ahead (`ageing`), but space can be made.
            below: only lower numbers: those of open alarms and what followed them are kept.
            quota: bytes that the record may take.
        """
        delivered = _delivered(reader)
        by = settled(reader, now)
        if by.trusted:
            for days, classes in self._classes(reader).items():
                yield from _batches(self._aged(reader, by, days, classes), delivered, below, now)
                self._seen[days] = _nothing_up_to(reader, classes, self._seen.get(days, 0))
            yield from self._thinning(surplus(reader, by.utc_us, self._thinned))
        if (used := _used(reader)) > quota:
            too_much = used - quota * ROOM_PCT // 100
            yield from _batches(
                _chatter(reader, too_much, delivered[Lane.REST]), delivered, below, now
            )

    def _thinning(self, sizes: Sequence[int]) -> Iterator[Batch]:
        """Make batches of the checkpoints that may go."""
        for at in range(0, len(sizes), MOST_ROWS):
            some = tuple(sizes[at : at + MOST_ROWS])
            yield Batch((), thin=some)
            self._thinned = some[-1]

    def _classes(self, reader: Reader) -> dict[int, list[int]]:
        """Return the classes of events by how long they are kept."""
        found: dict[int, list[int]] = {}
        for number, kind, level in reader.ask("SELECT id, kind, severity FROM class"):
            if level not in SEVERITY_NAMES:
                raise StorageCorrupt(f"what the journal says of the events {kind} is damaged")
            days = self._policy.days(kind, SEVERITY_NAMES[level])
            found.setdefault(days, []).append(number)
        return found

    def _aged(
        self, reader: Reader, by: Moment, days: int, classes: Sequence[int]
    ) -> Iterator[tuple[int, int]]:
        """Yield number and severity of what is older than it is kept."""
        until_us = by.utc_us - days * DAY_US
        sql = (
            f"SELECT seq, severity FROM event WHERE seq BETWEEN ? AND ? AND {_among(classes)} "  # noqa: S608
            f"AND at_us < ? ORDER BY seq LIMIT {MOST_ROWS}"
        )
        for first, last in spans(reader.ask, Fits(until_us=until_us), self._seen.get(days, 0)):
            after = first - 1
            while rows := reader.ask(sql, (after + 1, last, until_us)):
                yield from rows
                after = rows[-1][0]


def _among(classes: Sequence[int]) -> str:
    return f"class IN ({','.join(map(str, classes))})"


def _nothing_up_to(reader: Reader, classes: Sequence[int], seen: int) -> int:
    """Return up to which number there is nothing of these classes, given that up to `seen`."""
    sql = f"SELECT seq FROM event WHERE seq > ? AND {_among(classes)} ORDER BY seq LIMIT 1"  # noqa: S608
    left = reader.ask(sql, (seen,))
    return int(left[0][0]) - 1 if left else reader.head


def _chatter(reader: Reader, surplus: int, delivered: Ranges) -> Iterator[tuple[int, int]]:
    """Yield the oldest `info` that was delivered, until its bytes are the surplus."""
    ((pruning,),) = reader.ask(
        "SELECT ifnull((SELECT id FROM class WHERE kind = ? AND severity = ?), -1)",
        (PRUNED, _INFO),
    )
    sql = (
        f"SELECT seq, severity, {_TEXTS} FROM entry "  # noqa: S608
        f"WHERE seq > ? AND severity = {_INFO} AND class <> ? ORDER BY seq LIMIT {MOST_ROWS}"
    )
    after = 0
    while surplus > 0 and (rows := reader.ask(sql, (after, pruning))):
        for seq, level, size in rows:
            after = seq
            if surplus > 0 and seq in delivered:
                surplus -= size
                yield seq, level


def _delivered(reader: Reader) -> dict[Lane, Ranges]:
    """Return by lane what some path has delivered."""
    found = {lane: Ranges() for lane in Lane}
    for (_, lane), ranges in reader.acknowledged().items():
        found[Lane(lane)] |= ranges
    return found


def _batches(
    rows: Iterator[tuple[int, int]], delivered: dict[Lane, Ranges], below: int, now: Moment
) -> Iterator[Batch]:
    """Make batches of those of the rows that may go."""
    gone: list[int] = []
    for seq, level in rows:
        lane = Lane.ALARM if level == _ALARM else Lane.REST
        if seq >= below:
            break
        if seq not in delivered[lane]:
            continue
        gone.append(seq)
        if len(gone) == MOST_ROWS:
            yield _batch(gone, now)
            gone.clear()
    if gone:
        yield _batch(gone, now)


def _batch(gone: list[int], now: Moment) -> Batch:
    ranges = Ranges.of((seq, seq) for seq in gone)
    named: list[Json] = [list(span) for span in ranges.spans]
    data: dict[str, Json] = {"ranges": named, "events": len(gone)}
    event = Event(PRUNED, "journal", Severity.INFO, now, data=data)
    return Batch((Entry(event),), prune=ranges)
