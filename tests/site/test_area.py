"""Areas: mode by input, the exit and entry delays, and who may."""

from __future__ import annotations

import pytest

from agent.site.inputs import Started
from tests.site.conftest import SECOND, TABLES
from tests.site.hall import AREA, ARMED, ZONES, arm, mode, trip

# What a zone of each kind means in each mode, when its point goes into alarm.
MEANS = {
    "disarmed": dict.fromkeys(("way", "near", "pir"), "point.changed board.{}"),
    "exiting": dict.fromkeys(("way", "near", "pir"), "point.changed board.{}"),
    "armed": {
        "way": "area.entry_started hall",
        "near": "zone.alarmed {}",
        "pir": "zone.alarmed {}",
    },
    "entering": {
        "gate": "point.changed board.{}",
        "near": "point.changed board.{}",
        "pir": "zone.alarmed {}",
    },
}
ALWAYS = {"wall": "zone.alarmed {}", "lid": "zone.tampered {}"}


@pytest.mark.parametrize(
    ("state", "zone", "kind"),
    [(m, z, k) for m, zones in MEANS.items() for z, k in (zones | ALWAYS).items()],
)
def test_mode_by_zone(hall, state, zone, kind):
    if state == "exiting":
        hall.finger("1", 5)
        hall.command("area.arm", 59, area="hall")
    elif state != "disarmed":
        arm(hall)
    if state == "entering":
        trip(hall, "way", 58)
    hall.to(60)
    assert mode(hall) == state
    assert trip(hall, zone, 60)[0] == kind.format(zone)


@pytest.mark.parametrize("zone", [zone["id"] for zone in ZONES])
@pytest.mark.parametrize("state", ["open", "short"])
def test_a_cut_wire_is_tampering_in_any_mode(hall, zone, state):
    assert trip(hall, zone, 5, state)[0] == f"zone.tampered {zone}"
    hall.point(f"board.{zone}", "normal", 6)
    hall.finger("1", 7)
    hall.finger("2", 8)
    hall.answer("done", 8)
    hall.command("area.arm", 20, area="hall", override=True)
    hall.to(66)
    assert mode(hall) == "armed"
    assert trip(hall, zone, 70, state)[0] == f"zone.tampered {zone}"


class TestEntry:
    def test_told_at_once_dated_at_the_opening(self, hall):
        arm(hall)
        assert trip(hall, "way", 60) == ["area.entry_started hall"]
        assert hall.last("area.entry_started").data == {
            "area": "hall",
            "zone": "way",
            "entry_s": 30,
        }
        assert hall.to(89.9) == []
        assert hall.to(90) == ["zone.alarmed way", "alarm.raised 1"]

    def test_another_entry_zone_does_not_give_more_time(self, hall):
        arm(hall)
        trip(hall, "way", 60)
        assert trip(hall, "gate", 80) == ["point.changed board.gate"]
        assert "zone.alarmed way" in hall.to(90)

    def test_two_people_disarm_in_time(self, make):
        play = make(area=AREA, zone=ZONES, door={"on_armed": "disarm"})
        arm(play)
        trip(play, "way", 60)
        play.finger("1", 61)
        play.finger("2", 62)
        assert mode(play) == "disarmed"
        assert "zone.alarmed way" not in play.to(200)

    def test_a_follower_whose_route_did_not_open_is_instant(self, make):
        zones = [dict(zone) for zone in ZONES]
        zones[2]["follows"] = "gate"
        play = make(area=AREA, zone=zones)
        arm(play)
        trip(play, "way", 60)
        assert trip(play, "near", 61)[0] == "zone.alarmed near"

    def test_a_follower_whose_route_opened_second_follows(self, make):
        zones = [dict(zone) for zone in ZONES]
        zones[2]["follows"] = "gate"
        play = make(area=AREA, zone=zones)
        arm(play)
        trip(play, "way", 60)
        trip(play, "gate", 61)
        assert trip(play, "near", 62) == ["point.changed board.near"]

    def test_without_entry_delay_it_is_an_alarm_at_once(self, make):
        play = make(area=AREA | {"entry_delay_s": 0}, zone=ZONES)
        arm(play)
        assert trip(play, "way", 60)[0] == "zone.alarmed way"


