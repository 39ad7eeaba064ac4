"""The alarm's life: stage by command."""

from __future__ import annotations

import pytest

from agent.site.alarm import NEEDS_TECHNICIAN
from agent.site.inputs import RecordTrouble

STEPS = ("acknowledge", "check", "restore", "close")


@pytest.fixture
def raised(play):
    """A site with one open alarm, its zone normal again."""
    play.point("board.pir", "alarm", 5)
    play.point("board.pir", "normal", 6)
    play.to(7)
    return play


def ask(play, step, t, alarm="1", **more):
    if step == "close":
        more["reason"] = "a bird"
    return play.command(f"alarm.{step}", t, alarm=alarm, **more)


def reach(play, stage, t=10.0):
    """Take alarm 1 through its life up to a stage."""
    for step in STEPS[:stage]:
        if step in ("check", "restore"):
            play.finger("1", t)
        ask(play, step, t)
        assert play.refusal == ""


def test_its_whole_life(raised):
    found = ask(raised, "acknowledge", 10)
    assert found == ["alarm.acknowledged 1", "command.done c-0"]
    raised.finger("1", 11)
    assert ask(raised, "check", 12)[0] == "alarm.checked 1"
    assert raised.last("alarm.checked").data["persons"] == ["p-1"]
    assert ask(raised, "restore", 13)[0] == "alarm.restored 1"
    assert ask(raised, "close", 14)[0] == "alarm.closed 1"
    assert raised.last("alarm.closed").data["reason"] == "a bird"
    assert raised.site.view()["alarms"] == []
    assert not any(key.startswith("alarm/") for key in raised.saved)


@pytest.mark.parametrize("stage", range(4))
@pytest.mark.parametrize("step", STEPS)
def test_no_step_is_left_out_or_taken_twice(raised, stage, step):
    reach(raised, stage)
    raised.finger("2", 20)
    before = raised.site.view()["alarms"]
    ask(raised, step, 21)
    if step == STEPS[stage]:
        assert raised.refusal == ""
    else:
        assert raised.refusal == "wrong-stage"
        assert raised.site.view()["alarms"] == before


@pytest.mark.parametrize("step", ["check", "restore"])
class TestOnSite:
    def test_nobody_was_there(self, raised, step):
        reach(raised, STEPS.index(step))
        raised.to(1000)
        for _ in range(3):  # no number of remote operators suffices
            ask(raised, step, 1000, origin="monitor")
            assert raised.refusal == "not-on-site"

    def test_somebody_was_there_before_the_alarm(self, play, step):
        if step == "restore":
            pytest.skip("nobody restores what nobody has checked")
        play.finger("1", 4)
        play.point("board.pir", "alarm", 5)
        play.point("board.pir", "normal", 6)
        ask(play, "acknowledge", 7)
        ask(play, step, 8)
        assert play.refusal == "not-on-site"

    def test_somebody_was_there_too_long_ago(self, raised, step):
        reach(raised, STEPS.index(step))
        raised.to(1000)
        raised.finger("1", 1000)
        ask(raised, step, 1120.001)
        assert raised.refusal == "not-on-site"
        raised.finger("1", 2000)
        ask(raised, step, 2120)
        assert raised.refusal == ""

    def test_the_point_is_not_normal(self, raised, step):
        reach(raised, STEPS.index(step))
        raised.finger("1", 20)
        raised.point("board.pir", "alarm", 21)
        ask(raised, step, 22)
        assert raised.refusal == "not-normal"

    def test_a_restart_forgets_who_was_there(self, raised, step):
        reach(raised, STEPS.index(step))
        raised.finger("1", 20)
        raised.start(21)
        raised.ready(21)
        ask(raised, step, 22)
        assert raised.refusal == "not-on-site"


class TestOverdue:
    def test_nobody_came(self, raised):
        assert raised.to(904.9) == []
        assert raised.to(905) == ["alarm.overdue 1"]
        assert raised.last("alarm.overdue").data["after_s"] == 900
        assert raised.to(10_000) == []  # once

    def test_acknowledging_does_not_stop_it(self, raised):
        reach(raised, 1)
        assert "alarm.overdue 1" in raised.to(1000)

    def test_being_there_does(self, raised):
        reach(raised, 2)
        raised.to(2000)
        assert raised.count("alarm.overdue") == 0

    def test_each_area_has_its_own_time(self, make):
        play = make(area={"response_s": 60})
        play.point("board.panic", "alarm", 5)
        assert "alarm.overdue 1" in play.to(65)

    def test_ran_out_in_the_dark_it_is_told_at_the_start_with_the_whole_time(self, raised):
        raised.start(4000)
        raised.to(4000)
        assert raised.count("alarm.overdue") == 1
        overdue = raised.last("alarm.overdue")
        assert overdue.at == raised.now(4000)
        assert overdue.data["after_s"] == 3995

    def test_it_goes_on_over_a_power_cut(self, raised):
        raised.utc_us += 300_000_000
        raised.boot = "boot-2"
        raised.start(1)
        assert "alarm.overdue 1" not in raised.to(604)
        assert "alarm.overdue 1" in raised.to(605)


def test_unknown_numbers(play):
    for alarm in ("1", "77", "d1"):
        ask(play, "acknowledge", 5, alarm)
        assert play.refusal == "unknown-alarm"
    ask(play, "acknowledge", 6, "no such")
    assert play.refusal == "bad-params"


