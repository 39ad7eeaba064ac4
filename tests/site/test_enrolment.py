"""Who becomes known: the bootstrap, and two officers from then on."""

from __future__ import annotations

import pytest

from tests.site.enrolling import enrol, officers_there

FINGER = {"kind": "finger", "reference": "reader:5"}


def counted(play):
    return play.site.enrolled(play.now(play.t))


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

    def test_they_are_listed_by_name_whoever_came_first(self, fresh):
        enrol(fresh, "p-2", 5, roles=["officer"])
        enrol(fresh, "p-1", 6, roles=["officer"])
        assert [one["id"] for one in fresh.site.people(fresh.now(7))] == ["p-1", "p-2"]

    def test_it_makes_officers_only(self, fresh):
        enrol(fresh, "p-1", 5, roles=["guard"])
        assert fresh.refusal == "officers-first"

    def test_it_lasts_until_both_can_be_identified_at_a_door(self, fresh):
        card = {"kind": "card", "reference": "0A1B"}
        enrol(fresh, "p-1", 5, card, roles=["officer"])
        assert fresh.command("person.enrol", 6, person="p-2", roles=["officer"])[0] == (
            "person.enrolled p-2"
        )
        assert fresh.last("person.enrolled").data["credentials"] == []
        assert counted(fresh)["bootstrap"] is True
        for person in ("p-1", "p-2"):
            fresh.command("finger.enrol", 7, person=person, reader="reader")
            assert fresh.refusal == ""
            fresh.answer("done", 8)
            changed = fresh.last("person.changed")
            assert (changed.object, changed.data["bootstrap"]) == (person, True)
        assert counted(fresh)["bootstrap"] is False
        fresh.command("finger.enrol", 9, person="p-1", reader="reader")
        assert fresh.refusal == "two-officers-needed"
        fresh.finger("0", 10)
        assert fresh.finger("1", 11) == ["access.granted store"]

    def test_it_makes_two_and_no_more_however_long_they_are_incomplete(self, fresh):
        for person in ("p-1", "p-2", "p-5"):
            fresh.command("person.enrol", 5, person=person, roles=["officer"])
        assert fresh.refusal == "two-officers-needed"
        enrol(fresh, "p-3", 6)
        assert fresh.refusal == "two-officers-needed"

    def test_it_goes_on_after_a_restart(self, fresh):
        fresh.command("person.enrol", 5, person="p-1", roles=["officer"])
        fresh.start(6)
        fresh.ready(6)
        enrol(fresh, "p-1", 7, roles=["officer"])
        assert fresh.refusal == ""
        enrol(fresh, "p-2", 8, roles=["officer"])
        assert counted(fresh)["bootstrap"] is False

    def test_officers_whose_time_is_over_do_not_end_it(self, fresh):
        for person in ("p-1", "p-2"):
            enrol(fresh, person, 5, roles=["officer"], valid_to="2020-01-01T00:00:00+00:00")
        assert counted(fresh)["bootstrap"] is True
        for person in ("p-1", "p-2"):
            fresh.command("person.enrol", 6, person=person, roles=["officer"])
        assert counted(fresh)["bootstrap"] is False

    def test_a_door_of_two_factors_takes_two(self, make):
        play = make(door={"factors": ["finger", "pin"]})
        play.forget("person")
        play.forget("enrolment")
        enrol(play, "p-1", 5, roles=["officer"])
        enrol(play, "p-2", 6, roles=["officer"])
        assert counted(play)["bootstrap"] is True
        for person, pin in (("p-1", "271828"), ("p-2", "314159")):
            play.command("credential.add", 7, person=person, kind="pin", reference=pin)
            assert play.refusal == ""
        assert counted(play)["bootstrap"] is False

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

    @pytest.mark.parametrize(
        ("name", "more"),
        [
            ("person.remove", {}),
            ("person.enrol", {"roles": ["guard"], "valid_to": "2026-11-01T00:00:00+00:00"}),
        ],
    )
    def test_whoever_is_removed_or_expired_is_on_site_no_more(self, play, name, more):
        play.enrol("p-5", "guard")
        play.finger("3", 5)
        play.to(36)
        play.finger("5", 36)
        play.to(67)
        officers_there(play, 67)
        play.command(name, 68, person="p-3", **more)
        assert play.refusal == ""
        assert play.site.on_site(play.now(68))["people"] == 3
        play.command("site.lock_down", 69)
        play.command("site.lift_lockdown", 70)
        assert play.last("system.lockdown_lifted").data["persons"] == ["p-1", "p-2", "p-5"]

    def test_an_officer_that_has_expired_since_allows_nothing(self, play):
        play.enrol("p-2", valid_to_us=play.now(10).utc_us)
        officers_there(play, 5)
        enrol(play, "p-7", 10)
        assert play.refusal == "two-officers-needed"

    def test_two_officers_remain(self, play):
        officers_there(play, 5)
        play.command("person.remove", 6, person="p-1")
        assert play.refusal == "last-officers"
        enrol(play, "p-1", 7, roles=["guard"])
        assert play.refusal == "last-officers"

    def test_two_who_can_be_identified(self, play):
        officers_there(play, 5)
        card = {"kind": "card", "reference": "0A1B"}
        enrol(play, "p-1", 6, card, roles=["officer"])
        assert play.refusal == "last-officers"
        play.command("credential.remove", 7, person="p-1", kind="finger")
        assert play.refusal == "last-officers"
        play.command("credential.add", 8, person="p-1", **card)
        play.command("credential.remove", 9, person="p-1", kind="card")
        assert play.refusal == ""

    @pytest.mark.parametrize(
        "times",
        [
            {"valid_to": "2020-01-01T00:00:00+00:00"},
            {"valid_from": "2030-01-01T00:00:00+00:00"},
        ],
    )
    def test_two_who_are_valid_now(self, play, times):
        officers_there(play, 5)
        play.command("person.enrol", 6, person="p-1", roles=["officer"], **times)
        assert play.refusal == "last-officers"
        enrol(play, "p-5", 7, roles=["officer"])
        play.command("person.enrol", 8, person="p-1", roles=["officer"], **times)
        assert play.refusal == ""

    def test_one_who_has_expired_counts_as_an_officer_no_more(self, play):
        play.enrol("p-5", "officer", valid_to_us=play.now(10).utc_us)
        there = play.site.enrolled(play.now(9))
        gone = play.site.enrolled(play.now(10))
        assert gone == there | {"officers": there["officers"] - 1}

    def test_one_who_has_expired_is_none_of_the_two(self, play):
        play.enrol("p-5", valid_to_us=1)
        officers_there(play, 5)
        play.command("person.remove", 6, person="p-1")
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

    def test_a_change_without_credentials_keeps_them(self, make):
        play = make(door={"people": 1})
        officers_there(play, 5)
        play.command("person.enrol", 6, person="p-3", roles=["guard", "technician"])
        assert play.last("person.changed").data["credentials"] == ["finger"]
        assert play.finger("3", 7) == ["access.granted store"]

    def test_the_reader_forgets_a_finger_that_is_nobodys_any_more(self, play):
        officers_there(play, 5)
        play.actions.clear()
        enrol(play, "p-3", 6, FINGER)
        (action,) = play.actions
        assert (action.verb, action.target, action.release) == ("delete", "3", "recorded")
        assert play.answer("done", 7) == ["device.template_deleted reader"]

    def test_validity_is_given_with_its_zone(self, play):
        officers_there(play, 5)
        enrol(play, "p-5", 6, valid_to="2026-11-02T00:01:00+00:00")
        assert play.refusal == ""
        play.finger("5", 61)
        assert play.last("access.denied").data["reason"] == "expired"
        enrol(play, "p-6", 62, valid_to="2026-11-02T00:01:00")
        assert play.refusal == "bad-params"


