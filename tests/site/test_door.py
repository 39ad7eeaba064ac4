"""A door's strike, contact and exit button: state by input."""

from __future__ import annotations

import pytest

from agent.site.step import Release

ONE = {"people": 1}


@pytest.fixture
def door(make):
    """A door that one person opens."""
    return make(door=ONE)


def granted(door, t=5.0):
    assert door.finger("1", t) == ["access.granted store"]


def unlocked(door, t=5.0):
    granted(door, t)
    assert door.answer("done", t) == ["door.unlocked store"]


def opened(door, t=6.0):
    unlocked(door)
    door.point("board.contact", "alarm", t)
    assert door.to(t + 0.05) == ["door.opened store"]


class TestStrike:
    def test_a_grant_pulses_the_strike_once_it_is_recorded(self, door):
        granted(door)
        (action,) = door.actions
        assert (action.device, action.target, action.verb) == ("board", "strike", "pulse")
        assert action.args == {"for_ms": 5000}
        assert action.release is Release.RECORDED

    def test_it_locks_again_on_the_opening_at_once(self, door):
        opened(door)
        assert (door.actions[-1].verb, door.actions[-1].release) == ("off", Release.NOW)
        assert door.answer("done", 6.1) == ["door.relocked store"]
        assert door.last("door.relocked").data["cause"] == "opened"

    def test_unopened_it_locks_when_its_time_is_over(self, door):
        unlocked(door)
        assert door.to(9.9) == []
        assert door.to(10) == ["door.relocked store"]
        assert door.last("door.relocked").data["cause"] == "time-over"
        assert len(door.actions) == 1  # the host ends the pulse by itself

    def test_a_record_that_came_too_late_is_no_entry(self, door):
        granted(door)
        assert door.answer("cancelled", 5.6) == ["access.denied store"]
        assert door.last("access.denied").data["reason"] == "journal-unavailable"
        assert door.last("access.denied").data["person"] == "p-1"
        door.point("board.contact", "alarm", 6)
        assert door.to(7) == ["door.forced store", "alarm.raised 1"]

    @pytest.mark.parametrize("outcome", ["refused", "unknown"])
    def test_a_strike_that_does_not_answer_is_a_fault_and_is_locked(self, door, outcome):
        granted(door)
        assert door.answer(outcome, 6) == ["door.lock_fault store", "alarm.raised 1"]
        assert [action.verb for action in door.actions] == ["pulse", "off"]  # never a second pulse

    def test_a_strike_that_does_not_lock_is_a_fault(self, door):
        opened(door)
        assert door.answer("unknown", 6.5) == ["door.lock_fault store", "alarm.raised 1"]
        assert len(door.actions) == 2

    def test_opened_before_the_answer_it_is_locked_again_after_it(self, door):
        granted(door)
        door.point("board.contact", "alarm", 5.2)
        door.to(5.3)
        assert [a.verb for a in door.actions] == ["pulse", "off"]
        door.answer("done", 5.4, action=door.actions[0].id)
        assert [a.verb for a in door.actions] == ["pulse", "off", "off"]

    def test_no_strike_moves_at_start_up(self, door):
        unlocked(door)
        door.start(6)
        door.ready(6)
        assert len(door.actions) == 1
        door.to(100)
        assert len(door.actions) == 1

    def test_an_answer_nobody_waits_for_is_nothing(self, door):
        assert door.answer("done", 5, action=77) == []


def test_an_action_that_nobody_ever_answers_is_not_remembered_for_ever(door):
    for number in range(50):
        t = 5 + 20 * number
        granted(door, t) if number == 0 else door.finger("1", t)
        door.answer("done", t)
        door.point("board.contact", "alarm", t + 1)
        door.point("board.contact", "normal", t + 2)  # nobody answers the relock
        door.to(t + 3)
    assert [action.verb for action in door.actions] == ["pulse", "off"] * 50
    assert len(door.site._house.awaiting) <= 2


class TestOpening:
    def test_with_a_grant_it_names_the_people(self, door):
        opened(door)
        assert door.last("door.opened").data["persons"] == ["p-1"]
        assert door.last("door.opened").at == door.now(6)

    def test_without_one_it_is_forced(self, door):
        door.point("board.contact", "alarm", 5)
        assert door.to(6) == ["door.forced store", "alarm.raised 1"]
        assert door.last("door.forced").at == door.now(5)

    def test_dated_before_the_grant_it_is_forced_even_when_told_later(self, door):
        """One batch: the finger at 5.000 is handed over before the opening at 4.999."""
        granted(door, 5)
        opening = door.step(_contact("alarm", 4.999), 5)
        assert opening == []
        assert door.to(5.2) == ["door.forced store", "alarm.raised 1"]
        assert door.actions[-1].verb == "off"

    def test_at_the_grants_own_instant_it_is_the_grants(self, door):
        granted(door, 5)
        door.point("board.contact", "alarm", 5)
        assert door.to(5.1) == ["door.opened store"]

    def test_opening_again_needs_a_new_grant(self, door):
        opened(door)
        door.point("board.contact", "normal", 6.5)
        door.point("board.contact", "alarm", 7)
        assert "door.forced store" in door.to(8)

    def test_after_the_release_it_is_forced(self, door):
        unlocked(door)
        door.to(10)
        door.point("board.contact", "alarm", 10.5)
        assert door.to(11) == ["door.forced store", "alarm.raised 1"]

    def test_a_leaf_already_moving_when_the_strike_falls_back_is_not(self, door):
        unlocked(door)
        door.point("board.contact", "alarm", 10.2)
        assert door.to(11) == ["door.opened store"]

    @pytest.mark.parametrize("state", ["open", "short"])
    def test_a_cut_wire_is_forced_grant_or_not(self, door, state):
        unlocked(door)
        door.point("board.contact", state, 6)
        assert door.to(6.1) == ["door.forced store", "alarm.raised 1"]
        assert door.last("door.forced").data["state"] == state

    def test_a_mended_wire_on_an_open_door_is_no_new_opening(self, door):
        door.point("board.contact", "open", 5)
        door.to(6)
        door.point("board.contact", "alarm", 7)
        assert door.to(8) == []

    def test_open_when_first_seen_it_is_just_open(self, make):
        door = make(door=ONE)
        door.forget("point")
        door.start(5)
        assert door.point("board.contact", "alarm", 5) == ["door.opened store"]

    def test_opened_while_the_board_was_away_it_is_forced(self, door):
        door.device("board", "lost", 5)
        door.device("board", "ready", 60)
        found = door.point("board.contact", "alarm", 60)
        assert found == ["door.forced store", "alarm.raised 2"]

    def test_opened_while_the_daemon_was_away_it_is_forced(self, door):
        door.start(20)
        assert door.point("board.contact", "alarm", 21) == ["door.forced store", "alarm.raised 1"]


