"""Racks: what another site file says of slots that were seen already."""

from __future__ import annotations

import pytest

from tests.site.racks import ONE, RACK
from tests.site.test_configuring import configure
from tests.site.test_rack import tagged


def without(slot, serial="empty"):
    return RACK | {"slots": RACK["slots"] | {slot: serial}}


@pytest.fixture
def away(make):
    """Return a rack out of which somebody took a weapon."""
    play = make(door=ONE, rack=[RACK])
    play.finger("1", 5)
    play.answer("done", 5.1)
    play.point("board.s1", "alarm", 20)
    assert play.to(21) == ["rack.removed r1"]
    return play


def test_a_weapon_that_is_given_up_is_not_overdue(away):
    configure(away, 30, door=ONE, rack=[without("board.s1")])
    away.to(13 * 3600)
    assert away.count("rack.overdue") == 0


def test_its_alarm_can_be_ended(away):
    away.to(13 * 3600)
    assert away.count("rack.overdue") == 1
    configure(away, 13 * 3600, door=ONE, rack=[without("board.s1")])
    away.finger("1", 13 * 3600 + 1)
    for step in ("acknowledge", "check", "restore"):
        away.command(f"alarm.{step}", 13 * 3600 + 2, alarm="1")
        assert away.refusal == ""


def test_what_stands_there_is_what_the_file_says_where_no_tags_are_read(make):
    play = make(door=ONE, rack=[RACK])
    configure(play, 5, door=ONE, rack=[without("board.s1", "M4-0009")])
    assert play.site.view()["racks"][0]["slots"][0]["normal"] is True
    configure(play, 6, door=ONE, rack=[without("board.s2")])
    assert play.site.view()["racks"][0]["slots"][1]["normal"] is False
    configure(play, 7, door=ONE, rack=[RACK])
    assert play.site.view()["racks"][0]["slots"][1]["normal"] is True


def test_a_tag_says_itself_what_stands_there(make):
    play = make(door=ONE, rack=[RACK])
    tagged(play, "board.s1", "M4-0001", 5)
    play.to(6)
    configure(play, 7, door=ONE, rack=[without("board.s1", "M4-0009")])
    assert play.site.view()["racks"][0]["slots"][0]["normal"] is False