class TestDisarming:
    def test_two_different_people_from_outside(self, hall):
        arm(hall)
        hall.finger("1", 60)
        assert hall.last("access.denied").data["reason"] == "armed"  # identified all the same
        hall.command("area.disarm", 61, area="hall")
        assert hall.refusal == "more-people-needed"
        hall.finger("2", 62)
        assert hall.command("area.disarm", 63, area="hall")[0] == "area.disarmed hall"
        assert mode(hall) == "disarmed"

    def test_the_monitor_never(self, hall):
        arm(hall)
        hall.command("area.disarm", 60, area="hall", origin="monitor")
        assert hall.refusal == "not-from-here"

    def test_it_leaves_the_alarm_open(self, make):
        play = make(area=AREA, zone=ZONES, door={"on_armed": "disarm"})
        arm(play)
        trip(play, "pir", 60)
        play.finger("1", 61)
        assert play.finger("2", 62) == ["access.granted store", "area.disarmed hall"]
        assert play.last("area.disarmed").data["persons"] == ["p-1", "p-2"]
        assert play.site.view()["alarms"][0]["stage"] == "raised"

    def test_not_when_disarmed(self, hall):
        hall.finger("1", 5)
        hall.finger("2", 6)
        hall.command("area.disarm", 7, area="hall")
        assert hall.refusal == "wrong-mode"

    def test_during_the_exit_delay(self, hall):
        hall.finger("1", 5)
        hall.command("area.arm", 6, area="hall")
        hall.device("board", "lost", 7)
        hall.finger("2", 8)  # refused at a door that nobody sees, and identified
        hall.command("area.disarm", 9, area="hall")
        assert hall.refusal == ""
        assert mode(hall) == "disarmed"


class TestDoor:
    def test_armed_it_denies(self, hall):
        arm(hall)
        hall.finger("1", 60)
        assert hall.last("access.denied").data["reason"] == "armed"

    def test_entering_it_denies_too(self, hall):
        arm(hall)
        trip(hall, "way", 60)
        hall.finger("1", 61)
        assert hall.last("access.denied").data["reason"] == "armed"

    def test_where_the_door_says_so_the_grant_disarms(self, make):
        play = make(area=AREA, zone=ZONES, door={"on_armed": "disarm"})
        arm(play)
        assert play.finger("1", 60) == ["access.pending store"]
        assert mode(play) == "armed"
        assert play.finger("2", 61) == ["access.granted store", "area.disarmed hall"]
        assert len(play.actions) == 1

    def test_the_response_enters_during_an_alarm_and_clears_nothing(self, hall):
        hall.enrol("p-7", "response")
        hall.enrol("p-8", "response")
        arm(hall)
        hall.finger("7", 60)
        assert hall.last("access.denied").data["reason"] == "role"
        trip(hall, "pir", 61)
        assert hall.finger("7", 62) == ["access.pending store"]
        assert hall.finger("8", 63) == ["access.granted store"]
        assert mode(hall) == "armed"
        assert hall.site.view()["alarms"][0]["stage"] == "raised"


class TestParts:
    def test_named_zones_are_left_out(self, hall):
        arm(hall, part="night")
        assert hall.last("area.armed").data["part"] == "night"
        assert trip(hall, "pir", 60) == ["point.changed board.pir"]
        assert trip(hall, "glass", 61)[0] == "zone.alarmed glass"

    def test_what_is_left_out_need_not_be_ready(self, hall):
        trip(hall, "pir", 2)
        assert ARMED in arm(hall, part="night")


