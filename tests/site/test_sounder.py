"""Sirens and buzzers: when they sound, for how long, and how often."""

from __future__ import annotations

import pytest

from agent.site.step import Release
from tests.site.conftest import plan
from tests.site.hall import AREA, ZONES, arm, trip

SIREN = {"id": "roof", "area": "hall", "output": "board.siren", "kind": "siren"}
BUZZER = {"id": "hum", "area": "hall", "output": "board.buzzer", "kind": "buzzer"}


@pytest.fixture
def hall(make):
    play = make(area=AREA | {"disarm_people": 1}, zone=ZONES, output=[SIREN, BUZZER])
    arm(play)
    play.actions.clear()
    return play


def sounded(play, target="siren"):
    return [action.verb for action in play.actions if action.target == target]


def again(play, zone, t):
    trip(play, zone, t)
    trip(play, zone, t + 1, "normal")


def test_an_alarm_sounds_for_its_time(hall):
    trip(hall, "pir", 60)
    (action,) = [a for a in hall.actions if a.target == "siren"]
    assert (action.verb, action.release) == ("pulse", Release.ALARM)
    assert action.args == {"for_ms": 180_000}
    hall.to(1000)
    assert sounded(hall) == ["pulse"]  # its host ends it


def test_while_it_sounds_it_does_not_begin_again(hall):
    trip(hall, "pir", 60)
    trip(hall, "glass", 70)
    assert sounded(hall) == ["pulse"]


def test_so_often_in_a_set_period_and_no_more(hall):
    for number in range(5):
        zone = ("pir", "glass")[number % 2]
        again(hall, zone, 100 + 300 * number)
    assert sounded(hall) == ["pulse"] * 3
    assert hall.count("zone.alarmed") == 5


def test_disarming_silences_at_once(hall):
    trip(hall, "pir", 60)
    hall.finger("1", 65)
    hall.command("area.disarm", 66, area="hall")
    assert sounded(hall) == ["pulse", "off"]
    assert hall.actions[-1].release is Release.NOW
    assert hall.site.view()["alarms"] != []


def test_the_next_set_period_begins_anew(hall):
    for number in range(4):
        again(hall, "pir", 100 + 300 * number)
    hall.finger("1", 2000)
    hall.command("area.disarm", 2001, area="hall")
    hall.actions.clear()
    hall.command("area.arm", 2010, area="hall", override=True)
    assert hall.refusal == "more-people-needed"
    hall.finger("2", 2011)
    hall.command("area.arm", 2012, area="hall", override=True)
    hall.to(2100)
    trip(hall, "glass", 2200)
    assert sounded(hall) == ["pulse"]


def close(play, t):
    """Take the first open alarm through the rest of its life."""
    alarm = play.site.view()["alarms"][0]
    play.finger("1", t)
    for step in ("acknowledge", "check", "restore", "close"):
        if (alarm["stage"], step) != ("acknowledged", "acknowledge"):
            given = {"reason": "a bird"} if step == "close" else {}
            play.command(f"alarm.{step}", t + 1, alarm=alarm["id"], **given)
            assert play.refusal == ""


def test_an_alarm_during_a_test_sounds_for_its_time_and_the_test_has_its_answer(make):
    play = make(area=AREA, zone=ZONES, output=[SIREN])
    play.finger("1", 10)
    play.command("output.test", 11, output="roof")
    trip(play, "wall", 12)
    assert [a.args["for_ms"] for a in play.actions if a.target == "siren"] == [3000, 180_000]
    assert play.answer("done", 12.2) == ["test.passed roof"]
    play.to(20)
    assert play.site.view()["sounders"][0]["sounds"] is True
    play.device("board", "faulted", 22.1)
    play.device("board", "ready", 22.1)
    assert play.actions[-1].args["for_ms"] == 170_000
    play.to(193)
    assert play.site.view()["sounders"][0]["sounds"] is False


def test_what_sounds_for_an_alarm_is_not_cut_short_by_a_buzz(make):
    panic = {"escalate_output": "hum"}
    areas = [{"id": "hall"}, {"id": "guards"}]
    play = make(area=areas, panic=panic, output=[BUZZER | {"area": "guards"}])
    play.point("board.panic", "alarm", 10)
    play.to(41)
    play.command("area.arm", 45, area="guards", origin="monitor")
    assert "area.exit_started guards" in [f"{e.kind} {e.object}" for e in play.events]
    assert sounded(play, "buzzer") == ["pulse"]


