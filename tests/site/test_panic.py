"""The panic button: state by input, each cell once."""

from __future__ import annotations

import pytest

RAISED = ["panic.raised desk", "alarm.raised 1"]


@pytest.mark.parametrize("state", ["alarm", "open", "short"])
def test_a_press_or_a_cut_wire_is_an_alarm_at_once(play, state):
    assert play.point("board.panic", state, 5) == RAISED
    event = play.last("panic.raised")
    assert event.at == play.now(5)
    assert event.data == {"area": "hall", "state": state, "silent": True}
    assert play.last("alarm.raised").data["silent"] is True
    assert play.actions == []  # nothing sounds


def test_it_is_heard_again_until_the_monitor_acknowledges(play):
    play.point("board.panic", "alarm", 5)
    assert play.point("board.panic", "normal", 6) == ["point.normal board.panic"]
    assert play.to(34.9) == []
    assert play.to(35) == ["panic.repeated desk"]
    assert play.to(65) == ["panic.repeated desk"]
    assert play.last("panic.repeated").data["times"] == 2
    play.command("alarm.acknowledge", 70, alarm="1", origin="local")
    assert play.to(95) == ["panic.repeated desk"]  # a person on site is not the monitor
    play.command("alarm.acknowledge", 96, alarm="1", origin="monitor")
    assert play.refusal == ""
    assert play.to(800) == []


def test_a_second_press_is_told_at_once_and_starts_the_wait_anew(play):
    play.point("board.panic", "alarm", 5)
    play.point("board.panic", "normal", 6)
    assert play.point("board.panic", "alarm", 20) == ["panic.repeated desk"]
    assert play.last("panic.repeated").data["cause"] == "pressed"
    assert play.to(49.9) == []
    assert play.to(50) == ["panic.repeated desk"]


def test_a_press_after_the_acknowledgement_is_a_new_alarm(play):
    play.point("board.panic", "alarm", 5)
    play.point("board.panic", "normal", 6)
    play.command("alarm.acknowledge", 7, alarm="1", origin="monitor")
    assert play.point("board.panic", "alarm", 8) == ["panic.raised desk", "alarm.raised 2"]


def test_closing_its_alarm_here_does_not_end_the_repeats(play):
    play.point("board.panic", "alarm", 5)
    play.point("board.panic", "normal", 6)
    play.finger("1", 10)
    for step in ("acknowledge", "check", "restore"):
        play.command(f"alarm.{step}", 11, alarm="1")
        assert play.refusal == ""
    play.command("alarm.close", 12, alarm="1", reason="drill")
    assert play.refusal == ""
    assert play.to(35) == ["panic.repeated desk"]
    play.command("alarm.acknowledge", 36, alarm="1", origin="local")
    assert play.refusal == "unknown-alarm"
    play.command("alarm.acknowledge", 37, alarm="1", origin="monitor")
    assert play.refusal == ""
    assert play.last("alarm.acknowledged").object == "1"
    assert "panic.repeated desk" not in play.to(200)
    play.command("alarm.acknowledge", 201, alarm="1", origin="monitor")
    assert play.refusal == "unknown-alarm"


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("silent", [False, True])
def test_acknowledging_what_was_closed_names_its_button(make, silent, restarted):
    play = make(panic={"silent": silent})
    play.point("board.panic", "alarm", 5)
    play.point("board.panic", "normal", 6)
    before = play.last("alarm.raised").data
    play.finger("1", 10)
    for step in ("acknowledge", "check", "restore"):
        play.command(f"alarm.{step}", 11, alarm="1")
    play.command("alarm.close", 12, alarm="1", reason="drill")
    if restarted:
        play.start(20)
    play.command("alarm.acknowledge", 37, alarm="1", origin="monitor")
    about = dict(play.last("alarm.acknowledged").data)
    assert about.pop("origin") == "monitor"
    assert about.pop("by")
    assert about == before, "as on every other step of its life"
    assert (about["object"], about["area"]) == ("desk", "hall")


