"""Arming: the exit delay, what must be ready, and who may override it."""

from __future__ import annotations

import pytest

from agent.site.inputs import Started
from agent.site.step import Release
from tests.site.conftest import SECOND, TABLES
from tests.site.hall import AREA, ARMED, ZONES, mode, trip


class TestArming:
    def test_by_exit_delay(self, hall):
        hall.finger("1", 5)
        found = hall.command("area.arm", 6, area="hall")
        assert found == ["area.exit_started hall", "command.done c-0"]
        assert hall.last("area.exit_started").data["exit_s"] == 45
        assert mode(hall) == "exiting"
        assert hall.to(50.9) == ["access.denied store"]  # the window of the finger at 5
        assert hall.to(51) == [ARMED]
        assert mode(hall) == "armed"

    def test_without_exit_delay_at_once(self, make):
        play = make(area=AREA | {"exit_delay_s": 0}, zone=ZONES)
        play.finger("1", 5)
        found = play.command("area.arm", 6, area="hall")
        assert found[:2] == ["access.denied store", ARMED]
        assert play.last("access.denied").data["reason"] == "armed"  # arming voids the window
        assert play.last(ARMED.split()[0]).data["persons"] == ["p-1"]

    def test_what_is_still_unlocked_then_is_locked(self, make):
        play = make(area=AREA | {"exit_delay_s": 0}, zone=ZONES, door={"people": 1})
        play.finger("1", 5)
        play.answer("done", 5.1)
        play.command("area.arm", 6, area="hall")
        assert (play.actions[-1].verb, play.actions[-1].release) == ("off", Release.NOW)
        assert "door.relocked store" in play.answer("done", 6.1)
        assert play.last("door.relocked").data["cause"] == "armed"

    def test_somebody_must_be_there(self, hall):
        hall.command("area.arm", 5, area="hall")
        assert hall.refusal == "not-on-site"

    def test_a_technician_is_nobody(self, make):
        play = make(area=AREA, zone=ZONES, door={"roles": ["technician"]})
        play.finger("4", 5)
        play.command("area.arm", 6, area="hall")
        assert play.refusal == "not-on-site"

    def test_two_where_the_area_says_so(self, make):
        play = make(area=AREA | {"arm_people": 2}, zone=ZONES)
        play.finger("1", 5)
        play.command("area.arm", 6, area="hall")
        assert play.refusal == "more-people-needed"
        play.finger("2", 7)
        play.command("area.arm", 8, area="hall")
        assert play.refusal == ""

    def test_the_monitor_may(self, hall):
        hall.command("area.arm", 5, area="hall", origin="monitor")
        assert hall.refusal == ""

    def test_not_twice(self, hall):
        hall.finger("1", 5)
        hall.command("area.arm", 6, area="hall")
        hall.command("area.arm", 7, area="hall")
        assert hall.refusal == "wrong-mode"
        hall.to(60)
        hall.command("area.arm", 61, area="hall")
        assert hall.refusal == "wrong-mode"

    def test_no_such_area_or_part(self, hall):
        hall.command("area.arm", 5, area="cellar")
        assert hall.refusal == "unknown-area"
        hall.command("area.arm", 6, area="hall", part="day")
        assert hall.refusal == "unknown-part"


