"""What else keeps people out of a door, and lets them in: the house around it."""

from __future__ import annotations

import pytest

from tests.site.conftest import TABLES

GRANTED = ["access.granted store"]
OFFICE = TABLES["door"][0] | {
    "id": "office",
    "reader_in": "lobby",
    "strike": "board.strike-2",
    "contact": "board.contact-2",
    "rex": None,
    "people": 1,
}
BOTH_SIDES = {"people": 1, "reader_out": "lobby", "antipassback": "hard"}


def denied(play, reason, person=None):
    data = play.last("access.denied").data
    assert data["reason"] == reason
    assert data.get("person") == person


def go_in(play, finger, t):
    """Be let in and go through the door."""
    found = play.finger(finger, t)
    play.answer("done", t)
    play.point("board.contact", "alarm", t + 1)
    play.point("board.contact", "normal", t + 2)
    play.to(t + 3)
    return found


def lay(play, person, reader):
    """Give a person the same finger at another reader."""
    number = person[2:]
    play.saved[f"person/{person}"]["credentials"].append(
        {"kind": "finger", "reference": f"{reader}:{number}"}
    )
    play.enrol("p-99")


class TestInterlock:
    @pytest.fixture
    def lock(self, make):
        store = TABLES["door"][0] | {"people": 1, "interlock": ["office"]}
        play = make(door=[store, OFFICE])
        assert list(play.plan.mistakes()) == []
        return play

    def test_the_other_is_open(self, lock):
        lock.point("board.contact-2", "alarm", 4)
        lock.to(5)
        lock.finger("1", 5)
        denied(lock, "interlock", "p-1")

    def test_the_other_is_unlocked(self, lock):
        lay(lock, "p-2", "lobby")
        assert lock.finger("2", 5, reader="lobby") == ["access.granted office"]
        lock.finger("1", 6)
        denied(lock, "interlock", "p-1")
        lock.answer("done", 6, action=1)
        lock.to(12)
        assert lock.finger("1", 12) == GRANTED

    def test_nobody_sees_the_other(self, lock):
        lock.point("board.contact-2", "unknown", 4)
        lock.finger("1", 5)
        denied(lock, "interlock", "p-1")


class TestPassback:
    @pytest.fixture
    def both(self, make):
        play = make(door=BOTH_SIDES)
        lay(play, "p-1", "lobby")
        return play

    def test_inside_one_does_not_come_in_again(self, both):
        go_in(both, "1", 5)
        both.finger("1", 20)
        denied(both, "anti-passback", "p-1")

    def test_a_grant_that_nobody_used_is_no_entry(self, both):
        both.finger("1", 5)
        both.answer("done", 5)
        both.to(15)
        assert both.finger("1", 20) == GRANTED

    def test_leaving_is_never_refused(self, both):
        assert both.finger("1", 5, reader="lobby") == GRANTED
        assert both.last("access.granted").data["exit"] is True
        assert both.finger("1", 6, reader="lobby") == GRANTED
        assert both.finger(None, 7, reader="lobby") == ["door.exit_requested store"]
        assert both.actions == []  # leaving is mechanical

    def test_whoever_left_may_come_in_again(self, both):
        go_in(both, "1", 5)
        both.finger("1", 20, reader="lobby")
        assert go_in(both, "1", 30) == GRANTED

    def test_leaving_by_the_reader_forces_no_door(self, both):
        go_in(both, "1", 5)
        both.finger("1", 20, reader="lobby")
        both.point("board.contact", "alarm", 22)
        both.to(23)
        assert both.last("door.opened").data["exit"] is True
        assert both.count("door.forced") == 0

    def test_after_a_restart_it_is_soft(self, both):
        go_in(both, "1", 5)
        both.start(20)
        both.ready(20)
        assert both.finger("1", 21) == GRANTED
        assert both.last("access.granted").data["passback"] == ["p-1"]

    def test_after_twelve_hours_it_is_forgotten(self, both):
        go_in(both, "1", 5)
        assert both.site.view()
        both.to(6 + 12 * 3600 + 1)
        assert both.finger("1", 12 * 3600 + 10) == GRANTED
        assert "passback" not in both.last("access.granted").data

    def test_full_arming_clears_it(self, both):
        go_in(both, "1", 5)
        both.command("area.arm", 20, area="hall", origin="monitor")
        both.to(70)
        both.finger("2", 80)
        both.finger("3", 80)
        both.command("area.disarm", 81, area="hall")
        assert both.refusal == ""
        assert both.finger("1", 90) == GRANTED

    def test_two_officers_clear_it(self, both):
        go_in(both, "1", 5)
        both.command("area.clear_passback", 20, area="hall")
        assert both.refusal == "two-officers-needed"
        go_in(both, "2", 30)
        assert (
            both.command("area.clear_passback", 40, area="hall")[0] == "area.passback_cleared hall"
        )
        assert both.finger("1", 50) == GRANTED

    def test_soft_lets_in_and_says_so(self, make):
        play = make(door=BOTH_SIDES | {"antipassback": "soft"})
        go_in(play, "1", 5)
        assert play.finger("1", 20) == GRANTED
        assert play.last("access.granted").data["passback"] == ["p-1"]

    def test_without_a_reader_inside_nobody_is_known_to_be_inside(self, make):
        play = make(door={"people": 1})
        go_in(play, "1", 5)
        assert play.finger("1", 20) == GRANTED
        assert "passback" not in play.last("access.granted").data

    def test_a_lone_person_in_a_store_for_two(self, make):
        play = make(door=BOTH_SIDES | {"people": 2})
        lay(play, "p-1", "lobby")
        play.finger("1", 4)
        go_in(play, "2", 5)
        assert play.finger("1", 20, reader="lobby")[-1] == "area.left_alone hall"
        assert play.last("area.left_alone").data["person"] == "p-2"


