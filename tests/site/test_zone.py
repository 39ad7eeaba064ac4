"""Zones: state by input."""

from __future__ import annotations

import pytest

from agent.site.site import Site
from tests.site.conftest import disk, plan
from tests.site.hall import AREA, ZONES, arm, trip


@pytest.mark.parametrize("kind", ["always"])
def test_a_detection_is_an_alarm(make, kind):
    play = make(zone={"kind": kind})
    play.point("board.pir", "alarm", 5)
    assert play.to(6) == ["zone.alarmed pir", "alarm.raised 1"]
    assert play.last("zone.alarmed").at == play.now(5)
    assert play.last("zone.alarmed").data == {"area": "hall", "kind": kind, "state": "alarm"}


@pytest.mark.parametrize("kind", ["instant", "entry_route", "follower", "always", "tamper"])
@pytest.mark.parametrize("state", ["open", "short"])
def test_a_cut_or_shorted_wire_is_tampering(make, kind, state):
    play = make(zone={"kind": kind})
    play.point("board.pir", state, 5)
    assert play.to(6) == ["zone.tampered pir", "alarm.raised 1"]


def test_a_tamper_zone_is_tampered_with(make):
    play = make(zone={"kind": "tamper"})
    play.point("board.pir", "alarm", 5)
    assert play.to(6) == ["zone.tampered pir", "alarm.raised 1"]


def test_normal_again_restores_nothing(play):
    play.point("board.pir", "alarm", 5)
    play.point("board.pir", "normal", 6)
    assert play.to(7) == ["point.normal board.pir"]
    assert [alarm["stage"] for alarm in play.site.view()["alarms"]] == ["raised"]


def test_the_next_detection_is_told_but_is_the_same_alarm(play):
    for t in (5, 10, 15):
        play.point("board.pir", "alarm", t)
        play.point("board.pir", "normal", t + 1)
    play.to(20)
    assert play.count("zone.alarmed") == 3
    assert play.count("alarm.raised") == 1


def test_from_cut_to_alarm_is_a_detection(play):
    play.point("board.pir", "open", 5)
    play.to(6)
    play.point("board.pir", "alarm", 7)
    assert play.to(8) == ["zone.alarmed pir", "alarm.raised 2"]


LOST = ["device.lost board", "alarm.raised 1"]


def test_a_board_that_dies_leaves_its_zones_unwatched(play):
    assert play.device("board", "lost", 5) == [*LOST, "zone.faulted pir"]
    assert play.last("zone.faulted").data == {"area": "hall", "kind": "always"}
    assert play.device("board", "faulted", 6) == ["device.faulted board", "alarm.raised 2"]


def test_a_zone_that_is_not_armed_need_not_be_watched(make):
    play = make(zone={"kind": "instant"})
    assert play.device("board", "lost", 5) == LOST


def test_an_armed_zone_must_be_watched(make):
    play = make(zone={"kind": "instant"}, area={"exit_delay_s": 0})
    play.finger("1", 5)
    play.command("area.arm", 6, area="hall")
    assert play.refusal == ""
    assert play.device("board", "lost", 100) == [*LOST, "zone.faulted pir"]


def test_what_happened_meanwhile_is_an_alarm(play):
    play.device("board", "lost", 5)
    play.device("board", "ready", 50)
    assert play.point("board.pir", "alarm", 50) == ["zone.alarmed pir", "alarm.raised 2"]
    play.start(60)
    assert play.point("board.pir", "alarm", 61) == []  # as it was before


def test_what_is_watched_again_and_open_alarms_at_once(hall):
    """Its bypass ends in the middle of the set period: nothing would change there any more."""
    hall.finger("1", 3)
    hall.finger("2", 4)
    hall.answer("done", 4)
    hall.to(15)
    hall.command("zone.bypass", 15, zone="glass")
    hall.point("board.glass", "alarm", 16)
    hall.command("area.arm", 17, area="hall")
    hall.to(70)
    found = hall.command("zone.unbypass", 71, origin="monitor", zone="glass")
    assert found[:2] == ["zone.unbypassed glass", "zone.alarmed glass"]


def test_by_day_it_is_only_counted_on_again(hall):
    hall.finger("1", 3)
    hall.finger("2", 4)
    hall.command("zone.bypass", 5, zone="glass")
    hall.point("board.glass", "alarm", 6)
    hall.to(7)
    assert hall.command("zone.unbypass", 8, zone="glass")[:-1] == ["zone.unbypassed glass"]


def test_an_entry_outlives_the_zone_that_began_it(hall):
    """Somebody takes the way in out of the site file while the entry's time is running."""
    arm(hall)
    trip(hall, "way", 60)
    hall.plan = plan(area=AREA, zone=[zone for zone in ZONES if zone["id"] != "way"])
    hall.site = Site(hall.plan, disk(hall.saved))
    hall.start(70)
    told = hall.to(100)
    assert told[:2] == ["zone.alarmed way", "alarm.raised 1"]
    assert hall.last("alarm.raised").data["area"] == "hall"