class TestBypass:
    def two(self, play, t):
        play.finger("1", t)
        play.finger("2", t)
        play.answer("done", t)
        play.to(t + 6)

    def test_for_one_set_period(self, make):
        play = make(area=AREA, zone=ZONES, door={"on_armed": "disarm"})
        self.two(play, 5)
        assert play.command("zone.bypass", 12, zone="pir")[0] == "zone.bypassed pir"
        assert trip(play, "pir", 13) == ["point.changed board.pir"]
        play.command("area.arm", 20, area="hall")
        assert play.refusal == ""  # it is open, and done without
        play.to(70)
        trip(play, "pir", 71, "normal")
        assert trip(play, "pir", 72) == ["point.changed board.pir"]
        self.two(play, 80)
        assert "zone.unbypassed pir" in [f"{e.kind} {e.object}" for e in play.events]
        assert play.last("zone.unbypassed").data["cause"] == "period-over"

    def test_tampering_is_told_all_the_same(self, hall):
        self.two(hall, 5)
        hall.command("zone.bypass", 12, zone="pir")
        assert trip(hall, "pir", 13, "open")[0] == "zone.tampered pir"

    def test_withdrawn(self, hall):
        self.two(hall, 5)
        hall.command("zone.bypass", 12, zone="pir")
        assert hall.command("zone.unbypass", 13, zone="pir")[0] == "zone.unbypassed pir"
        hall.command("zone.unbypass", 14, zone="pir")
        assert hall.refusal == "wrong-mode"

    def test_two_people_needed(self, hall):
        hall.finger("1", 5)
        hall.command("zone.bypass", 6, zone="pir")
        assert hall.refusal == "more-people-needed"
        hall.command("zone.bypass", 7, zone="pir", origin="monitor")
        assert hall.refusal == "not-from-here"

    @pytest.mark.parametrize("zone", ["wall", "lid"])
    def test_never_what_is_always_watched(self, hall, zone):
        self.two(hall, 5)
        hall.command("zone.bypass", 12, zone=zone)
        assert hall.refusal == "not-bypassable"

    def test_never_what_the_file_says_is_never(self, make):
        zones = [zone | {"bypassable": False} for zone in ZONES]
        play = make(area=AREA, zone=zones)
        self.two(play, 5)
        play.command("zone.bypass", 12, zone="pir")
        assert play.refusal == "not-bypassable"


class TestConfirmed:
    def test_by_a_second_detector(self, hall):
        arm(hall)
        assert trip(hall, "pir", 60) == ["zone.alarmed pir", "alarm.raised 1"]
        found = trip(hall, "glass", 500)
        assert found == ["zone.alarmed glass", "alarm.raised 2", "zone.confirmed glass"]
        assert hall.last("zone.confirmed").data["zones"] == ["pir", "glass"]

    def test_not_by_the_same_again(self, hall):
        arm(hall)
        trip(hall, "pir", 60)
        trip(hall, "pir", 61, "normal")
        assert trip(hall, "pir", 62) == ["zone.alarmed pir"]

    @pytest.mark.parametrize(("t", "inside"), [(1860, True), (1860.001, False)])
    def test_inside_the_window_and_its_end_is_inside(self, hall, t, inside):
        arm(hall)
        trip(hall, "pir", 60)
        hall.to(1000)
        assert ("zone.confirmed glass" in trip(hall, "glass", t)) is inside

    def test_after_the_window_the_next_one_is_the_first(self, hall):
        arm(hall)
        trip(hall, "pir", 60)
        trip(hall, "glass", 1860.5)
        assert "zone.confirmed wall" in trip(hall, "wall", 1900)
        assert hall.last("zone.confirmed").data["zones"] == ["glass", "wall"]


