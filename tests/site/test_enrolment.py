"""Who becomes known: the bootstrap, and two officers from then on."""

from __future__ import annotations

import pytest

FINGER = {"kind": "finger", "reference": "reader:5"}


def enrol(play, person, t, *credentials, roles=("guard",), **more):
    given = list(credentials or ({"kind": "finger", "reference": f"reader:{person[2:]}"},))
    return play.command(
        "person.enrol", t, person=person, roles=list(roles), credentials=given, **more
    )


def officers_there(play, t):
    play.finger("1", t)
    play.finger("2", t)


class TestBootstrap:
    @pytest.fixture
    def fresh(self, make):
        play = make()
        play.forget("person")
        play.forget("enrolment")
        return play

    def test_the_first_two_officers(self, fresh):
        found = enrol(fresh, "p-1", 5, roles=["officer"])
        assert found == ["person.enrolled p-1", "command.done c-0"]
        assert fresh.last("person.enrolled").data["bootstrap"] is True
        enrol(fresh, "p-2", 6, roles=["officer", "guard"])
        assert fresh.refusal == ""

    def test_it_works_once(self, fresh):
        enrol(fresh, "p-1", 5, roles=["officer"])
        enrol(fresh, "p-2", 6, roles=["officer"])
        enrol(fresh, "p-5", 7, roles=["officer"])
        assert fresh.refusal == "two-officers-needed"
        fresh.start(8)
        fresh.ready(8)
        enrol(fresh, "p-5", 9, roles=["officer"])
        assert fresh.refusal == "two-officers-needed"

    def test_it_makes_officers_only(self, fresh):
        enrol(fresh, "p-1", 5, roles=["guard"])
        assert fresh.refusal == "officers-first"

    def test_the_monitor_enrols_nobody(self, fresh):
        enrol(fresh, "p-1", 5, roles=["officer"], origin="monitor")
        assert fresh.refusal == "not-from-here"


class TestTwoOfficers:
    def test_they_must_have_been_at_a_reader(self, play):
        enrol(play, "p-5", 5)
        assert play.refusal == "two-officers-needed"
        play.finger("1", 6)
        enrol(play, "p-5", 7)
        assert play.refusal == "two-officers-needed"
        play.finger("2", 8)
        enrol(play, "p-5", 9)
        assert play.refusal == ""
        assert play.last("person.enrolled").data["by"] == ["p-1", "p-2"]

    def test_a_guard_is_no_officer(self, play):
        play.finger("1", 5)
        play.finger("3", 6)
        enrol(play, "p-5", 7)
        assert play.refusal == "two-officers-needed"

    def test_within_two_minutes(self, play):
        officers_there(play, 5)
        enrol(play, "p-5", 125.1)
        assert play.refusal == "two-officers-needed"

    def test_whoever_is_enrolled_may_enter(self, make):
        play = make(door={"people": 1})
        officers_there(play, 5)
        enrol(play, "p-5", 6)
        assert play.finger("5", 7) == ["access.granted store"]

    def test_whoever_is_removed_may_not(self, make):
        play = make(door={"people": 1})
        officers_there(play, 5)
        assert play.command("person.remove", 6, person="p-3")[0] == "person.removed p-3"
        play.finger("3", 7)
        assert play.last("access.denied").data["reason"] == "revoked"
        enrol(play, "p-3", 8)
        assert play.refusal == "revoked"

    def test_two_officers_remain(self, play):
        officers_there(play, 5)
        play.command("person.remove", 6, person="p-1")
        assert play.refusal == "last-officers"
        enrol(play, "p-1", 7, roles=["guard"])
        assert play.refusal == "last-officers"

    def test_nobody_to_remove(self, play):
        play.command("person.remove", 5, person="p-77")
        assert play.refusal == "unknown-person"

    def test_a_change_replaces_the_credentials(self, make):
        play = make(door={"people": 1})
        officers_there(play, 5)
        found = enrol(play, "p-3", 6, FINGER)
        assert found[0] == "person.changed p-3"
        play.finger("3", 7)
        assert play.last("access.denied").data["reason"] == "unknown"
        assert play.finger("5", 8) == ["access.granted store"]

    def test_validity_is_given_with_its_zone(self, play):
        officers_there(play, 5)
        enrol(play, "p-5", 6, valid_to="2026-11-02T00:01:00+00:00")
        assert play.refusal == ""
        play.finger("5", 61)
        assert play.last("access.denied").data["reason"] == "expired"
        enrol(play, "p-6", 62, valid_to="2026-11-02T00:01:00")
        assert play.refusal == "bad-params"