class TestLockdown:
    def test_nobody_enters_and_whoever_waits_is_sent_away(self, play):
        play.finger("1", 5)
        found = play.command("site.lock_down", 6)
        assert found == ["system.locked_down test-1", "access.denied store", "command.done c-0"]
        denied(play, "lockdown", "p-1")
        play.finger("2", 7)
        denied(play, "lockdown", "p-2")
        assert play.site.view()["lockdown"] is True

    def test_an_unlocked_door_is_locked(self, make):
        play = make(door={"people": 1})
        play.finger("1", 5)
        play.answer("done", 5)
        play.command("site.lock_down", 6, origin="monitor")
        assert play.actions[-1].verb == "off"

    def test_leaving_goes_on(self, play):
        play.command("site.lock_down", 5)
        play.point("board.rex", "alarm", 6)
        play.point("board.contact", "alarm", 7)
        assert play.to(8) == ["door.opened store"]

    def test_two_people_on_site_lift_it(self, play):
        play.command("site.lock_down", 5)
        play.command("site.lift_lockdown", 6)
        assert play.refusal == "not-on-site"
        play.finger("1", 7)
        play.command("site.lift_lockdown", 8)
        assert play.refusal == "more-people-needed"
        play.finger("3", 9)
        found = play.command("site.lift_lockdown", 10)
        assert found[0] == "system.lockdown_lifted test-1"
        assert play.finger("1", 11) == ["access.pending store"]

    def test_the_monitor_does_not_lift_it(self, play):
        play.command("site.lock_down", 5)
        play.command("site.lift_lockdown", 6, origin="monitor")
        assert play.refusal == "not-from-here"

    def test_it_lasts_over_a_restart(self, play):
        play.command("site.lock_down", 5)
        play.start(6)
        play.ready(6)
        play.finger("1", 7)
        denied(play, "lockdown", "p-1")

    def test_on_is_on_and_off_is_off(self, play):
        play.command("site.lift_lockdown", 5)
        assert play.refusal == "wrong-mode"
        play.command("site.lock_down", 6)
        play.command("site.lock_down", 7)
        assert play.refusal == "wrong-mode"


