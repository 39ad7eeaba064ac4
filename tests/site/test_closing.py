"""Closing time: warned, postponed, armed, or late."""

from __future__ import annotations

import pytest

from agent.site.inputs import ClockStepped

H = 3600
CLOSES = 18 * H  # Monday 2026-11-02 00:00 UTC is the tests' second 0
DAY = {"id": "days", "tz": "UTC", "week": {day: ["08:00-18:00"] for day in ("mon", "tue")}}


@pytest.fixture
def shop(make):
    """An area that is armed at 18:00 by itself."""
    play = make(
        schedule=[DAY],
        area={"schedule": "days", "autoarm": True, "exit_delay_s": 0},
        door={"people": 1},
    )
    play.start(7 * H)
    play.ready(7 * H)
    play.events.clear()
    return play


def test_warned_ten_minutes_before_then_armed(shop):
    assert shop.to(CLOSES - 600.1) == []
    assert shop.to(CLOSES - 600) == ["area.warned hall"]
    assert shop.last("area.warned").data["left_s"] == 600
    assert shop.to(CLOSES - 0.1) == []
    assert shop.to(CLOSES) == ["area.armed hall"]
    assert shop.to(CLOSES + 5 * H) == []


def test_armed_before_it_is_left_alone(shop):
    shop.command("area.arm", 17 * H, area="hall", origin="monitor")
    shop.events.clear()
    assert shop.to(CLOSES + 5 * H) == []


def test_an_open_door_is_late_to_close(shop):
    shop.point("board.rex", "alarm", CLOSES - 5)
    shop.point("board.contact", "alarm", CLOSES - 4)
    shop.to(CLOSES - 1)
    assert shop.to(CLOSES) == ["area.arm_failed hall", "area.late_to_close hall"]
    assert shop.last("area.arm_failed").data["points"] == {"board.contact": "open"}


def test_people_at_work_are_late_to_close(shop):
    shop.finger("1", CLOSES - 100)
    shop.answer("done", CLOSES - 100)
    shop.to(CLOSES - 1)
    assert shop.to(CLOSES) == ["area.arm_failed hall", "area.late_to_close hall"]
    assert shop.last("area.arm_failed").data["points"] == {"board.contact": "session"}


class TestExitDelay:
    """It arms by itself with an exit delay, and what happens in it keeps it from that."""

    @pytest.fixture
    def exiting(self, make):
        play = make(
            schedule=[DAY],
            area={"schedule": "days", "autoarm": True, "exit_delay_s": 60},
            door={"people": 1},
        )
        play.start(7 * H)
        play.ready(7 * H)
        assert "area.exit_started hall" in play.to(CLOSES)
        play.events.clear()
        return play

    def test_a_door_that_is_open_at_its_end(self, exiting):
        exiting.point("board.rex", "alarm", CLOSES + 5)
        exiting.point("board.contact", "alarm", CLOSES + 6)
        found = exiting.to(CLOSES + 60)
        assert found[-2:] == ["area.arm_failed hall", "area.late_to_close hall"]
        exiting.to(CLOSES + 5 * H)
        assert exiting.count("area.late_to_close") == 1

    def test_somebody_who_is_let_in(self, exiting):
        found = exiting.finger("1", CLOSES + 5)
        assert "area.late_to_close hall" in found
        assert exiting.last("area.arm_failed").data["points"] == {"board.contact": "granted"}

    def test_nobody_and_nothing(self, exiting):
        assert exiting.to(CLOSES + 60) == ["area.armed hall"]
        assert exiting.to(CLOSES + 5 * H) == []


def test_being_armed_by_hand_at_closing_time_which_fails_is_late(make):
    play = make(schedule=[DAY], area={"schedule": "days", "exit_delay_s": 60})
    play.start(7 * H)
    play.ready(7 * H)
    play.command("area.arm", CLOSES - 30, area="hall", origin="monitor")
    play.point("board.rex", "alarm", CLOSES + 5)
    play.point("board.contact", "alarm", CLOSES + 6)
    assert "area.arm_failed hall" in play.to(CLOSES + 30)
    assert "area.late_to_close hall" in play.to(CLOSES + 900)


def test_it_never_disarms_by_itself(shop):
    shop.to(CLOSES)
    assert shop.to(24 * H + 17 * H) == []
    assert shop.site.view()["areas"][0]["mode"] == "armed"


def test_disarmed_outside_the_hours_is_early_to_open(shop):
    shop.to(CLOSES)
    shop.finger("1", 24 * H + 5 * H)
    shop.finger("2", 24 * H + 5 * H)
    found = shop.command("area.disarm", 24 * H + 5 * H, area="hall")
    assert found[:2] == ["area.disarmed hall", "area.early_to_open hall"]


def test_disarmed_inside_the_hours_is_not(shop):
    shop.to(CLOSES)
    shop.finger("1", 24 * H + 9 * H)
    shop.finger("2", 24 * H + 9 * H)
    found = shop.command("area.disarm", 24 * H + 9 * H, area="hall")
    assert found == ["area.disarmed hall", "command.done c-0"]