class TestCredentials:
    @pytest.fixture
    def desk(self, play):
        officers_there(play, 5)
        return play

    @pytest.mark.parametrize(
        ("credential", "reason"),
        [
            ({"kind": "finger", "reference": "reader:1"}, "already-enrolled"),
            ({"kind": "finger", "reference": "nowhere:1"}, "bad-finger"),
            ({"kind": "finger", "reference": "7"}, "bad-finger"),
            ({"kind": "pin", "reference": "12345"}, "bad-pin"),
            ({"kind": "pin", "reference": "1234567890123"}, "bad-pin"),
            ({"kind": "pin", "reference": "12345a"}, "bad-pin"),
            ({"kind": "pin", "reference": "١٢٣٤٥٦"}, "bad-pin"),  # digits, and none on a keypad
            ({"kind": "iris", "reference": "x"}, "bad-params"),
        ],
    )
    def test_refused(self, desk, credential, reason):
        enrol(desk, "p-5", 6, credential)
        assert desk.refusal == reason
        assert desk.site.view()["people"]["enrolled"] == 4

    @pytest.mark.parametrize("length", [6, 12])
    def test_a_pin_of_six_to_twelve_digits(self, desk, length):
        enrol(desk, "p-5", 6, {"kind": "pin", "reference": "7" * length})
        assert desk.refusal == ""

    @pytest.mark.parametrize(
        ("duress", "reason"),
        [
            ("500010", "pin-too-close"),
            ("499990", "pin-too-close"),
            ("500011", ""),
            ("499989", ""),
        ],
    )
    def test_a_duress_pin_keeps_away_from_every_pin(self, desk, duress, reason):
        enrol(desk, "p-5", 6, {"kind": "pin", "reference": "500000"})
        enrol(desk, "p-6", 7, {"kind": "pin", "reference": duress, "duress": True})
        assert desk.refusal == reason
        enrol(
            desk,
            "p-7",
            8,
            {"kind": "pin", "reference": "600000"},
            {"kind": "pin", "reference": str(int(duress) + 100_000), "duress": True},
        )
        assert desk.refusal == reason

    def test_a_pin_keeps_away_from_every_duress_pin(self, desk):
        enrol(desk, "p-5", 6, {"kind": "pin", "reference": "000001", "duress": True})
        enrol(desk, "p-6", 7, {"kind": "pin", "reference": "000011"})
        assert desk.refusal == "pin-too-close"

    @pytest.mark.parametrize(
        ("pin", "duress", "reason"),
        [
            ("999999", "1000009", "pin-too-close"),
            ("1000009", "999999", "pin-too-close"),
            ("000005", "0000000005", "pin-too-close"),
            ("999999", "1000010", ""),
        ],
    )
    def test_they_are_apart_as_numbers_however_many_digits(self, desk, pin, duress, reason):
        enrol(desk, "p-5", 6, {"kind": "pin", "reference": pin})
        enrol(desk, "p-6", 7, {"kind": "pin", "reference": duress, "duress": True})
        assert desk.refusal == reason

    def test_two_people_cannot_have_one_pin(self, desk):
        enrol(desk, "p-5", 6, {"kind": "pin", "reference": "500000"})
        enrol(desk, "p-6", 7, {"kind": "pin", "reference": "500000"})
        assert desk.refusal == "already-enrolled"

    def test_nothing_that_is_saved_or_recorded_shows_a_pin_or_a_card(self, desk):
        enrol(
            desk,
            "p-5",
            6,
            {"kind": "pin", "reference": "975310"},
            {"kind": "card", "reference": "0A1B2C3D"},
        )
        for told in (desk.saved, desk.events, desk.site.view(), desk.answers):
            assert "975310" not in str(told)
            assert "0A1B2C3D" not in str(told)