class TestByDay:
    @pytest.fixture
    def used_up(self, make):
        """A siren and a detector that by day were set off as often as they sound."""
        play = make(area=AREA, zone=ZONES, output=[SIREN])
        for number in range(4):
            again(play, "wall", 100 + 300 * number)
        assert sounded(play) == ["pulse"] * 3
        assert play.count("zone.shut_down") == 1
        play.actions.clear()
        return play

    def test_what_sounded_by_day_sounds_at_night(self, used_up):
        used_up.finger("1", 2000)
        used_up.to(2031)
        used_up.finger("2", 2031)
        used_up.command("area.arm", 2032, area="hall", override=True)
        used_up.to(2100)
        again(used_up, "wall", 3000)
        assert sounded(used_up) == ["pulse"]
        assert used_up.count("zone.shut_down") == 1
        again(used_up, "wall", 3300)
        used_up.start(3500)
        used_up.ready(3501)
        used_up.actions.clear()
        for number in range(3):
            again(used_up, "pir", 4000 + 300 * number)
        assert sounded(used_up) == ["pulse"], "a restart is no new set period"

    def test_once_its_last_alarm_is_closed_it_sounds_anew(self, used_up):
        """An area that is never armed has no set period that could end."""
        used_up.point("board.panic", "alarm", 1500)
        used_up.point("board.panic", "normal", 1501)
        used_up.command("alarm.acknowledge", 1502, origin="monitor", alarm="2")
        close(used_up, 1600)
        again(used_up, "wall", 1700)
        assert sounded(used_up) == [], "the panic's alarm is open"
        for t in (1800, 1900):
            close(used_up, t)
        again(used_up, "wall", 2000)
        assert sounded(used_up) == ["pulse"]


def test_a_forced_door_sounds_disarmed_too(make):
    play = make(output=[SIREN])
    play.point("board.contact", "alarm", 5)
    play.to(6)
    assert sounded(play) == ["pulse"]


def test_tampering_sounds_when_armed_only(make):
    for armed in (False, True):
        play = make(area=AREA, zone=ZONES, output=[SIREN])
        if armed:
            arm(play)
        trip(play, "lid", 60)
        assert sounded(play) == (["pulse"] if armed else [])


@pytest.mark.parametrize("silent", [True, False])
def test_a_panic_is_silent_unless_the_file_says_otherwise(make, silent):
    play = make(output=[SIREN], panic={"silent": silent})
    play.point("board.panic", "alarm", 5)
    assert sounded(play) == ([] if silent else ["pulse"])
    assert play.last("alarm.raised").data.get("silent", False) is silent


def test_a_rack_s_intrusion_sounds_and_an_issue_does_not(make):
    rack = {"id": "r1", "area": "hall", "doors": "store", "slots": {"board.s1": "M4-1"}}
    play = make(door={"people": 1}, rack=[rack], output=[SIREN])
    play.to(2)
    play.finger("1", 5)
    play.point("board.s1", "alarm", 6)
    play.to(7)
    assert (play.count("rack.removed"), sounded(play)) == (1, [])
    play.point("board.s1", "normal", 2000)
    play.to(2001)
    assert (play.count("rack.intrusion"), sounded(play)) == (1, ["pulse"])


def test_an_entry_and_an_exit_buzz(make):
    play = make(area=AREA, zone=ZONES, output=[BUZZER])
    arm(play)
    trip(play, "way", 60)
    assert sounded(play, "buzzer") == ["pulse", "pulse"]


def test_a_door_about_to_be_held_buzzes(make):
    play = make(output=[BUZZER], door={"people": 1})
    play.finger("1", 5)
    play.answer("done", 5)
    play.point("board.contact", "alarm", 6)
    play.to(26)
    assert sounded(play, "buzzer") == ["pulse"]


def test_one_that_does_not_answer_is_faulted_and_blocks_arming(hall):
    trip(hall, "pir", 60)
    found = hall.answer("unknown", 61, action=hall.actions[-1].id)
    assert found == ["device.faulted board", "alarm.raised 2"]
    hall.finger("1", 65)
    hall.command("area.disarm", 66, area="hall")
    assert hall.site.view()["areas"][0]["not_ready"]["board.siren"] == "faulted"


def test_after_a_restart_it_sounds_for_the_time_that_is_left(hall):
    trip(hall, "pir", 60)
    hall.start(70)
    assert hall.site.view()["sounders"][0]["sounds"] is True
    hall.actions.clear()
    hall.device("board", "ready", 71)
    (action,) = [a for a in hall.actions if a.target == "siren"]
    assert (action.verb, action.args) == ("pulse", {"for_ms": 169_100})  # it was debounced
    hall.to(1000)
    assert hall.site.view()["sounders"][0]["sounds"] is False


def test_it_goes_on_when_its_host_comes_back(hall):
    trip(hall, "pir", 60)
    hall.device("board", "faulted", 70)
    hall.actions.clear()
    hall.device("board", "ready", 80)
    assert sounded(hall) == ["pulse"]


def test_a_restart_after_its_time_leaves_it_still(hall):
    trip(hall, "pir", 60)
    hall.start(400)
    hall.actions.clear()
    hall.device("board", "ready", 401)
    assert sounded(hall) == []