def test_a_press_after_its_alarm_was_closed_here_is_a_new_alarm(play):
    play.point("board.panic", "alarm", 5)
    play.point("board.panic", "normal", 6)
    play.finger("1", 10)
    for step in ("acknowledge", "check", "restore"):
        play.command(f"alarm.{step}", 11, alarm="1")
    play.command("alarm.close", 12, alarm="1", reason="drill")
    assert play.point("board.panic", "alarm", 20) == ["panic.raised desk", "alarm.raised 2"]
    play.point("board.panic", "normal", 21)
    play.command("alarm.acknowledge", 22, alarm="2", origin="monitor")
    assert "panic.repeated desk" in play.to(50), "the first is still owed"
    play.command("alarm.acknowledge", 51, alarm="1", origin="monitor")
    assert "panic.repeated desk" not in play.to(800)


def test_acknowledging_the_alarm_before_again_does_not_end_the_repeats_of_the_next(play):
    play.point("board.panic", "alarm", 5)
    play.point("board.panic", "normal", 6)
    play.command("alarm.acknowledge", 7, alarm="1", origin="monitor")
    play.point("board.panic", "alarm", 10)
    play.point("board.panic", "normal", 11)
    play.command("alarm.acknowledge", 12, alarm="2", origin="local")
    play.command("alarm.acknowledge", 15, alarm="1", origin="monitor")
    assert play.to(40) == ["panic.repeated desk"]
    play.command("alarm.acknowledge", 41, alarm="2", origin="monitor")
    assert play.to(800) == []


def test_held_too_long_is_a_fault_too(play):
    play.point("board.panic", "alarm", 5)
    play.command("alarm.acknowledge", 6, alarm="1", origin="monitor")
    assert play.to(64.9) == []
    assert play.to(65) == ["panic.stuck desk"]
    assert play.to(700) == []


def test_released_in_time_it_is_not_stuck(play):
    play.point("board.panic", "alarm", 5)
    play.command("alarm.acknowledge", 6, alarm="1", origin="monitor")
    play.point("board.panic", "normal", 64.9)
    assert play.to(200) == []


def test_one_millisecond_is_enough(play):
    play.point("board.panic", "alarm", 5)
    play.point("board.panic", "normal", 5.001)
    assert play.count("panic.raised") == 1


def announce(play, t=5):
    """Have the monitor announce a test of the button."""
    play.command("panic.test", t, origin="monitor", panic="desk")


class TestAnnounced:
    def test_a_test_takes_the_first_press_only(self, play):
        announce(play)
        assert play.point("board.panic", "alarm", 10) == ["panic.tested desk"]
        play.point("board.panic", "normal", 11)
        assert play.point("board.panic", "alarm", 12) == RAISED

    def test_a_test_takes_the_press_at_its_last_instant_and_none_later(self, make):
        failed = ["test.failed desk", *RAISED]
        for t, expected in ((65, ["panic.tested desk"]), (65.001, failed)):
            play = make()
            announce(play)
            assert play.point("board.panic", "alarm", t) == expected

    def test_a_test_without_a_press_has_failed(self, play):
        announce(play)
        assert play.to(65.1) == ["test.failed desk"]
        assert play.last("test.failed").data["reason"] == "not-pressed"

    @pytest.mark.parametrize("state", ["open", "short"])
    def test_a_cut_wire_is_never_a_test(self, play, state):
        announce(play)
        assert play.point("board.panic", state, 10) == RAISED

    def test_a_test_for_another_button_is_none(self, play):
        play.command("panic.test", 5, panic="other")
        assert play.refusal == "unknown-panic"
        assert play.point("board.panic", "alarm", 10) == RAISED

    def test_no_test_while_it_is_raised_or_pressed(self, play):
        play.point("board.panic", "alarm", 5)
        play.command("panic.test", 6, panic="desk")
        assert play.refusal == "panic-raised"
        play.command("alarm.acknowledge", 7, alarm="1", origin="monitor")
        play.command("panic.test", 8, panic="desk")
        assert play.refusal == "panic-raised"

    def test_a_restart_ends_the_test(self, play):
        announce(play)
        play.start(6)
        play.ready(6)
        assert play.point("board.panic", "alarm", 10) == RAISED

    def test_on_the_gateway_somebody_on_site_must_stand_for_it(self, play):
        """Else whoever is at the socket could take a real press for a drill."""
        play.command("panic.test", 5, panic="desk")
        assert play.refusal == "not-on-site"
        assert play.point("board.panic", "alarm", 6) == RAISED

        play.finger("3", 7)
        play.command("alarm.acknowledge", 8, alarm="1", origin="monitor")
        play.point("board.panic", "normal", 9)
        play.command("panic.test", 10, panic="desk")
        assert play.point("board.panic", "alarm", 11) == ["panic.tested desk"]

    def test_announced_again_it_lasts_no_longer(self, play):
        announce(play)
        announce(play, 60)
        assert play.refusal == "wrong-mode"
        assert "test.failed desk" in play.to(65.1)