class TestRestart:
    def test_armed_before_means_armed_after(self, hall):
        arm(hall)
        hall.start(100)
        hall.ready(101)
        assert mode(hall) == "armed"
        assert trip(hall, "pir", 102)[0] == "zone.alarmed pir"

    def test_what_changed_meanwhile_is_an_alarm(self, hall):
        arm(hall)
        hall.start(100)
        assert hall.point("board.pir", "alarm", 101)[0] == "zone.alarmed pir"

    def test_the_exit_delay_goes_on_once_everything_is_seen(self, hall):
        hall.finger("1", 5)
        hall.command("area.arm", 6, area="hall")
        hall.start(50)
        hall.ready(51)
        assert "area.arm_failed hall" not in hall.to(60)
        assert ARMED in hall.to(65)

    def test_an_entry_goes_on(self, hall):
        arm(hall)
        trip(hall, "way", 60)
        hall.start(65)
        hall.point("board.way", "alarm", 66)
        assert hall.to(89.9) == []
        assert hall.to(90)[0] == "zone.alarmed way"
        assert hall.last("zone.alarmed").at == hall.now(90)

    def test_an_entry_that_ran_out_in_the_dark_is_dated_at_its_opening(self, hall):
        arm(hall)
        opened = hall.now(60)
        trip(hall, "way", 60)
        hall.boot = "boot-2"
        hall.utc_us += 600_000_000
        hall.start(1)
        assert "zone.alarmed way" in hall.point("board.way", "alarm", 2)
        assert hall.last("zone.alarmed").at == opened

    def test_dated_at_its_opening_also_when_the_start_is_decided_a_little_later(self, hall):
        arm(hall)
        opened = hall.now(60)
        trip(hall, "way", 60)
        hall.boot = "boot-2"
        hall.utc_us += 600_000_000
        hall.t = 1
        hall.step(Started("1.0", 1_000_000), 1.2)
        hall.point("board.way", "alarm", 2)
        assert hall.last("zone.alarmed").at == opened

    @pytest.mark.parametrize(("trusted", "overdue_s"), [(True, 361), (False, 931)])
    def test_over_a_reboot_its_alarm_can_be_checked_and_is_overdue_in_time(
        self, make, trusted, overdue_s
    ):
        """It opened 540 s before the start; without a trusted clock nobody knows that."""
        play = make(area=AREA, zone=ZONES, camera={"covers": ["way"]})
        arm(play)
        trip(play, "way", 100_000)
        play.utc_us += 100_539 * SECOND
        play.boot, play.trusted, play.t = "boot-2", trusted, 1.0
        play.start()
        play.actions.clear()
        play.device("cam", "ready")
        play.point("board.way", "normal")
        play.to(31)
        raised_s = 1 if trusted else 31  # the entry ran its whole time again
        (clip,) = (action for action in play.actions if action.verb == "keep")
        assert (clip.args["from"], clip.args["to"]) == (
            max(0, raised_s - 10) * SECOND,
            (raised_s + 30) * SECOND,
        )
        play.finger("1", 32)
        play.command("alarm.acknowledge", 33, alarm="1")
        assert "alarm.overdue 1" not in play.to(overdue_s - 0.1)
        assert "alarm.overdue 1" in play.to(overdue_s)
        play.finger("1", overdue_s)
        play.command("alarm.check", overdue_s + 1, alarm="1")
        assert play.refusal == ""

    @pytest.mark.parametrize("reboot", [True, False])
    def test_overdue_in_the_dark_its_alarm_is_so_at_the_start(self, hall, reboot):
        arm(hall)
        trip(hall, "way", 60)
        if reboot:
            hall.boot, hall.utc_us = "boot-2", hall.utc_us + 3659 * SECOND
        hall.t = 1.0 if reboot else 3660.0
        hall.start()
        assert "alarm.overdue 1" in hall.to(hall.t)
        overdue = hall.last("alarm.overdue")
        assert overdue.at == hall.now(hall.t)
        assert overdue.data["after_s"] == 3600


def test_a_doors_contact_may_be_the_way_in_too(make):
    zones = [ZONES[3], {**ZONES[0], "point": "board.contact", "debounce_ms": 50}]
    play = make(area={"entry_delay_s": 30}, zone=zones)
    assert list(play.plan.mistakes()) == []
    arm(play)
    play.point("board.contact", "alarm", 60)
    found = play.to(60.2)
    assert "area.entry_started hall" in found
    assert "door.forced store" in found


def test_the_tables_of_the_tests_are_right(hall):
    assert list(hall.plan.mistakes()) == []
    assert TABLES["area"] == [{"id": "hall"}]
