"""Who may enter: people, factors, window."""

from __future__ import annotations

import pytest

from agent.site.inputs import CredentialRead
from tests.site.conftest import SECOND

GRANTED = ["access.granted store"]


def denied(play, reason, person=None):
    data = play.last("access.denied").data
    assert data["reason"] == reason
    assert data.get("person") == person


class TestTwoPeople:
    def test_two_different_people_inside_the_window(self, play):
        assert play.finger("1", 5) == ["access.pending store"]
        assert play.last("access.pending").data == {"area": "hall", "person": "p-1", "needed": 1}
        assert play.actions == []
        assert play.finger("2", 10) == GRANTED
        assert play.last("access.granted").data["persons"] == ["p-1", "p-2"]
        assert len(play.actions) == 1

    def test_exactly_at_the_end_is_inside(self, play):
        play.finger("1", 5)
        assert play.finger("2", 35) == GRANTED

    def test_a_microsecond_later_is_not(self, play):
        play.finger("1", 5)
        assert play.finger("2", 35.000001) == ["access.denied store", "access.pending store"]
        denied(play, "second-person-missing", "p-1")
        assert play.actions == []

    def test_a_reading_inside_it_may_be_told_after_its_end(self, play):
        play.finger("1", 5)
        assert play.site.due_us() == 35_000_001
        assert play.site.wake_us() == 36_500_001  # the runtime lets readers take their time
        told = play.step(CredentialRead("reader", "finger", "2", 35 * SECOND), 36.2)
        assert told == GRANTED

    def test_what_happened_later_ends_it_at_its_end_all_the_same(self, play):
        play.finger("1", 5)
        late = play.step(CredentialRead("reader", "finger", "2", 35 * SECOND + 1), 36.2)
        assert late == ["access.denied store", "access.pending store"]
        assert play.last("access.denied").at.mono_us == 35_000_001

    def test_nobody_comes(self, play):
        play.finger("1", 5)
        assert play.to(35) == []
        assert play.to(35.000001) == ["access.denied store"]
        denied(play, "second-person-missing", "p-1")
        assert play.to(100) == []

    def test_the_same_person_again_changes_nothing(self, play):
        play.finger("1", 5)
        assert play.finger("1", 20) == ["access.denied store"]
        denied(play, "same-person", "p-1")
        assert play.finger("2", 35) == GRANTED  # neither ended nor ...
        play.answer()
        play.to(60)
        play.finger("1", 100)
        play.finger("1", 129)
        assert "access.pending store" in play.finger("2", 131)  # ... extended

    def test_another_finger_of_the_same_person_is_the_same_person(self, play):
        play.saved["person/p-1"]["credentials"].append({"kind": "finger", "reference": "reader:7"})
        play.reborn = True
        play.finger("1", 5)
        play.finger("7", 6)
        denied(play, "same-person", "p-1")
        assert play.actions == []

    def test_a_stranger_in_between_changes_nothing(self, play):
        play.finger("1", 5)
        assert play.finger(None, 6) == ["access.denied store"]
        denied(play, "unknown")
        assert play.finger("2", 7) == GRANTED

    def test_a_restart_sends_the_waiting_person_away(self, play):
        play.finger("1", 5)
        assert "access.denied store" in play.start(6)
        play.ready(6)
        assert play.finger("2", 7) == ["access.pending store"]

    @pytest.mark.parametrize("people", [3, 4])
    def test_more_people(self, make, people):
        play = make(door={"people": people})
        play.enrol("p-5")
        fingers = ["1", "2", "3", "5"][:people]
        for number, finger in enumerate(fingers[:-1]):
            assert play.finger(finger, 5 + number) == ["access.pending store"]
        assert play.finger(fingers[-1], 35) == GRANTED


class TestOnSite:
    def test_who_is_on_site_is_counted_for_two_minutes(self, play):
        on_site = lambda t: play.site.on_site(play.now(t))  # noqa: E731
        assert on_site(4) == {"people": 0}
        play.finger("1", 5)
        assert on_site(5) == {"people": 1, "left_s": 120}
        play.finger("1", 6)
        play.finger("2", 25)
        assert on_site(26) == {"people": 2, "left_s": 100}
        assert on_site(127) == {"people": 1, "left_s": 18}
        assert on_site(146) == {"people": 0}

    def test_a_visitor_is_not_counted_on_site(self, play):
        play.enrol("p-9", "visitor")
        before = play.site.on_site(play.now(9))
        play.finger("9", 10)
        assert play.site.on_site(play.now(10)) == before


