"""Another site file in the middle of a run: who must stand for it, and what goes on over it."""

from __future__ import annotations

import pytest

from agent.site.inputs import Configured
from tests.site.conftest import SECOND, TABLES, plan

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


def test_what_comes_and_goes_within_the_step_is_forgotten(make):
    """The siren's time ends with the file's coming: its readback is awaited, and then no more."""
    siren = {"id": "roof", "area": "hall", "output": "board.siren", "kind": "siren"}
    siren |= {"readback": "board.heard"}
    play = make(output=[siren])
    play.finger("1", 5)
    play.command("output.test", 6, output="roof")
    play.answer("done", 6.1)
    play.start(7)
    assert "readback/board.siren" not in play.saved
    over = play.site.due_us() / SECOND
    step = Configured("c-1", "uid:0", play.plan, "digest", (), (), round(over * SECOND))
    assert play.step(step, over)[-1] == "system.configured test-1"
    assert "readback/board.siren" not in play.saved
