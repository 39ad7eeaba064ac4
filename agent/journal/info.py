"""What a technician wants to know of a journal: how much there is, and how fast it grows."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from agent.journal import layout
from agent.journal.filing import SEVERITIES
from agent.journal.query import RARE
from agent.journal.ranges import Ranges
from agent.journal.reading import Reader
from agent.journal.record import Lane, Recorded, happened_us

DAY_US = 86_400_000_000
WEEK_US = 7 * DAY_US
_BY_SEVERITY = f"SELECT severity, count(*) FROM event WHERE {RARE} GROUP BY severity"  # noqa: S608
_ALARMS = f"SELECT count(*) FROM event WHERE {RARE} AND severity = 0 AND seq BETWEEN ? AND ?"  # noqa: S608


class Info(Struct, frozen=True):
    """Figures of one journal; times are UTC microseconds, sizes bytes.

    Attributes:
        events: how many are there in full.
        pruned: how many are there by their hash only.
        first: the lowest number.
        head: the highest number.
        oldest_us: when the oldest event that is there in full happened; None without any.
        newest_us: when the newest one happened.
        by_severity: how many there are of each.
        bytes: the files' size.
        bytes_per_event: of it, for each event.
        per_day: events a day over the last full week, or as long as there were any; or since the
            clock was last put back by more than a day.
        free: what the disk has left.
        days_left: until that is used up at this pace; None when nothing grows.
        covered: up to which number a checkpoint covers them; 0 for none.
        checkpoints: how many of them are kept (see `agent.journal.thinning`).
        undelivered: by lane, how many no path has delivered.
        wear: how much of an eMMC's life is used, in percent, in steps of ten; None for a disk
            that does not say so.
    """

    events: int
    pruned: int
    first: int
    head: int
    oldest_us: int | None
    newest_us: int | None
    by_severity: dict[str, int]
    bytes: int
    bytes_per_event: int
    per_day: int
    free: int
    days_left: int | None
    covered: int
    checkpoints: int
    undelivered: dict[str, int]
    wear: int | None


def look(folder: Path) -> Info:
    """Take a journal's figures; quick, whatever its size.

    Raises:
        JournalError: it cannot be read.
    """
    with Reader(folder) as reader:
        with reader.tree() as tree:
            first, head = tree.first, tree.first + tree.size - 1
            sealed = tree.newest_checkpoint()
        oldest = next(reader.query(limit=1), None)
        newest = reader.last()
        rare = _rare(reader)
        pruned = reader.pruned()
        events = head - first + 1 - pruned
        size = sum(
            path.stat().st_size
            for path in folder.glob(f"{layout.DATABASE}*")
            if path.suffix != ".db-shm"
        )
        disk = os.statvfs(folder)
        per_event = size // max(1, head - first + 1)
        per_day = _per_day(reader, head, newest)
        free = disk.f_bavail * disk.f_frsize
        return Info(
            events=events,
            pruned=pruned,
            first=first,
            head=head,
            oldest_us=happened_us(oldest.body) if oldest else None,
            newest_us=happened_us(newest.body) if newest else None,
            by_severity={**rare, "info": events - sum(rare.values())},
            bytes=size,
            bytes_per_event=per_event,
            per_day=per_day,
            free=free,
            days_left=free // (per_event * per_day) if per_event * per_day else None,
            covered=first + sealed.size - 1 if sealed else 0,
            checkpoints=int(reader.ask("SELECT count(*) FROM checkpoint")[0][0]),
            undelivered=_undelivered(reader, first, head),
            wear=_wear(folder),
        )


def _rare(reader: Reader) -> dict[str, int]:
    """Count the events of each severity but `info`."""
    found = dict(reader.ask(_BY_SEVERITY))
    levels = SEVERITIES.items()
    return {name: found.get(level, 0) for name, level in levels if name != "info"}


def _per_day(reader: Reader, head: int, newest: Recorded | None) -> int:
    if newest is None:
        return 0
    to_us = happened_us(newest.body)
    # What is dated later than the newest was recorded before the clock was put back.
    ahead = next(reader.query(since_us=to_us + DAY_US, limit=1, newest_first=True), None)
    after = ahead.seq if ahead else 0
    since = next(reader.query(since_us=to_us - WEEK_US, after=after, limit=1), newest)
    span_us = max(DAY_US, to_us - happened_us(since.body))
    return (head - since.seq + 1) * DAY_US // span_us


def _undelivered(reader: Reader, first: int, head: int) -> dict[str, int]:
    """Count what no path has delivered; what is delivered over any is delivered."""
    by_lane: dict[str, Ranges] = {}
    for (_, lane), ranges in reader.acknowledged().items():
        by_lane[lane] = by_lane.get(lane, Ranges()) | ranges
    found = {}
    for lane in Lane:
        gaps = list(by_lane.get(lane, Ranges()).gaps(first, head))
        alarms = sum(int(reader.ask(_ALARMS, gap)[0][0]) for gap in gaps)
        everything = sum(last - begin + 1 for begin, last in gaps)
        found[lane.value] = alarms if lane is Lane.ALARM else everything - alarms
    return found


def _wear(folder: Path) -> int | None:
    device = folder.stat().st_dev
    for where in ("", ".."):  # of a partition, its disk's
        life = Path(
            f"/sys/dev/block/{os.major(device)}:{os.minor(device)}", where, "device/life_time"
        )
        try:
            # eMMC 5.1, EXT_CSD 268 and 269: tenths of the life used, for two kinds of cells.
            return max(int(part, 16) for part in life.read_text().split()) * 10
        except (OSError, ValueError):
            continue
    return None