@pytest.mark.parametrize(("stage", "anew"), [(0, False), (1, False), (2, True), (3, True)])
def test_what_comes_after_the_check_is_an_alarm_of_its_own(raised, stage, anew):
    reach(raised, stage)
    raised.point("board.pir", "alarm", 50)
    assert ("alarm.raised 2" in raised.to(51)) is anew


def test_numbers_are_never_used_again(raised):
    reach(raised, 4)
    raised.point("board.pir", "alarm", 50)
    assert "alarm.raised 2" in raised.to(51)


# What raises an alarm and what mends it: each a method of the play with what it is given.
TAMPER_LOSS_FAULT = {
    "zone.tampered": (("point", "board.pir", "short"), ("point", "board.pir", "normal")),
    "device.lost": (("device", "cam", "lost"), ("device", "cam", "ready")),
    "device.faulted": (("device", "cam", "faulted"), ("device", "cam", "ready")),
    "camera.lost": (("point", "cam.lost", "alarm"), ("point", "cam.lost", "normal")),
    "camera.frozen": (("point", "cam.frozen", "alarm"), ("point", "cam.frozen", "normal")),
    "camera.moved": (("point", "cam.moved", "alarm"), ("point", "cam.moved", "normal")),
    "camera.defocused": (("point", "cam.defocused", "alarm"), ("point", "cam.defocused", "normal")),
    "system.storage_failed": (("storage", "faulted"), ("storage", "ready")),
}


class TestTechnician:
    @pytest.mark.parametrize("cause", TAMPER_LOSS_FAULT)
    def test_tampering_loss_and_faults_need_one_and_an_officer(self, play, cause):
        breaks, mends = TAMPER_LOSS_FAULT[cause]
        getattr(play, breaks[0])(*breaks[1:], 5)
        play.to(5.5)
        assert play.last("alarm.raised").data["cause"] == cause
        getattr(play, mends[0])(*mends[1:], 6)
        play.to(7)
        reach(play, 2)
        for finger, allowed in (("3", False), ("4", True)):  # a guard besides, a technician
            play.finger(finger, play.t + 1)
            ask(play, "restore", play.t)
            assert (play.refusal == "") is allowed
            assert allowed or play.refusal == "technician-and-officer-needed"

    def test_a_technician_alone_is_not_authorised(self, play):
        play.point("board.pir", "open", 5)
        play.to(5.5)
        play.point("board.pir", "normal", 6)
        play.to(7)
        reach(play, 2)
        play.to(200)  # the officer is forgotten
        play.finger("4", 201)
        ask(play, "restore", 202)
        assert play.refusal == "technician-and-officer-needed"

    def test_everything_that_needs_them_is_tried_here_or_with_its_own_machine(self):
        elsewhere = {"device.substituted", "door.lock_fault"}
        elsewhere |= set(RecordTrouble)
        assert set(TAMPER_LOSS_FAULT) | elsewhere == NEEDS_TECHNICIAN

    def test_a_record_that_cannot_be_written_is_not_restored(self, play):
        play.storage("faulted", 5)
        ask(play, "acknowledge", 6)
        play.finger("1", 7)
        ask(play, "check", 8)
        assert play.refusal == "not-normal"


class TestHidden:
    @pytest.fixture
    def duress(self, play):
        play.enrol(
            "p-1",
            credentials=[
                {"kind": "finger", "reference": "reader:1", "duress": True},
                {"kind": "finger", "reference": "reader:10"},
            ],
        )
        play.finger("1", 5)
        return play

    def test_on_site_there_is_no_such_alarm(self, duress):
        assert duress.site.view()["alarms"] == []
        ask(duress, "acknowledge", 6, "d1", origin="local")
        assert duress.refusal == "unknown-alarm"

    def test_asking_on_site_shows_the_same_with_and_without_one(self, duress):
        ask(duress, "acknowledge", 6, "d1", origin="local")
        ask(duress, "acknowledge", 7, "d2", origin="local")
        one, other = (event.data for event in duress.events[-2:])
        assert one == other

    def test_what_the_monitor_asks_of_one_that_is_closed_does_not_show(self, duress):
        ask(duress, "acknowledge", 6, "d2", origin="monitor")
        assert duress.refusal == "unknown-alarm"
        assert duress.events[-1].data["hidden"] is True

    def test_the_monitor_alone_is_told_of_it(self, duress):
        (area,) = (said for said in duress.site.areas().values() if said["alarms"])
        assert [(alarm["id"], alarm["hidden"]) for alarm in area["alarms"]] == [("d1", True)]
        assert area["alarm"] is False
        assert "d1" not in str(duress.site.view())

    def test_the_monitor_acknowledges_it(self, duress):
        ask(duress, "acknowledge", 6, "d1", origin="monitor")
        assert duress.refusal == ""
        assert all(event.data["hidden"] for event in duress.events[-2:])

    def test_whoever_is_under_duress_does_not_check_it(self, duress):
        ask(duress, "acknowledge", 6, "d1", origin="monitor")
        duress.to(50)
        duress.finger("1", 50)
        ask(duress, "check", 51, "d1", origin="monitor")
        assert duress.refusal == "not-on-site"
        duress.to(100)
        duress.finger("10", 100)
        ask(duress, "check", 101, "d1", origin="monitor")
        assert duress.refusal == ""

    def test_each_presentation_after_an_acknowledgement_is_a_new_one(self, duress):
        ask(duress, "acknowledge", 6, "d1", origin="monitor")
        duress.to(50)
        assert "alarm.raised d2" in duress.finger("1", 50)
        assert "alarm.raised d3" not in duress.finger("1", 51)
