"""Opening hours, holidays, time zones and the days of a clock change."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.site.schedule import Hours
from agent.site.tables import Schedule

DAYS = ("mon", "tue", "wed", "thu", "fri")


def hours(tz="UTC", week=None, holidays=()):
    week = week or {day: ["08:00-12:00", "13:00-18:00"] for day in DAYS}
    return Hours(Schedule(id="days", tz=tz, week=week, holidays=list(holidays)))


def us(text):
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-02T07:59:59.999999+00:00", False),
        ("2026-11-02T08:00:00+00:00", True),
        ("2026-11-02T11:59:59.999999+00:00", True),
        ("2026-11-02T12:00:00+00:00", False),
        ("2026-11-02T13:00:00+00:00", True),
        ("2026-11-02T18:00:00+00:00", False),
        ("2026-11-01T10:00:00+00:00", False),  # a Sunday
    ],
)
def test_a_span_begins_inside_and_ends_outside(at, is_open):
    assert hours().is_open(us(at)) is is_open


def test_on_a_holiday_it_is_closed_all_day():
    found = hours(holidays=[date(2026, 11, 2)])
    assert not found.is_open(us("2026-11-02T10:00:00+00:00"))
    assert found.closing_us(date(2026, 11, 2)) is None
    assert found.is_open(us("2026-11-03T10:00:00+00:00"))


def test_the_time_is_local():
    quito = hours("America/Guayaquil")
    assert not quito.is_open(us("2026-11-02T12:59:59+00:00"))
    assert quito.is_open(us("2026-11-02T13:00:00+00:00"))


def test_midnight_ends_a_span():
    night = hours(week={"mon": ["20:00-24:00"], "tue": ["00:00-04:00"]})
    assert night.is_open(us("2026-11-02T23:59:59.999999+00:00"))
    assert night.is_open(us("2026-11-03T00:00:00+00:00"))
    assert night.closing_us(date(2026, 11, 2)) == us("2026-11-03T00:00:00+00:00")


def test_on_the_days_of_a_clock_change_it_closes_at_its_local_time():
    berlin = hours("Europe/Berlin", week={"sun": ["00:30-18:00"]})
    assert berlin.closing_us(date(2026, 3, 29)) == us("2026-03-29T18:00:00+02:00")
    assert berlin.closing_us(date(2026, 10, 25)) == us("2026-10-25T18:00:00+01:00")


def test_the_next_closing_is_todays_even_when_it_is_over():
    monday = us("2026-11-02T20:00:00+00:00")
    assert hours().next_closing(date(2026, 11, 1), monday) == (
        date(2026, 11, 2),
        us("2026-11-02T18:00:00+00:00"),
    )
    assert hours().next_closing(date(2026, 11, 2), monday) == (
        date(2026, 11, 3),
        us("2026-11-03T18:00:00+00:00"),
    )


def test_it_looks_over_weekends_and_holidays():
    friday = us("2026-11-06T20:00:00+00:00")
    found = hours(holidays=[date(2026, 11, 9)]).next_closing(date(2026, 11, 6), friday)
    assert found == (date(2026, 11, 10), us("2026-11-10T18:00:00+00:00"))


def test_one_that_never_opens_never_closes():
    day = date(1969, 12, 31)
    assert hours(week={"mon": ["08:00-09:00"]}, holidays=[]).next_closing(day, 0) is not None
    never = Hours(Schedule(id="never", tz="UTC", week={}))
    assert never.next_closing(day, 0) is None


@pytest.mark.parametrize(
    ("now", "closes"),
    [
        ("2026-11-07T01:00", "2026-11-06"),  # Friday's, in the night after it
        ("2026-11-08T23:00", "2026-11-06"),  # and all the weekend
        ("2026-11-09T07:59", "2026-11-06"),
        ("2026-11-09T08:00", "2026-11-09"),  # something has opened since
    ],
)
def test_one_that_nobody_saw_closes_until_something_opens(now, closes):
    found = hours().next_closing(date(2026, 11, 5), us(f"{now}:00+00:00"))
    assert found == (date.fromisoformat(closes), us(f"{closes}T18:00:00+00:00"))
    after = hours().next_closing(date(2026, 11, 6), us(f"{now}:00+00:00"))
    assert after == (date(2026, 11, 9), us("2026-11-09T18:00:00+00:00")), "each date once"


@pytest.mark.parametrize(
    "wrong",
    [
        {"tz": "Mars/Olympus"},
        {"tz": "../etc/passwd"},
        {"week": {"someday": ["08:00-09:00"]}},
        {"week": {"mon": ["09:00-08:00"]}},
        {"week": {"mon": ["08:00-08:00"]}},
        {"week": {"mon": ["8-9"]}},
        {"week": {"mon": ["08:00-25:00"]}},
        {"week": {"mon": []}},
        {"holidays": ["2026-13-01"]},
    ],
)
def test_what_it_cannot_be(wrong):
    good = {"id": "days", "tz": "UTC", "week": {"mon": ["08:00-09:00"]}}
    with pytest.raises(ValidationError):
        Schedule.model_validate(good | wrong)


@given(
    st.integers(0, 4_000_000_000), st.sampled_from(["UTC", "Europe/Berlin", "America/Guayaquil"])
)
def test_it_is_open_just_before_it_closes_and_not_at_it(utc_s, tz):
    today = hours(tz).today(utc_s * 1_000_000)
    found = hours(tz).next_closing(today - timedelta(days=1), utc_s * 1_000_000)
    assert found is not None
    _, closing_us = found
    assert hours(tz).is_open(closing_us - 1)
    assert not hours(tz).is_open(closing_us)