class TestList:
    def test_who_is_known_by_what_and_where(self, make):
        play = make(door={"factors": ["finger", "pin"]})
        plain = [
            {"kind": "finger", "reference": "reader:9"},
            {"kind": "pin", "reference": "x"},
        ]
        play.enrol("p-5", "guard", "technician", credentials=plain, valid_to_us=play.utc_us)
        play.enrol("p-6", revoked=True)
        listed = {one["id"]: one for one in play.site.people(play.now(5))}
        assert listed["p-5"] == {
            "id": "p-5",
            "roles": ["guard", "technician"],
            "known_by": ["finger", "pin"],
            "valid_from_us": None,
            "valid_to_us": play.utc_us,
            "schedule": None,
            "state": "expired",
            "doors": ["store"],
        }
        assert (listed["p-1"]["state"], listed["p-1"]["doors"]) == ("known", [])
        assert listed["p-6"]["state"] == "revoked"

    def test_nothing_tells_who_can_call_for_help(self, make):
        def listed(*more):
            play = make()
            one = {"kind": "finger", "reference": "reader:9"}
            play.enrol("p-5", credentials=[one, *more])
            return play.site.people(play.now(5))

        help_ = {"kind": "finger", "reference": "reader:8", "duress": True}
        assert listed() == listed(help_) == listed(help_ | {"duress": False})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"roles": ["visitor"]}, "role"),
        ({"roles": ["guard"], "valid_to": "2020-01-01T00:00:00Z"}, "expired"),
        ({"roles": ["guard"], "valid_from": "2030-01-01T00:00:00Z"}, "not-yet-valid"),
        ({"roles": ["guard", "officer"]}, None),
    ],
)
def test_whoever_is_changed_while_they_wait_is_let_in_only_if_they_still_may(play, change, reason):
    officers_there(play, 5)
    play.answer("done", 6.1)
    play.to(20)
    play.finger("3", 21)
    happened = play.ask("person.enrol", {"person": "p-3"} | change, 22)
    assert play.refusal == ""
    assert ("access.denied store" in happened) is (reason is not None)
    if reason:
        assert play.last("access.denied").data["reason"] == reason
    assert ("access.granted store" in play.finger("2", 25)) is (reason is None)