class TestPostponed:
    def test_by_somebody_who_is_there(self, shop):
        shop.to(CLOSES - 300)
        shop.command("area.postpone", CLOSES - 300, area="hall")
        assert shop.refusal == "not-on-site"
        shop.finger("1", CLOSES - 200)
        shop.answer("done")
        found = shop.command("area.postpone", CLOSES - 190, area="hall")
        assert "area.postponed hall" in found
        assert shop.last("area.postponed").data["left_s"] == 190 + 1800
        assert "area.armed hall" not in shop.to(CLOSES + 1799)
        assert shop.count("area.warned") == 2
        assert "area.armed hall" in shop.to(CLOSES + 1800)

    def test_so_often_and_no_more(self, shop):
        for times in range(4):
            shop.finger("1", CLOSES - 200 + times)
            shop.command("area.postpone", CLOSES - 190, area="hall")
        assert shop.refusal == "postponed-enough"
        shop.to(CLOSES + 3 * 1800 + 10)
        assert shop.site.view()["areas"][0]["mode"] == "armed"

    def test_past_midnight(self, make):
        late = DAY | {"week": {"mon": ["08:00-23:45"], "tue": ["08:00-18:00"]}}
        play = make(schedule=[late], area={"schedule": "days", "autoarm": True, "exit_delay_s": 0})
        play.start(23 * H)
        play.ready(23 * H)
        play.finger("1", 23 * H)
        play.command("area.postpone", 23 * H + 1, area="hall")
        assert play.refusal == ""
        play.start(24 * H + 60)
        play.ready(24 * H + 60)
        assert "area.armed hall" in play.to(24 * H + 901)

    def test_only_today_s(self, shop):
        shop.point("board.rex", "alarm", CLOSES - 5)
        shop.point("board.contact", "alarm", CLOSES - 4)
        shop.to(CLOSES + 5)
        assert shop.count("area.late_to_close") == 1
        shop.point("board.contact", "normal", CLOSES + 60)
        shop.finger("1", CLOSES + 65)
        shop.command("area.postpone", CLOSES + 66, area="hall")
        assert shop.refusal == "wrong-mode"

    def test_there_must_be_something_to_postpone(self, play):
        play.command("area.postpone", 5, area="hall")
        assert play.refusal == "wrong-mode"


class TestNotAutomatic:
    @pytest.fixture
    def manual(self, make):
        play = make(schedule=[DAY], area={"schedule": "days", "exit_delay_s": 0})
        play.start(7 * H)
        play.ready(7 * H)
        play.events.clear()
        return play

    def test_late_a_quarter_of_an_hour_after(self, manual):
        assert manual.to(CLOSES + 899) == []
        assert manual.to(CLOSES + 900) == ["area.late_to_close hall"]
        assert manual.site.view()["areas"][0]["mode"] == "disarmed"

    def test_armed_in_time_it_is_not_late(self, manual):
        manual.command("area.arm", CLOSES + 300, area="hall", origin="monitor")
        manual.events.clear()
        assert manual.to(CLOSES + 2000) == []


class TestClock:
    def test_each_date_closes_once(self, shop):
        shop.to(CLOSES)
        shop.finger("1", CLOSES + 10)
        shop.finger("2", CLOSES + 10)
        shop.command("area.disarm", CLOSES + 11, area="hall")
        before = shop.utc_us
        shop.utc_us -= 1800 * 1_000_000
        step = ClockStepped(before, shop.utc_us, round((CLOSES + 20) * 1e6))
        shop.step(step, CLOSES + 20)
        assert "area.armed hall" not in shop.to(CLOSES + 2 * H)
        assert shop.site.view()["areas"][0]["mode"] == "disarmed"

    def test_a_clock_set_forward_over_it_closes_now(self, shop):
        before = shop.utc_us
        shop.utc_us += 12 * H * 1_000_000
        shop.step(ClockStepped(before, shop.utc_us, 8 * H * 1_000_000), 8 * H)
        assert "area.armed hall" in shop.to(8 * H + 1)

    def test_missed_in_the_dark_it_closes_after_the_start(self, shop):
        shop.start(20 * H)
        shop.ready(20 * H)
        assert "area.armed hall" in shop.to(20 * H + 15)

    @pytest.mark.parametrize("hour", [24.1, 31.9])
    def test_missed_until_the_next_day_it_closes_all_the_same(self, shop, hour):
        shop.start(hour * H)
        shop.ready(hour * H)
        assert "area.armed hall" in shop.to(hour * H + 15)

    def test_once_something_has_opened_it_is_over(self, shop):
        shop.start(32 * H)
        shop.ready(32 * H)
        assert "area.armed hall" not in shop.to(41 * H)

    def test_a_clock_that_nobody_had_set_closes_when_it_is(self, shop):
        shop.trusted = False
        shop.start(10 * H)
        shop.ready(10 * H)
        shop.to(24.1 * H)
        shop.trusted = True
        shop.step(ClockStepped(1, 1, round(24.1 * H * 1e6)), 24.1 * H)
        assert "area.armed hall" in shop.to(24.1 * H + 1)

    def test_installed_in_the_evening_todays_closing_was_not_ours(self, make):
        play = make()
        play.saved.clear()
        play = make(schedule=[DAY], area={"schedule": "days", "autoarm": True, "exit_delay_s": 0})
        play.forget("closing")
        play.start(20 * H)
        play.ready(20 * H)
        assert "area.armed hall" not in play.to(30 * H)
        assert "area.armed hall" in play.to(24 * H + CLOSES)

    def test_an_untrusted_clock_closes_nothing(self, shop):
        shop.trusted = False
        shop.start(8 * H)
        shop.ready(8 * H)
        assert "area.armed hall" not in shop.to(CLOSES + 60)
        shop.trusted = True
        shop.step(ClockStepped(1, 1, round((CLOSES + 100) * 1e6)), CLOSES + 100)
        assert "area.armed hall" in shop.to(CLOSES + 101)
