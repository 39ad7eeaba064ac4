"""Sessions: who is at work behind a door, from the grant for `session_s`."""

from __future__ import annotations

import pytest

from agent.site.house import House
from agent.site.session import Sessions
from tests.site.conftest import disk

SECOND = 1_000_000


def sessions(play) -> Sessions:
    """Return the site's sessions as they are saved."""
    return House(play.plan, disk(play.saved)).doors["store"].sessions


@pytest.mark.parametrize(
    ("t", "persons"),
    [(4.999999, []), (5, ["p-1"]), (65, ["p-1"]), (65.000001, []), (500, [])],
)
def test_from_the_grant_itself_until_its_time_is_over(make, t, persons):
    play = make(door={"people": 1, "session_s": 60})
    play.finger("1", 5)
    assert sessions(play).at(round(t * SECOND)) == persons


def test_two_grants_are_two_sessions_side_by_side(make):
    play = make(door={"people": 1, "session_s": 60})
    play.finger("2", 5)
    play.finger("1", 30)
    assert sessions(play).at(40 * SECOND) == ["p-2", "p-1"]
    assert sessions(play).at(70 * SECOND) == ["p-1"]


def test_one_that_is_over_is_forgotten_with_a_later_grant(make):
    play = make(door={"people": 1, "session_s": 60})
    for t in (5, 100, 200, 300):
        play.finger("1", t)
    assert len(sessions(play).state.sessions) == 1


def test_a_grant_whose_record_came_too_late_is_none(make):
    play = make(door={"people": 1})
    play.finger("1", 5)
    play.answer("cancelled", 5.6)
    assert sessions(play).at(5 * SECOND) == []


def test_of_two_grants_the_one_that_came_too_late_is_none(make):
    play = make(door={"people": 1})
    play.finger("1", 5)
    play.finger("2", 5.1)
    play.answer("cancelled", 5.6, action=1)
    assert play.last("access.denied").data["person"] == "p-1"
    assert play.answer("done", 5.7, action=2) == ["door.unlocked store"]
    assert sessions(play).at(6 * SECOND) == ["p-2"]


def test_a_restart_ends_them(make):
    play = make(door={"people": 1})
    play.finger("1", 5)
    play.start(6)
    assert sessions(play).at(6 * SECOND) == []
