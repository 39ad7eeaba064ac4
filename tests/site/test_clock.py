"""Timers over steps of the wall clock, and over power cuts with a clock that nobody had set."""

from __future__ import annotations

import pytest

from agent.site.inputs import ClockStepped
from tests.site.conftest import SECOND, plan, started
from tests.site.racks import ONE, RACK

H, DAY = 3600, 24 * 3600


def step(play, hours, *, trusted=True):
    """Set the wall clock."""
    before = play.now(play.t).utc_us
    play.utc_us += round(hours * H * SECOND)
    play.trusted = trusted
    at_us = round(play.t * SECOND)
    return play.step(ClockStepped(before, play.now(play.t).utc_us, at_us), play.t)


def power_cut(play, away_s, *, trusted=True):
    """Start in another boot, so much later by the wall clock."""
    last_us = play.now(play.t).utc_us
    play.utc_us, play.boot, play.trusted = (
        last_us + round(away_s * SECOND),
        play.boot + "'",
        trusted,
    )
    return play.start(0, last_utc_us=last_us)


@pytest.mark.parametrize("hours", [-2, 2])
def test_how_long_nobody_checked_is_not_the_clocks(play, hours):
    play.point("board.pir", "alarm", 5)
    play.to(10)
    step(play, hours)
    assert "alarm.overdue 1" in play.to(906)
    assert play.last("alarm.overdue").data["after_s"] == 900


@pytest.mark.parametrize("hours", [-2, 2])
def test_how_long_the_mains_were_away_is_not_the_clocks(make, hours):
    play = make(power={"mains": "board.mains"})
    play.point("board.mains", "alarm", 5)
    play.to(20)
    step(play, hours)
    play.point("board.mains", "normal", 35)
    assert play.last("power.mains_back").data["away_s"] == 30


def test_over_a_power_cut_it_is(play):
    play.point("board.pir", "alarm", 5)
    play.to(105)
    power_cut(play, 3 * H)
    assert "alarm.overdue 1" in play.to(1)
    assert play.last("alarm.overdue").data["after_s"] == 3 * H + 100


@pytest.fixture
def taken(make):
    """A weapon is out, due in twelve hours, by a clock that nobody has set."""
    play = make(door=ONE, rack=[RACK])
    play.trusted = False
    play.start(2)
    play.ready(2)
    play.finger("1", 5)
    play.answer("done", 5)
    play.point("board.s1", "alarm", 12)
    play.to(20)
    return play


def overdue(play, hours):
    play.events.clear()
    play.to(play.t + hours * H)
    return play.count("rack.overdue")


def test_a_clock_that_is_set_moves_no_timer_over_a_power_cut(taken):
    step(taken, 11)
    power_cut(taken, H)
    assert overdue(taken, 10.9) == 0
    assert overdue(taken, 0.2) == 1


def test_a_clock_set_while_the_power_was_off_does_not_say_for_how_long(taken):
    power_cut(taken, 30 * DAY)
    assert overdue(taken, 11.9) == 0
    assert overdue(taken, 0.2) == 1


def test_one_that_was_set_before_does(taken):
    step(taken, 0)
    power_cut(taken, 30 * DAY)
    assert overdue(taken, 0.1) == 1


@pytest.mark.parametrize("reborn", [False, True])
def test_no_test_is_late_because_the_clock_was_set_while_the_power_was_off(reborn):
    play = started(plan(), reborn=reborn)
    play.saved.clear()
    play.trusted = False
    play.start(0)
    play.forget("due")
    play.start(1)
    play.to(100)
    power_cut(play, 3 * 365 * DAY)
    assert "zone.test_overdue pir" not in play.to(30.9 * DAY)
    assert "zone.test_overdue pir" in play.to(31.1 * DAY)
