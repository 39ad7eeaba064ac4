"""Another site file in the middle of a run: who must stand for it, and what goes on over it."""

from __future__ import annotations

import pytest

from agent.site.inputs import Configured
from tests.site.conftest import SECOND, TABLES, plan
from tests.site.racks import ONE, RACK

STRONGER = {"door": {"people": 3}}


def configure(play, t, *, weaker=(), paths=(), site="test-1", **changes):
    """Ask for another site file; return what happened."""
    after = plan(**changes | {"site": {"id": site, "name": "Test armoury"}})

    def given(at_us):
        return Configured("c-1", "uid:0", after, f"digest-{t}", tuple(weaker), tuple(paths), at_us)

    happened = play._at(given, t)
    if play.refusal == "":
        play.plan = after
    return happened


def test_it_holds_from_then_on(play):
    play.finger("1", 5)
    play.finger("2", 6)
    assert play.last("access.granted").data["persons"] == ["p-1", "p-2"]
    play.answer("done", 6.1)
    play.to(20)
    assert configure(play, 21, **STRONGER)[-1] == "system.configured test-1"
    play.finger("1", 30)
    play.finger("2", 31)
    assert play.last("access.pending").data["needed"] == 1
    assert play.finger("3", 32) == ["access.granted store"]


def test_who_did_it_and_from_what_to_what_is_told(play):
    configure(play, 5, **STRONGER)
    first = play.last("system.configured").data
    assert first["by"] == "uid:0"
    configure(play, 6)
    second = play.last("system.configured").data
    assert second["before"] == first["after"] != second["after"]
    assert "digest-5" not in str(first), "it would tell of the passwords in the file"


def test_what_protects_less_takes_two_officers_on_site(play):
    weaker = ["door.store.people"]
    assert configure(play, 5, weaker=weaker, door={"people": 1}) == ["command.refused c-1"]
    assert play.refusal == "two-officers-needed"
    assert play.answers[-1].data == {"weaker": weaker}
    play.finger("1", 6)
    configure(play, 7, weaker=weaker, door={"people": 1})
    assert play.refusal == "two-officers-needed"
    play.finger("2", 8)
    play.answer("done", 8.1)
    play.to(20)
    configure(play, 21, weaker=weaker, door={"people": 1})
    data = play.last("system.configured").data
    assert (data["persons"], data["weaker"]) == (["p-1", "p-2"], weaker)
    configure(play, 22, weaker=["panic.desk"], panic=[])
    assert play.refusal == "two-officers-needed", "their word was for one change"


def test_not_while_an_area_is_armed_or_about_to_be(play):
    play.command("area.arm", 5, origin="monitor", area="hall")
    configure(play, 6, **STRONGER)
    assert play.refusal == "armed"
    play.to(60)
    configure(play, 61, **STRONGER)
    assert play.refusal == "armed"


def test_not_while_a_door_is_free(play):
    play.finger("1", 5)
    play.finger("2", 6)
    configure(play, 6.1, **STRONGER)
    assert play.refusal == "moving", "the strike has not answered"
    play.answer("done", 6.2)
    configure(play, 6.3, **STRONGER)
    assert play.refusal == "moving", "the strike is free"
    play.to(20)
    configure(play, 21, **STRONGER)
    assert play.refusal == ""


def test_not_while_the_record_is_away(play):
    play.storage("faulted", 5)
    configure(play, 6, **STRONGER)
    assert play.refusal == "journal-unavailable"


def test_the_site_is_the_site(play):
    configure(play, 5, site="test-2")
    assert play.refusal == "other-site"


def test_permissions_die(play):
    play.finger("1", 5)
    assert configure(play, 6, **STRONGER) == ["system.configured test-1", "access.denied store"]
    assert play.last("access.denied").data["reason"] == "second-person-missing"
    play.command("area.disarm", 7, area="hall")
    assert play.refusal


def test_leaving_is_none(play):
    play.point("board.rex", "alarm", 5)
    configure(play, 5.5, **STRONGER)
    play.point("board.contact", "alarm", 6)
    assert play.to(7) == ["door.opened store"]


def test_a_door_is_held_as_long_as_it_was_open(play):
    play.point("board.rex", "alarm", 4)
    play.point("board.contact", "alarm", 5)
    play.to(34)
    configure(play, 34, **STRONGER)
    assert "door.held store" in play.to(35)
    play.point("board.contact", "normal", 45)
    play.to(46)
    assert play.last("door.held_ended").data["open_s"] == 40


def test_alarm_timers_and_repeats_go_on(play):
    play.point("board.panic", "alarm", 5)
    configure(play, 20, **STRONGER)
    assert play.to(34.9) == []
    assert play.to(35) == ["panic.repeated desk"]
    assert "alarm.overdue 1" in play.to(906)