class TestHours:
    @pytest.fixture
    def office_hours(self, make):
        def made(**more):
            week = {"mon": ["08:00-18:00"]}
            schedule = {"id": "days", "tz": "UTC", "week": week, **more}
            play = make(door={"people": 1}, schedule=[schedule])
            play.enrol("p-3", "guard", schedule="days")
            return play

        return made

    def test_inside_and_outside(self, office_hours):
        play = office_hours()
        play.finger("3", 8 * 3600 - 1)
        denied(play, "schedule", "p-3")
        assert play.finger("3", 8 * 3600) == GRANTED

    def test_on_a_holiday(self, office_hours):
        import datetime

        play = office_hours(holidays=[datetime.date(2026, 11, 2)])
        play.finger("3", 9 * 3600)
        denied(play, "schedule", "p-3")

    def test_who_has_none_comes_at_any_hour(self, office_hours):
        assert office_hours().finger("1", 5) == GRANTED

    def test_a_schedule_that_left_the_file_lets_nobody_in(self, make):
        play = make(door={"people": 1})
        play.enrol("p-3", "guard", schedule="gone")
        play.finger("3", 5)
        denied(play, "schedule", "p-3")

    def test_an_untrusted_clock_where_the_schedule_says_deny(self, office_hours):
        play = office_hours(untrusted_clock="deny")
        play.trusted = False
        play.finger("3", 9 * 3600)
        denied(play, "clock-untrusted", "p-3")

    def test_with_an_untrusted_clock_an_officer_must_be_among_them(self, make):
        play = make()
        play.enrol("p-5", "guard")
        play.trusted = False
        play.finger("3", 5)
        play.finger("5", 6)
        denied(play, "clock-untrusted", "p-5")
        assert play.finger("1", 7) == GRANTED


class TestBolt:
    @pytest.fixture
    def bolted(self, make):
        return make(door={"bolt": "board.bolt", "people": 1})

    def test_in_agreement_nothing_is_told(self, bolted):
        bolted.finger("1", 5)
        bolted.answer("done", 5)
        bolted.point("board.bolt", "alarm", 5.2)
        bolted.point("board.contact", "alarm", 6)
        bolted.to(6.1)
        bolted.answer("done", 6.1)
        bolted.to(20)
        bolted.point("board.contact", "normal", 20)
        bolted.point("board.bolt", "normal", 21)
        bolted.to(100)
        assert bolted.count("door.lock_fault") == 0

    def test_locked_and_shut_but_not_thrown(self, bolted):
        bolted.point("board.bolt", "alarm", 5)
        assert bolted.to(9.9) == []
        assert bolted.to(10) == ["door.lock_fault store", "alarm.raised 1"]
        assert bolted.last("door.lock_fault").data["reason"] == "bolt-not-thrown"
        assert bolted.to(100) == []  # once

    def test_thrown_beside_an_open_door(self, bolted):
        bolted.point("board.rex", "alarm", 5)
        bolted.point("board.contact", "alarm", 6)
        assert "door.lock_fault store" in bolted.to(12)
        assert bolted.last("door.lock_fault").data["reason"] == "bolt-thrown"


def test_whoever_is_removed_no_longer_waits(play):
    play.finger("2", 5)
    play.finger("1", 6)
    play.answer("done", 6)
    play.to(20)
    play.enrol("p-5")
    play.finger("5", 20)
    assert play.command("person.remove", 21, person="p-5")[:2] == [
        "person.removed p-5",
        "access.denied store",
    ]
    denied(play, "revoked", "p-5")
    assert play.finger("1", 22) == ["access.pending store"]


def test_whoever_waits_with_somebody_who_is_removed_is_told_why(make):
    play = make(door={"people": 4})
    for t, finger in ((10, "1"), (11, "3"), (12, "2")):
        play.finger(finger, t)
    play.command("person.remove", 13, person="p-3")
    told = [(e.data["person"], e.data["reason"]) for e in play.events if "denied" in e.kind]
    missing = "second-person-missing"
    assert told == [("p-3", "revoked"), ("p-1", missing), ("p-2", missing)]


def test_whoever_is_removed_with_half_of_their_factors_shown_is_told(make):
    play = make(door={"factors": ["finger", "pin"]})
    for finger in ("1", "2"):
        lay(play, f"p-{finger}", "lobby")
        play.finger(finger, 10, reader="lobby")
    play.finger("3", 12)
    play.command("person.remove", 13, person="p-3")
    denied(play, "revoked", "p-3")
    play.to(100)
    assert play.count("access.denied") == 1
