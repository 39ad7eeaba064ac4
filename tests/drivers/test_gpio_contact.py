"""What an input's changes become: on a clock of the test's own."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.contract import PointReading, PointState
from drivers.gpio.contact import LATE_US, WINDOW_US, Contact

LOW, HIGH = False, True


def contact() -> Contact:
    """A contact that reads LOW while all is well, at rest since 0."""
    fresh = Contact("panic", 27, normal=LOW)
    fresh.first(LOW, 0)
    return fresh


def reading(state: PointState, at_us: int, **detail: int) -> PointReading:
    return PointReading("panic", state, at_us, detail)


def test_the_present_state_is_reported_first() -> None:
    fresh = Contact("panic", 27, normal=LOW)
    assert fresh.first(HIGH, 5) == reading(PointState.ALARM, 5)
    assert fresh.changed(LOW, 6) == reading(PointState.NORMAL, 6)


def test_a_change_is_reported_at_once() -> None:
    panic = contact()
    assert panic.changed(HIGH, 100) == reading(PointState.ALARM, 100)
    assert panic.settled(HIGH, 100 + WINDOW_US) is None
    assert panic.due_us is None


def test_a_report_of_the_level_it_has_is_no_change() -> None:
    panic = contact()
    assert panic.changed(LOW, 100) is None
    assert panic.due_us is None


def test_a_short_press_is_two_readings_each_with_its_own_time() -> None:
    panic = contact()
    assert panic.changed(HIGH, 100) == reading(PointState.ALARM, 100)
    assert panic.changed(LOW, 3_000) is None
    assert panic.due_us == 100 + WINDOW_US
    assert panic.settled(LOW, 20_200) == reading(PointState.NORMAL, 3_000)


def test_changes_without_a_reading_are_counted() -> None:
    panic = contact()
    panic.changed(HIGH, 100)
    for number in range(1, 7):
        assert panic.changed(number % 2 == 0, 100 + number) is None
    assert panic.settled(HIGH, 20_200) == reading(PointState.ALARM, 106, dropped=6)
    assert panic.settled(HIGH, 40_300) is None


def test_a_last_change_that_was_lost_is_found_when_the_level_is_read_again() -> None:
    panic = contact()
    panic.changed(HIGH, 100)
    assert panic.settled(LOW, 20_200) == reading(PointState.NORMAL, 20_200)


def test_a_change_that_was_never_told_is_reported_and_known_as_missed() -> None:
    panic = contact()
    panic.supervised(HIGH, 1_000)
    assert panic.due_us == 1_000 + LATE_US
    assert panic.settled(HIGH, 251_000) == reading(PointState.ALARM, 251_000)
    assert panic.missed


def test_a_change_that_supervision_saw_first_is_reported_when_it_is_told() -> None:
    panic = contact()
    panic.supervised(HIGH, 1_000)
    assert panic.changed(HIGH, 1_200) == reading(PointState.ALARM, 1_200)
    assert panic.settled(HIGH, 21_300) is None
    assert not panic.missed


def test_a_spike_that_only_supervision_saw_is_nothing() -> None:
    panic = contact()
    panic.supervised(HIGH, 1_000)
    assert panic.settled(LOW, 251_000) is None
    assert not panic.missed
    assert panic.due_us is None


def test_supervision_is_silent_while_a_contact_settles() -> None:
    panic = contact()
    panic.changed(HIGH, 100)
    panic.supervised(LOW, 150)
    assert panic.due_us == 100 + WINDOW_US


steps = st.lists(st.tuples(st.integers(1, 60_000), st.booleans()), max_size=200)


@given(steps)
def test_whatever_happens_it_ends_with_the_true_level_and_never_floods(
    changes: list[tuple[int, bool]],
) -> None:
    panic = contact()
    readings: list[PointReading] = []
    now_us, level, told = 0, LOW, 0

    def advance(until_us: int) -> None:
        while panic.due_us is not None and panic.due_us <= until_us:
            due_us = panic.due_us
            if settled := panic.settled(level, due_us):
                reported_us.append(due_us)
                readings.append(settled)

    reported_us: list[int] = []
    for gap_us, wanted in changes:
        now_us += gap_us
        advance(now_us)
        if wanted != level:
            level = wanted
            told += 1
            if at_once := panic.changed(level, now_us):
                reported_us.append(now_us)
                readings.append(at_once)
    advance(now_us + 3 * WINDOW_US)

    assert panic.due_us is None
    assert panic.level == level
    assert not panic.missed
    gaps = [later - earlier for earlier, later in pairwise(reported_us)]
    assert all(gap >= WINDOW_US for gap in gaps)
    dated = [reading.at_us for reading in readings]
    assert dated == sorted(dated)
    states = [PointState.NORMAL, *(reading.state for reading in readings)]
    changed = sum(before != after for before, after in pairwise(states))
    assert changed + sum(reading.detail.get("dropped", 0) for reading in readings) == told
