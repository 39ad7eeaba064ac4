"""Readbacks: what was switched shows there, both ways, or it is a fault of that output."""

from __future__ import annotations

import pytest

from tests.site.hall import AREA, ZONES, arm, trip

SIREN = {
    "id": "roof",
    "area": "hall",
    "output": "board.siren",
    "kind": "siren",
    "readback": "board.heard",
}
FAULT = ["device.faulted board", "alarm.raised 1"]
LOCK_FAULT = ["door.lock_fault store", "alarm.raised 1"]


@pytest.fixture
def hall(make):
    play = make(area=AREA, zone=ZONES, output=[SIREN])
    arm(play)
    play.events.clear()
    return play


def heard(play, kind="device.faulted"):
    return [event.data["reason"] for event in play.events if event.kind == kind]


def test_a_siren_that_is_heard_is_well(hall):
    trip(hall, "pir", 60)
    hall.answer("done", 60.3)
    hall.point("board.heard", "alarm", 60.4)
    hall.to(240.3)  # its host ends it
    hall.point("board.heard", "normal", 240.4)
    hall.to(400)
    assert heard(hall) == []


def test_a_siren_that_is_not_heard_is_told_in_two_seconds_and_once(hall):
    trip(hall, "pir", 60)
    hall.answer("done", 60.3)
    assert hall.to(62.2) == []
    assert hall.to(62.4) == ["device.faulted board", "alarm.raised 2"]
    assert hall.to(200) == []
    assert heard(hall) == ["roof: readback-off"]
    assert hall.site.view()["sounders"][0]["faulted"] is True


def test_a_siren_that_goes_on_after_its_time_is_told(hall):
    trip(hall, "pir", 60)
    hall.answer("done", 60.3)
    hall.point("board.heard", "alarm", 60.4)
    hall.to(300)
    assert heard(hall) == ["roof: readback-on"]


def test_a_siren_that_fails_while_it_sounds_is_told(hall):
    trip(hall, "pir", 60)
    hall.answer("done", 60.3)
    hall.point("board.heard", "alarm", 60.4)
    hall.point("board.heard", "normal", 100)
    hall.to(102.1)
    assert heard(hall) == ["roof: readback-off"]


def test_a_siren_that_sounds_unasked_is_told_at_once_and_keeps_the_area_from_being_armed(make):
    play = make(area=AREA, zone=ZONES, output=[SIREN])
    play.to(10)
    assert play.point("board.heard", "alarm", 11) == FAULT
    play.finger("1", 12)
    play.command("area.arm", 12, area="hall")
    assert play.last("area.arm_failed").data["points"]["board.siren"] == "faulted"


@pytest.mark.parametrize("state", ["open", "short"])
def test_a_cut_readback_is_told(hall, state):
    hall.point("board.heard", state, 60)
    assert heard(hall) == ["roof: readback-cut"]


def test_while_its_board_is_away_nothing_is_judged(hall):
    hall.device("board", "lost", 60)
    hall.device("board", "ready", 61)
    hall.point("board.heard", "normal", 61)
    hall.to(100)
    assert heard(hall) == []


def test_a_test_is_passed_by_what_is_heard(make):
    for state, kind in (("alarm", "test.passed"), ("normal", "test.failed")):
        play = make(area=AREA, zone=ZONES, output=[SIREN])
        play.to(10)
        play.finger("1", 10)
        play.command("output.test", 10, output="roof")
        play.answer("done", 10.1)
        assert play.count("test.passed") == 0
        play.point("board.heard", state, 10.2)
        play.to(12.5)
        assert play.count(kind) == 1


@pytest.fixture
def door(make):
    return make(door={"people": 1, "strike_readback": "board.free"})


def enter(play, t):
    play.to(t)
    play.finger("1", t)
    play.answer("done", t + 0.1)


def test_a_strike_that_shows_what_it_does_is_well(door):
    enter(door, 10)
    door.point("board.free", "alarm", 10.05)  # may be told before the answer
    door.point("board.free", "normal", 15.0)  # its host ends the pulse
    door.to(60)
    assert heard(door, "door.lock_fault") == []


def test_a_strike_that_does_not_move_is_a_lock_fault(door):
    enter(door, 10)
    assert "door.lock_fault store" in door.to(12.2)
    assert heard(door, "door.lock_fault") == ["readback-off"]


def test_a_strike_that_stays_free_is_a_lock_fault_and_does_not_count_as_locked(door):
    enter(door, 10)
    door.point("board.free", "alarm", 10.2)
    door.to(30)
    assert heard(door, "door.lock_fault") == ["readback-on"]
    door.point("board.free", "normal", 31)
    door.to(40)
    assert door.count("door.lock_fault") == 1


def test_a_strike_that_is_freed_by_nobody_is_a_lock_fault_at_once(door):
    door.to(10)
    assert door.point("board.free", "alarm", 11) == LOCK_FAULT


def test_an_unacknowledged_panic_sounds_outside_its_area(make):
    siren = SIREN | {"area": "yard"}
    yard = [{"id": "hall"}, {"id": "yard"}]
    play = make(area=yard, output=[siren], panic={"escalate_output": "roof"})
    play.to(10)
    play.point("board.panic", "alarm", 11)
    assert play.actions == []
    play.to(41)
    assert [action.verb for action in play.actions] == ["pulse"]


def test_an_acknowledged_panic_does_not(make):
    siren = SIREN | {"area": "yard"}
    yard = [{"id": "hall"}, {"id": "yard"}]
    play = make(area=yard, output=[siren], panic={"escalate_output": "roof"})
    play.to(10)
    play.point("board.panic", "alarm", 11)
    play.command("alarm.acknowledge", 12, alarm="1", origin="monitor")
    play.to(600)
    assert play.actions == []