class TestRefused:
    def test_a_finger_that_the_module_knows_but_nobody_has(self, play):
        play.finger("99", 5)
        denied(play, "unknown")

    def test_a_finger_that_was_read_badly(self, play):
        play.step(CredentialRead("reader", "finger", None, 5_000_000, score=12), 5)
        denied(play, "low-score")
        assert play.last("access.denied").data["score"] == 12

    def test_the_wrong_role(self, play):
        play.finger("4", 5)
        denied(play, "role", "p-4")

    def test_a_visitor_never_counts(self, play):
        play.enrol("p-9", "visitor")
        play.finger("9", 5)
        denied(play, "role", "p-9")

    def test_somebody_removed(self, play):
        play.enrol("p-9", revoked=True)
        play.finger("9", 5)
        denied(play, "revoked", "p-9")

    @pytest.mark.parametrize(
        ("t", "reason"), [(9, "not-yet-valid"), (10, ""), (19, ""), (20, "expired")]
    )
    def test_validity_ends_at_its_very_instant(self, play, t, reason):
        start = play.utc_us
        play.enrol("p-9", valid_from_us=start + 10_000_000, valid_to_us=start + 20_000_000)
        found = play.finger("9", t)
        if reason:
            denied(play, reason, "p-9")
        else:
            assert found == ["access.pending store"]

    def test_setting_the_clock_back_revives_nobody(self, play):
        from agent.site.inputs import ClockStepped

        play.enrol("p-9", valid_to_us=play.utc_us + 20_000_000)
        play.finger("9", 30)
        denied(play, "expired", "p-9")
        before = play.utc_us + 30_000_000
        play.utc_us -= 3_600_000_000
        play.step(ClockStepped(before, before - 3_600_000_000, 31_000_000), 31)
        play.finger("9", 32)
        denied(play, "expired", "p-9")

    def test_only_a_closed_door_is_granted(self, play):
        play.point("board.rex", "alarm", 4)
        play.point("board.contact", "alarm", 4)
        play.to(5)
        play.finger("1", 5)
        denied(play, "door-open", "p-1")

    def test_a_door_that_nobody_sees_is_not_closed(self, play):
        play.device("board", "lost", 4)
        play.finger("1", 5)
        denied(play, "door-open", "p-1")

    def test_a_door_that_has_just_moved_is_not_closed(self, play):
        play.point("board.contact", "alarm", 4.99)
        play.finger("1", 5)
        denied(play, "door-open", "p-1")

    def test_a_look_alike_of_the_reader_identifies_nobody(self, play):
        play.device("reader", "ready", 4, serial="a")
        play.device("reader", "ready", 5, serial="b")
        play.finger("1", 6)
        denied(play, "unknown", "p-1")


class TestLockout:
    def wrong(self, play, t, times, reader="reader"):
        for number in range(times):
            play.finger(None, t + number, reader=reader)

    def test_after_so_many_wrong_attempts_nobody_enters_for_a_while(self, play):
        self.wrong(play, 5, 5)
        assert play.site.view()["doors"][0]["access"]["locked_out"] == ["reader"]
        play.finger("1", 10)
        denied(play, "lockout", "p-1")
        play.finger("1", 68.9)
        denied(play, "lockout", "p-1")
        assert play.finger("1", 69) == ["access.pending store"]

    def test_one_less_is_none(self, play):
        self.wrong(play, 5, 4)
        assert play.finger("1", 10) == ["access.pending store"]
        self.wrong(play, 11, 4)  # whoever is known begins the count anew
        assert play.finger("2", 16) == GRANTED

    def test_known_people_make_no_wrong_attempts(self, play):
        for t in range(10):
            play.finger("4", 5 + t)
        denied(play, "role", "p-4")

    def test_it_is_the_readers(self, make):
        play = make(door={"reader_in": ["reader", "lobby"], "people": 1})
        play.saved["person/p-1"]["credentials"].append({"kind": "finger", "reference": "lobby:1"})
        play.enrol("p-5")
        self.wrong(play, 5, 5)
        play.finger("1", 10)
        denied(play, "lockout", "p-1")
        assert play.finger("1", 11, reader="lobby") == GRANTED

    def test_duress_is_told_during_it(self, play):
        play.enrol("p-1", credentials=[{"kind": "finger", "reference": "reader:1", "duress": True}])
        self.wrong(play, 5, 5)
        assert play.finger("1", 10)[:2] == ["duress.raised store", "alarm.raised d1"]
        denied(play, "lockout", "p-1")

    def test_it_lasts_over_a_restart(self, play):
        self.wrong(play, 5, 5)
        play.start(10)
        play.ready(10)
        play.finger("1", 11)
        denied(play, "lockout", "p-1")


