"""Opening hours: a week of spans in a time zone, and the days on which nothing opens."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from agent.site import tables

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD_D = 366  # a schedule that opens on no day of a year opens never


class Hours:
    """A schedule that answers questions. All instants are wall time in microseconds."""

    def __init__(self, given: tables.Schedule) -> None:
        self.plan = given
        self._zone = ZoneInfo(given.tz)
        self._spans = {
            DAYS.index(day): tuple(tuple(map(_minutes, span.split("-"))) for span in spans)
            for day, spans in given.week.items()
        }

    def today(self, utc_us: int) -> date:
        """Return the local date."""
        return self._local(utc_us).date()

    def is_open(self, utc_us: int) -> bool:
        """Return whether an instant is inside a span; its end is outside."""
        local = self._local(utc_us)
        minute = local.hour * 60 + local.minute
        return any(begin <= minute < end for begin, end in self._on(local.date()))

    def closing_us(self, day: date) -> int | None:
        """Return when a date's last span ends; None when it has none."""
        ends = [end for _, end in self._on(day)]
        return self._utc_us(day, max(ends)) if ends else None

    def next_closing(self, after: date, utc_us: int) -> tuple[date, int] | None:
        """Return the first date after `after` that closes, and when.

        What closed before today is over, but for the last one as long as nothing has opened since.
        """
        day = self._missed(after, utc_us) or max(self.today(utc_us), after + timedelta(days=1))
        for _ in range(AHEAD_D):
            if (closing_us := self.closing_us(day)) is not None:
                return day, closing_us
            day += timedelta(days=1)
        return None

    def _missed(self, after: date, utc_us: int) -> date | None:
        local = self._local(utc_us)
        today, minute = local.date(), local.hour * 60 + local.minute
        if any(begin <= minute for begin, _ in self._on(today)):
            return None
        days = (today - timedelta(days=back) for back in range(1, AHEAD_D))
        return next(
            (day for day in takewhile(lambda day: day > after, days) if self._on(day)), None
        )

    def _on(self, day: date) -> tuple[tuple[int, ...], ...]:
        return () if day in self.plan.holidays else self._spans.get(day.weekday(), ())

    def _local(self, utc_us: int) -> datetime:
        return (EPOCH + timedelta(microseconds=utc_us)).astimezone(self._zone)

    def _utc_us(self, day: date, minutes: int) -> int:
        # 24:00 is midnight of the next day. A local time that a clock change leaves out is
        # taken by the offset before it, one that comes twice the first time.
        local = datetime.combine(day, time(), self._zone) + timedelta(minutes=minutes)
        return (local.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)