def test_what_points_show_is_not_forgotten(play):
    play.point("board.pir", "alarm", 5)
    configure(play, 6, **STRONGER)
    assert play.site.view()["points"]["board.pir"] == "alarm"
    play.point("board.pir", "normal", 7)
    assert play.to(8) == ["point.normal board.pir"]


def test_a_change_that_was_settling_still_counts(play):
    play.point("board.pir", "alarm", 5)
    play.to(5.05)
    configure(play, 5.05, **STRONGER)
    assert "zone.alarmed pir" in play.to(6)


def test_what_is_gone_may_still_speak_on_its_way_out(play):
    less = [device for device in TABLES["device"] if device["id"] != "cam"]
    configure(play, 5, device=less, camera=[])
    assert play.point("cam.motion", "alarm", 6) == []
    assert play.device("cam", "lost", 7) == []


@pytest.mark.parametrize(("paths", "there"), [(["main"], ["main"]), ([], [])])
def test_a_path_that_is_gone_is_not_counted_on(play, paths, there):
    play.path("main", "ready", 5)
    configure(play, 6, paths=paths)
    assert [path["id"] for path in play.site.view()["paths"]] == there


def test_a_camera_that_goes_on_is_told_its_new_masks(play):
    masked = {"masks": [[[0, 0], [100, 100]]]}
    configure(play, 5, camera=masked)
    assert play.actions[-1].verb == "mask"
    assert play.actions[-1].args["masks"] == [[[0, 0], [100, 100]]]
    play.answer("done", 5.1)
    configure(play, 6)
    assert play.actions[-1].args["masks"] == []
    before = len(play.actions)
    play.answer("done", 6.1)
    configure(play, 7)
    assert len(play.actions) == before


SIREN = {"id": "roof", "area": "hall", "output": "board.siren", "kind": "siren"}
HEARD = SIREN | {"readback": "board.heard"}


def test_a_readback_that_was_awaited_still_is(make):
    """The siren's time ends with the file's coming, and it sounds on."""
    play = make(output=[HEARD])
    play.finger("1", 5)
    play.command("output.test", 6, output="roof")
    play.answer("done", 6.1)
    play.point("board.heard", "alarm", 6.2)
    play.to(8.9)
    assert play.site.due_us() == 9 * SECOND
    step = Configured("c-1", "uid:0", play.plan, "digest", (), (), 9 * SECOND)
    assert "system.configured test-1" in play.step(step, 9)
    assert "device.faulted board" in play.to(11)


def test_what_moves_unasked_is_told_after_it_too(make):
    door = {"people": 1, "strike_readback": "board.free"}
    play = make(door=door, output=[HEARD])
    configure(play, 5, door=door | {"held_s": 20}, output=[HEARD])
    assert "door.lock_fault store" in play.point("board.free", "alarm", 6)
    assert "device.faulted board" in play.point("board.heard", "alarm", 7)


def test_certificates_of_a_path_that_is_gone_are_told_no_more(play):
    play.path("main", "ready", 5)
    play.certificate(31, 5)
    play.path("old", "ready", 5)
    play.certificate(31, 5, path="old")
    configure(play, 6, paths=["main"])
    told = [event for event in play.to(2 * 24 * 3600) if "certificate" in event]
    assert told == ["uplink.certificate_expiring main"]


def test_points_of_a_device_that_is_gone_are_shown_no_more(play):
    less = [device for device in TABLES["device"] if device["id"] != "cam"]
    play.point("cam.motion", "alarm", 4)
    configure(play, 5, device=less, camera=[])
    assert not [point for point in play.site.view()["points"] if point.startswith("cam.")]


def test_a_camera_that_was_gone_keeps_clips_again(make):
    """It went in the middle of one, whose end nobody told."""
    watched = {"covers": ["pir"]}
    play = make(camera=watched)
    play.point("board.pir", "alarm", 5)
    play.to(6)
    less = [device for device in TABLES["device"] if device["id"] != "cam"]
    configure(play, 10, device=less, camera=[])
    configure(play, 100, camera=watched)
    play.device("cam", "ready", 101)
    assert play.count("evidence.failed") == 1
    before = len(play.actions)
    play.point("board.panic", "alarm", 110)
    play.point("board.pir", "normal", 111)
    play.finger("1", 112)
    for step in ("acknowledge", "check"):
        play.command(f"alarm.{step}", 113, alarm="1")
    play.point("board.pir", "alarm", 120)
    play.to(121)
    assert [action.verb for action in play.actions[before:]] == ["snapshot", "keep"]


def test_what_was_gone_goes_on_from_now(make):
    """A weapon is late when its rack is in the file, and not in the past."""
    racks = {"door": ONE, "rack": [RACK]}
    play = make(**racks)
    play.finger("1", 5)
    play.answer("done", 5.1)
    play.point("board.s1", "alarm", 12)
    play.to(20)
    configure(play, 30, door=ONE)
    back_s = 14 * 3600
    configure(play, back_s, **racks)
    play.to(back_s + 1)
    assert play.last("rack.overdue").at.mono_us == back_s * SECOND