class TestFactors:
    @pytest.fixture
    def both(self, make):
        play = make(door={"factors": ["finger", "pin"], "people": 1})
        keep = play.site._house.people.keep  # a digest under this site's own key
        for person, pin in (("p-1", "111111"), ("p-2", "222222")):
            play.saved[f"person/{person}"]["credentials"].append(
                {"kind": "pin", "reference": keep("pin", pin)}
            )
        play.enrol("p-3", "guard")
        return play

    def test_all_factors_in_any_order(self, both):
        assert both.finger("1", 5) == []
        assert both.pin("111111", 6) == GRANTED
        both.answer()
        both.to(20)
        assert both.pin("222222", 20) == []
        assert both.finger("2", 21) == GRANTED

    def test_one_persons_finger_and_anothers_pin_are_two_halves(self, both):
        both.finger("1", 5)
        assert both.pin("222222", 6) == []
        assert both.actions == []
        assert both.to(40) == ["access.denied store", "access.denied store"]
        denied(both, "factor-missing", "p-2")

    def test_whoever_waits_and_shows_a_factor_again_is_told_once(self, make):
        play = make(door={"factors": ["finger", "pin"]})
        keep = play.site._house.people.keep
        for person, pin in (("p-1", "111111"), ("p-2", "222222")):
            pin = {"kind": "pin", "reference": keep("pin", pin)}
            play.saved[f"person/{person}"]["credentials"].append(pin)
        play.enrol("p-3", "guard")
        play.finger("1", 5)
        play.pin("111111", 6)
        play.finger("1", 7)
        denied(play, "same-person", "p-1")
        play.finger("2", 8)
        assert play.pin("222222", 9) == GRANTED
        play.to(100)
        assert play.count("access.denied") == 1

    def test_the_same_factor_twice_is_one(self, both):
        both.finger("1", 5)
        assert both.finger("1", 6) == []
        assert both.actions == []

    def test_a_wrong_pin_is_a_strangers(self, both):
        both.finger("1", 5)
        assert both.pin("999999", 6) == ["access.denied store"]
        denied(both, "unknown")
        assert "999999" not in str(both.events)

    def test_a_factor_that_the_door_does_not_take(self, make):
        play = make()
        keep = play.site._house.people.keep
        play.enrol("p-1", credentials=[{"kind": "pin", "reference": keep("pin", "111111")}])
        play.pin("111111", 5)
        denied(play, "factor-missing", "p-1")


class TestDuress:
    @pytest.fixture
    def forced(self, make):
        play = make()
        play.saved["person/p-1"]["credentials"].append(
            {"kind": "finger", "reference": "reader:11", "duress": True}
        )
        play.enrol("p-2")
        return play

    def test_it_opens_as_usual_and_tells_the_monitor(self, forced):
        assert forced.finger("11", 5) == [
            "duress.raised store",
            "alarm.raised d1",
            "access.pending store",
        ]
        assert forced.finger("2", 6) == GRANTED

    def test_it_is_told_when_refused_too(self, forced):
        forced.point("board.contact", "alarm", 4)
        forced.to(4.5)
        found = forced.finger("11", 5)
        assert found[:2] == ["duress.raised store", "alarm.raised d1"]
        denied(forced, "door-open", "p-1")

    def test_nothing_on_site_shows_it(self, make):
        """The same night with the plain finger and with the other: the same on site."""
        views, actions, shown = [], [], []
        for finger in ("1", "11"):
            play = make()
            play.saved["person/p-1"]["credentials"].append(
                {"kind": "finger", "reference": "reader:11", "duress": True}
            )
            play.enrol("p-2")
            play.finger(finger, 5)
            play.command("alarm.acknowledge", 5.5, alarm="d1")
            play.finger("2", 6)
            play.answer("done", 6)
            play.point("board.contact", "alarm", 7)
            play.to(2000)
            play.point("board.panic", "alarm", 2000)
            views.append(play.site.view())
            actions.append(play.actions)
            hidden = [e for e in play.events if e.data.get("hidden")]
            shown.append(
                [e for e in play.events if not e.data.get("hidden") and e.kind[:7] != "command"]
            )
            assert (hidden != []) == (finger == "11")
        assert views[0] == views[1]
        assert actions[0] == actions[1]
        assert shown[0] == shown[1]