class TestCheck:
    @pytest.mark.parametrize(
        ("ref", "state", "reason"),
        [
            ("board.pir", "alarm", "open"),
            ("board.pir", "open", "tampered"),
            ("board.pir", "short", "tampered"),
            ("board.contact", "alarm", "open"),
            ("board.lid", "alarm", "open"),
        ],
    )
    def test_what_is_not_ready_fails_it_with_its_reason(self, hall, ref, state, reason):
        hall.finger("1", 5)
        hall.point("board.rex", "alarm", 5.5)
        hall.point(ref, state, 6)
        hall.to(7)
        found = hall.command("area.arm", 7, area="hall")
        assert found[0] == "area.arm_failed hall"
        assert hall.refusal == "not-ready"
        assert hall.answers[-1].data["points"][ref] == reason
        assert mode(hall) == "disarmed"

    def test_a_lost_device(self, hall):
        hall.finger("1", 5)
        hall.device("cam", "lost", 6)
        hall.command("area.arm", 7, area="hall")
        assert hall.answers[-1].data["points"] == {"cam": "faulted"}

    def test_a_lost_board(self, hall):
        hall.finger("1", 5)
        hall.device("board", "lost", 6)
        hall.command("area.arm", 7, area="hall")
        points = hall.answers[-1].data["points"]
        assert points["board"] == points["board.pir"] == points["board.contact"] == "faulted"

    @pytest.mark.parametrize(
        "table",
        [
            {"panic": {"point": "spare.panic"}},
            {"output": [{"id": "roof", "area": "hall", "output": "spare.siren", "kind": "siren"}]},
        ],
        ids=["a panic button", "a siren"],
    )
    def test_what_a_lost_board_is_needed_for(self, make, table):
        play = make(device=[*TABLES["device"], {"id": "spare"}], **table)
        play.finger("1", 5)
        play.device("spare", "lost", 6)
        play.command("area.arm", 7, area="hall")
        assert play.answers[-1].data["points"] == {"spare": "faulted"}

    def test_a_record_that_cannot_be_written(self, hall):
        hall.finger("1", 5)
        hall.storage("faulted", 6)
        hall.command("area.arm", 7, area="hall")
        assert hall.answers[-1].data["points"] == {"journal": "journal"}

    def test_a_look_alike(self, hall):
        hall.finger("1", 5)
        hall.device("reader", "ready", 6, serial="a")
        hall.device("reader", "ready", 7, serial="b")
        hall.command("area.arm", 8, area="hall")
        assert hall.answers[-1].data["points"] == {"reader": "tampered"}

    def test_no_line_to_the_monitor(self, hall):
        hall.path("main", "ready", 4)
        hall.path("spare", "lost", 4)
        hall.finger("1", 5)
        hall.path("main", "lost", 6)
        hall.command("area.arm", 7, area="hall")
        assert hall.answers[-1].data["points"] == {"uplink": "uplink"}
        hall.path("spare", "ready", 8)
        hall.command("area.arm", 9, area="hall")
        assert hall.refusal == ""

    def test_a_path_that_is_not_in_the_file_of_a_start(self, hall):
        hall.path("old", "ready", 5)
        hall.step(Started("1.0", 6 * SECOND, paths=("main",)), 6)
        hall.ready(7)
        hall.path("main", "lost", 8)
        hall.finger("1", 9)
        hall.command("area.arm", 9, area="hall")
        assert hall.answers[-1].data["points"] == {"uplink": "uplink"}

    def test_a_covered_camera(self, hall):
        hall.finger("1", 5)
        hall.point("cam.covered", "alarm", 6)
        hall.command("area.arm", 7, area="hall")
        assert hall.answers[-1].data["points"] == {"cam": "faulted", "alarm 1": "alarm"}

    def test_silent_alarms_neither_show_nor_block(self, hall):
        hall.point("board.panic", "alarm", 5)
        hall.finger("1", 6)
        assert hall.site.view()["areas"][0]["not_ready"] == {}
        hall.command("area.arm", 7, area="hall")
        assert hall.refusal == ""

    def test_again_at_the_end_of_the_exit_delay(self, hall):
        hall.finger("1", 5)
        hall.command("area.arm", 6, area="hall")
        trip(hall, "pir", 50)
        assert "area.arm_failed hall" in hall.to(51)
        assert hall.last("area.arm_failed").data["points"] == {"board.pir": "open"}
        assert mode(hall) == "disarmed"

    def test_what_has_just_moved_fails_it_too(self, hall):
        hall.finger("1", 5)
        hall.command("area.arm", 6, area="hall")
        hall.point("board.pir", "alarm", 50.95)
        assert "area.arm_failed hall" in hall.to(51)

    def test_what_moved_during_the_exit_and_is_still_again_does_not(self, hall):
        hall.finger("1", 5)
        hall.command("area.arm", 6, area="hall")
        for zone in ("way", "near", "pir"):
            assert trip(hall, zone, 20) == [f"point.changed board.{zone}"]
            hall.point(f"board.{zone}", "normal", 30)
        assert ARMED in hall.to(51)

    def test_a_grant_ends_the_exit_delay(self, hall):
        hall.finger("1", 5)
        hall.command("area.arm", 6, area="hall")
        found = hall.finger("2", 10)
        assert found == ["access.granted store", "area.arm_failed hall"]
        assert hall.last("area.arm_failed").data["points"] == {"board.contact": "granted"}
        hall.to(100)
        assert mode(hall) == "disarmed"


class TestOverride:
    def test_two_people_arm_over_it_for_one_set_period(self, hall):
        trip(hall, "pir", 4)
        hall.finger("1", 5)
        hall.finger("2", 6)
        hall.answer("done", 6)
        found = hall.command("area.arm", 12, area="hall", override=True)
        assert "area.overridden hall" in found
        assert hall.last("area.overridden").data["points"] == {"board.pir": "open"}
        assert ARMED in hall.to(60)
        trip(hall, "pir", 61, "normal")
        assert trip(hall, "pir", 62) == ["point.changed board.pir"]
        assert trip(hall, "glass", 63)[0] == "zone.alarmed glass"

    def test_one_is_too_few_and_changes_nothing(self, hall):
        trip(hall, "pir", 4)
        hall.finger("1", 5)
        hall.command("area.arm", 6, area="hall", override=True, part="night")
        assert hall.refusal == ""  # the part leaves it out
        hall.to(100)
        hall.finger("1", 100)
        hall.finger("2", 101)
        hall.command("area.disarm", 102, area="hall")
        hall.to(300)
        hall.finger("1", 300)
        hall.command("area.arm", 301, area="hall", override=True)
        assert hall.refusal == "more-people-needed"
        assert mode(hall) == "disarmed"
        assert hall.site.view()["areas"][0]["part"] == ""

    def test_what_else_opened_during_the_exit_still_fails_it(self, hall):
        trip(hall, "pir", 4)
        hall.finger("1", 5)
        hall.finger("2", 6)
        hall.answer("done", 6)
        hall.command("area.arm", 12, area="hall", override=True)
        trip(hall, "glass", 30)
        assert "area.arm_failed hall" in hall.to(60)
        assert hall.last("area.arm_failed").data["points"] == {"board.glass": "open"}