class TestLeaving:
    def test_the_button_only_informs(self, door):
        assert door.point("board.rex", "alarm", 5) == ["door.exit_requested store"]
        assert door.actions == []

    def test_asked_again_while_the_door_opens_it_is_not_forced(self, door):
        """The contact's change settles after the second press, and is dated before it."""
        for t in (3, 10):
            door.point("board.rex", "alarm", t)
            door.point("board.rex", "normal", t + 0.5)
        door.point("board.contact", "alarm", 12)
        for t in (12.01, 12.03):
            door.point("board.rex", "alarm", t)
            door.point("board.rex", "normal", t + 0.01)
        assert door.to(13) == ["door.opened store"]

    def test_what_opened_before_it_was_asked_at_all_is_forced(self, door):
        door.point("board.rex", "alarm", 1)
        door.point("board.rex", "normal", 1.1)
        door.point("board.contact", "alarm", 12)
        door.point("board.rex", "alarm", 12.02)
        assert "door.forced store" in door.to(13)

    @pytest.mark.parametrize(("t", "kind"), [(5, "opened"), (15, "opened"), (15.001, "forced")])
    def test_an_opening_soon_after_is_not_forced(self, door, t, kind):
        door.point("board.rex", "alarm", 5)
        door.point("board.contact", "alarm", t)
        assert f"door.{kind} store" in door.to(t + 1)

    def test_it_says_that_somebody_left(self, door):
        door.point("board.rex", "alarm", 5)
        door.point("board.contact", "alarm", 6)
        door.to(7)
        assert door.last("door.opened").data["exit"] is True

    def test_a_restart_forgets_it(self, door):
        door.point("board.rex", "alarm", 5)
        door.start(6)
        assert "door.forced store" in door.point("board.contact", "alarm", 7)


class TestHeld:
    def test_warned_then_held_then_ended(self, door):
        opened(door)
        assert door.to(25.9) == []
        assert door.to(26) == ["door.held_warned store"]
        assert door.to(35.9) == []
        assert door.to(36) == ["door.held store", "alarm.raised 1"]
        assert door.last("door.held").at == door.now(36)
        door.point("board.contact", "normal", 50)
        assert door.to(51) == ["door.closed store", "door.held_ended store"]
        assert door.last("door.held_ended").data["open_s"] == 44

    def test_closed_in_time_it_was_not_held(self, door):
        opened(door)
        door.point("board.contact", "normal", 30)
        assert door.to(200) == ["door.closed store"]

    def test_a_forced_door_is_held_open_too(self, door):
        door.point("board.contact", "alarm", 5)
        assert "door.held store" in door.to(35)

    def test_the_time_goes_on_over_a_restart(self, door):
        opened(door)
        door.start(10)
        door.point("board.contact", "alarm", 10)
        assert door.to(36) == ["door.held_warned store", "door.held store", "alarm.raised 1"]

    def test_what_ran_out_in_the_dark_is_told_when_the_door_was_seen(self, door):
        opened(door)
        door.start(600)
        door.ready(601)  # it was closed meanwhile
        assert "door.held store" not in door.to(1000)

    def test_still_open_after_the_dark_it_is_held_and_dated_then(self, door):
        opened(door)
        door.start(600)
        door.point("board.contact", "alarm", 601)
        assert door.to(615) == ["door.held store", "alarm.raised 1"]
        assert door.last("door.held").at == door.now(615)

    def test_held_is_told_while_the_board_is_away(self, door):
        opened(door)
        door.device("board", "lost", 10)
        assert "door.held store" in door.to(36)


def test_every_input_longer_than_400_ms_is_processed_at_the_longest_debounce(make):
    door = make(door=ONE | {"debounce_ms": 300})
    door.point("board.contact", "alarm", 5)
    door.point("board.contact", "normal", 5.4)
    assert door.to(6) == ["door.closed store"]
    assert door.count("door.forced") == 1


def test_the_view_tells_nobodys_name(door):
    opened(door)
    assert "p-1" not in str(door.site.view())


def _contact(state, t):
    from agent.site.inputs import PointRead, PointState

    return PointRead("board", "contact", PointState(state), round(t * 1_000_000))