class TestAway:
    def test_a_board_that_dies_is_told_of_the_board(self, play):
        told = play.device("board", "lost", 5)
        assert told == ["device.lost board", "alarm.raised 1", "zone.faulted pir"]

    def test_pressed_while_the_board_was_away(self, play):
        play.device("board", "lost", 5)
        play.device("board", "ready", 50)
        assert play.point("board.panic", "alarm", 50) == ["panic.raised desk", "alarm.raised 2"]

    def test_still_pressed_after_the_board_was_away_is_the_same_press(self, play):
        play.point("board.panic", "alarm", 5)
        play.device("board", "lost", 6)
        play.device("board", "ready", 7)
        assert play.point("board.panic", "alarm", 7) == []

    def test_held_while_the_board_was_away_it_is_stuck_when_that_is_seen(self, play):
        play.point("board.panic", "alarm", 5)
        play.command("alarm.acknowledge", 6, alarm="1", origin="monitor")
        play.device("board", "lost", 10)
        assert play.to(65) == []
        play.device("board", "ready", 70)
        play.point("board.panic", "alarm", 70)
        assert play.to(125) == ["panic.stuck desk"]

    def test_pressed_before_the_very_first_reading(self, make):
        play = make()
        play.forget("point")
        play.start(5)
        assert play.point("board.panic", "alarm", 6) == RAISED


class TestRestart:
    def test_what_was_not_repeated_in_the_dark_is_not_made_up_for(self, play):
        play.point("board.panic", "alarm", 5)
        play.start(600)
        assert play.to(600) == ["panic.repeated desk"]
        assert play.last("panic.repeated").at == play.now(600)
        assert play.last("panic.repeated").data["times"] == 1
        assert play.to(630) == ["panic.repeated desk"]

    def test_held_over_it_is_stuck_as_soon_as_that_is_seen(self, play):
        play.point("board.panic", "alarm", 5)
        play.command("alarm.acknowledge", 6, alarm="1", origin="monitor")
        play.start(30)
        play.point("board.panic", "alarm", 31)
        assert play.to(64.9) == []
        assert play.to(65) == ["panic.stuck desk"]

    def test_let_go_meanwhile_it_is_not_stuck(self, play):
        play.point("board.panic", "alarm", 5)
        play.command("alarm.acknowledge", 6, alarm="1", origin="monitor")
        play.start(600)
        assert play.point("board.panic", "normal", 601) == ["point.normal board.panic"]
        play.to(2000)
        assert play.count("panic.stuck") == 0

    def test_without_an_open_alarm_there_is_nothing_to_repeat(self, play):
        """Its alarm was closed while the site file had no such button."""
        play.point("board.panic", "alarm", 5)
        play.point("board.panic", "normal", 6)
        play.forget("alarm")
        play.start(10)
        play.ready(11)
        assert play.to(600) == []
        assert play.point("board.panic", "alarm", 601) == ["panic.raised desk", "alarm.raised 2"]

    def test_it_goes_on_repeating(self, play):
        play.point("board.panic", "alarm", 5)
        play.start(10)
        assert play.to(35) == ["panic.repeated desk"]

    def test_it_goes_on_after_a_power_cut_at_the_wall_clocks_time(self, play):
        play.point("board.panic", "alarm", 5)
        play.utc_us += 20_000_000  # 20 s without power; the monotonic clock starts again
        play.boot = "boot-2"
        play.start(1)
        assert play.to(14.9) == []
        assert play.to(15) == ["panic.repeated desk"]

    def test_without_a_trusted_clock_it_waits_its_whole_time_again(self, play):
        play.point("board.panic", "alarm", 5)
        play.boot, play.trusted = "boot-2", False
        play.start(1)
        assert play.to(30.9) == []
        assert play.to(31) == ["panic.repeated desk"]
