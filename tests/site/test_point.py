"""Points: debounced in reading time, dated at the first edge, never losing 400 ms."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.site.inputs import PointRead, PointState
from agent.site.machine import Register
from agent.site.moment import Moment
from agent.site.point import RESTLESS_US, Change, Point
from tests.site.conftest import MIDNIGHT_US

MS = 1000


def test_a_loop_that_is_meddled_with_is_told_with_what_it_measures() -> None:
    loop = Watched(100)
    for state, ohms, ms in (("alarm", 9_400, 0), ("open", 6_492, 300), ("normal", 4_700, 600)):
        loop.to(ms)
        read = PointRead("board", "in", PointState(state), ms * MS, {"ohms": ohms})
        loop.point.read(_Turn(ms * MS), read)
    loop.to(1_000)
    assert [(change.after, change.ohms) for change in loop.changes] == [
        ("alarm", None),
        ("open", 6_492),
        ("normal", None),
    ]


class Watched:
    """A point with a debounce time, fed by hand."""

    def __init__(self, debounce_ms: int) -> None:
        self.register = Register({})
        self.changes: list[Change] = []
        self.point = Point(self.register, "board.in")
        self.point.watch("it", lambda turn, change: self.changes.append(change), debounce_ms)
        self.read("normal", 0)
        self.changes.clear()

    def to(self, ms: int) -> None:
        for due_us, machine, name in self.register.take_due(ms * MS):
            machine.ring(_Turn(due_us), name)

    def read(self, state: str, ms: int) -> None:
        self.to(ms)
        self.point.read(_Turn(ms * MS), PointRead("board", "in", PointState(state), ms * MS))

    @property
    def said(self) -> list[tuple[str, int]]:
        return [(str(change.after), change.at_us // MS) for change in self.changes]


class _Turn:
    def __init__(self, at_us: int) -> None:
        self.at_us = at_us
        self.now = Moment(MIDNIGHT_US + at_us, at_us, "boot-1", trusted=True)


def test_a_quiet_change_counts_after_the_debounce_time_dated_at_its_edge():
    watched = Watched(50)
    watched.read("alarm", 100)
    watched.to(149)
    assert watched.said == []
    watched.to(150)
    assert watched.said == [("alarm", 100)]


def test_shorter_than_the_debounce_time_is_nothing():
    watched = Watched(50)
    watched.read("alarm", 100)
    watched.read("normal", 149)
    watched.to(10_000)
    assert watched.said == []


def test_both_edges_told_late_are_both_counted():
    """The daemon was busy: the readings arrive together, with the times they happened at."""
    watched = Watched(50)
    watched.read("alarm", 100)
    watched.read("normal", 500)
    watched.to(10_000)
    assert watched.said == [("alarm", 100), ("normal", 500)]


def test_a_bouncing_contact_is_dated_at_its_first_edge():
    watched = Watched(50)
    for state, ms in (("alarm", 100), ("normal", 101), ("alarm", 103), ("normal", 104)):
        watched.read(state, ms)
    watched.read("alarm", 107)
    watched.to(157)
    assert watched.said == [("alarm", 100)]


@pytest.mark.parametrize("debounce_ms", [10, 50, 300])
def test_no_rhythm_of_edges_hides_an_input(debounce_ms):
    watched = Watched(debounce_ms)
    for ms in range(100, 1100, 2):
        watched.read("alarm", ms)
        watched.read("normal", ms + 1)
    assert watched.said == [("alarm", 100)]
    watched.to(20_000)
    assert watched.said[1][0] == "normal"
    assert len(watched.said) == 2


def test_a_device_that_dies_in_the_middle_of_a_change_does_not_take_it_along():
    watched = Watched(50)
    watched.read("alarm", 100)
    watched.read("unknown", 110)
    assert watched.said == [("alarm", 100), ("unknown", 110)]


def test_what_changed_while_it_was_away_counts_at_once():
    watched = Watched(50)
    watched.read("unknown", 100)
    watched.read("alarm", 200)
    assert watched.said == [("unknown", 100), ("alarm", 200)]
    assert watched.changes[-1].before is PointState.NORMAL


def test_what_did_not_change_while_it_was_away_is_no_change():
    watched = Watched(50)
    watched.read("unknown", 100)
    watched.read("normal", 200)
    watched.to(10_000)
    assert watched.said == [("unknown", 100)]
    assert watched.point.is_normal()


def test_it_is_surely_normal_only_when_it_is_quiet():
    watched = Watched(50)
    watched.read("alarm", 100)
    assert not watched.point.is_normal()  # though it has not settled
    watched.read("normal", 110)
    assert watched.point.is_normal()
    watched.read("unknown", 120)
    assert not watched.point.is_normal()


@given(
    debounce_ms=st.integers(10, 300),
    gaps=st.lists(st.integers(1, 700), min_size=1, max_size=60),
)
def test_any_input_longer_than_400_ms_is_told(debounce_ms, gaps):
    """Whatever the edges before and after: a level that lasts over 400 ms is the settled one."""
    watched = Watched(debounce_ms)
    ms, state = 1000, "normal"
    for gap in gaps:
        state = "alarm" if state == "normal" else "normal"
        watched.read(state, ms)
        ms += gap
        watched.to(ms)
        if gap * MS > RESTLESS_US:
            assert watched.point.state.settled == state
    said = [after for after, _ in watched.said]
    assert all(one != other for one, other in pairwise(said))


@given(gaps=st.lists(st.integers(1, 700), min_size=1, max_size=60))
def test_dates_never_run_backwards(gaps):
    watched = Watched(100)
    ms, state = 1000, "normal"
    for gap in gaps:
        state = "alarm" if state == "normal" else "normal"
        watched.read(state, ms)
        ms += gap
    watched.to(ms + 1000)
    dates = [at for _, at in watched.said]
    assert dates == sorted(dates)