class TestSwinger:
    def test_it_sounds_no_more_and_is_recorded_all_the_same(self, hall):
        for number in range(3):
            again(hall, "pir", 100 + 300 * number)
        assert hall.count("zone.shut_down") == 1
        assert hall.last("zone.shut_down").data["alarms"] == 3
        hall.actions.clear()
        again(hall, "pir", 2000)
        assert hall.count("zone.alarmed") == 4
        assert sounded(hall) == []

    def test_the_last_detector_of_an_area_never_is(self, make):
        play = make(area=AREA | {"part_sets": {}}, zone=[ZONES[3], ZONES[6]])
        arm(play)
        for number in range(6):
            again(play, "pir", 100 + 300 * number)
        assert play.count("zone.shut_down") == 0

    def test_a_contact_never_is(self, make):
        zones = [zone | {"technology": "contact"} for zone in ZONES]
        play = make(area=AREA, zone=zones)
        arm(play)
        for number in range(6):
            again(play, "pir", 100 + 300 * number)
        assert play.count("zone.shut_down") == 0

    def test_a_door_s_own_contact_never_is_whatever_the_file_calls_it(self, make):
        way = {"id": "way", "area": "hall", "point": "board.contact", "kind": "entry_route"}
        play = make(area=AREA, zone=[way | {"supervision": "nc"}, *ZONES[1:]])
        arm(play)
        for number in range(6):
            play.point("board.contact", "alarm", 100 + 300 * number)
            play.point("board.contact", "normal", 150 + 300 * number)
        assert play.count("zone.alarmed") == 6
        assert play.count("zone.shut_down") == 0

    def test_it_ends_with_the_set_period(self, hall):
        for number in range(3):
            again(hall, "pir", 100 + 300 * number)
        hall.finger("1", 1000)
        hall.command("area.disarm", 1001, area="hall")
        pir = next(zone for zone in hall.site.view()["zones"] if zone["id"] == "pir")
        assert pir["shut_down"] is False


class TestNuisance:
    def close(self, play, t, **more):
        alarm = play.site.view()["alarms"][-1]["id"]
        play.finger("1", t)
        for step in ("acknowledge", "check", "restore", "close"):
            given = {"reason": "a bird", **more} if step == "close" else {}
            play.command(f"alarm.{step}", t + 1, alarm=alarm, **given)
            assert play.refusal == ""

    def test_more_than_three_a_month_are_told(self, play):
        for number in range(5):
            again(play, "pir", 100 + 300 * number)
            self.close(play, 150 + 300 * number, nuisance=True)
        assert play.count("zone.nuisance_exceeded") == 1
        assert play.last("zone.nuisance_exceeded").data["count"] == 4

    def test_real_alarms_do_not_count(self, play):
        for number in range(5):
            again(play, "pir", 100 + 300 * number)
            self.close(play, 150 + 300 * number)
        assert play.count("zone.nuisance_exceeded") == 0


def test_what_says_that_the_system_lives_makes_no_noise(make):
    alive = SIREN | {"id": "alive", "kind": "alive", "output": "board.alive"}
    play = make(area=AREA | {"exit_delay_s": 0}, zone=ZONES, output=[alive])
    play.finger("1", 5)
    play.command("area.arm", 6, area="hall")
    trip(play, "pir", 60)
    play.command("output.test", 61, output="alive")
    assert play.refusal == "unknown-output"
    assert sounded(play, "alive") == []


def test_what_says_that_the_system_lives_is_heard_at_its_far_end():
    alive = SIREN | {"kind": "alive", "readback": "board.echo"}
    (mistake,) = plan(output=[alive]).mistakes()
    assert mistake.key == ("output", 0, "readback")


class TestEscalated:
    @pytest.fixture
    def pressed(self, make):
        """A panic in the hall that sounded in the yard as often as a siren does."""
        areas = [{"id": "hall"}, {"id": "yard", "exit_delay_s": 0}]
        zone = {"id": "wall", "area": "yard", "point": "board.wall", "kind": "always"}
        zones = [zone | {"supervision": "eol"}]
        yard = SIREN | {"area": "yard"}
        play = make(area=areas, zone=zones, output=[yard], panic={"escalate_output": "roof"})
        play.point("board.panic", "alarm", 10)
        play.point("board.panic", "normal", 11)
        play.to(1000)
        assert sounded(play) == ["pulse"] * 3
        play.actions.clear()
        return play

    def test_once_it_is_closed_what_happens_there_sounds_again(self, pressed):
        pressed.command("alarm.acknowledge", 1000, alarm="1", origin="monitor")
        close(pressed, 1001)
        trip(pressed, "wall", 1100)
        assert sounded(pressed) == ["pulse"]

    def test_closed_on_site_it_is_told_on_and_sounds_no_more(self, pressed):
        close(pressed, 1001)
        pressed.command("area.arm", 1010, area="yard", origin="monitor")
        assert pressed.refusal == ""
        assert "panic.repeated desk" in pressed.to(2000)
        assert sounded(pressed) == []

    def test_pressed_again_it_sounds_again(self, pressed):
        close(pressed, 1001)
        pressed.point("board.panic", "alarm", 1010)
        pressed.to(1041)
        assert sounded(pressed) == ["pulse"]
