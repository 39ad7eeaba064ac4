"""Power: mains, battery, and stopping in good time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.site.inputs import PointRead, PointState
from agent.site.plan import Plan
from agent.site.step import Release
from tests.site.conftest import SECOND, Play, plan

POWER = {"mains": "board.mains", "battery": "board.battery", "undervoltage": "board.volts"}
LOST, BACK = "power.mains_lost test-1", "power.mains_back test-1"
LOW = "power.battery_low test-1"


@pytest.fixture
def supply(make):
    return make(power=POWER)


def charge(play, pct, t, state="normal"):
    detail = {"pct": pct}
    return play._at(lambda at: PointRead("board", "battery", PointState(state), at, detail), t)


class TestMains:
    def test_told_after_its_time_and_when_they_are_back(self, supply):
        assert supply.point("board.mains", "alarm", 5) == []
        assert supply.to(14.9) == []
        assert supply.to(15) == [LOST]
        assert supply.point("board.mains", "normal", 65) == [BACK]
        assert supply.last("power.mains_back").data == {"away_s": 60}

    def test_a_dip_is_not_told(self, supply):
        supply.point("board.mains", "alarm", 5)
        supply.point("board.mains", "normal", 14.9)
        assert supply.to(60) == []

    def test_the_time_counts_from_the_first_instant_whatever_the_wire_says_then(self, supply):
        supply.point("board.mains", "alarm", 5)
        supply.point("board.mains", "open", 10)
        assert supply.to(15) == [LOST]
        assert supply.to(100) == []

    def test_at_once_where_the_file_says_so(self, make):
        supply = make(power=POWER | {"mains_report_s": 0})
        supply.point("board.mains", "alarm", 5)
        assert supply.to(5) == [LOST]

    def test_a_board_that_dies_is_told_of_the_board(self, supply):
        told = supply.device("board", "lost", 5)
        assert told == ["device.lost board", "alarm.raised 1", "zone.faulted pir"]

    def test_the_time_goes_on_over_a_restart(self, supply):
        supply.point("board.mains", "alarm", 5)
        supply.start(8)
        assert supply.to(15) == [LOST]

    def test_back_in_the_dark_they_are_not_told_lost(self, supply):
        supply.point("board.mains", "alarm", 5)
        supply.start(60)
        supply.point("board.mains", "normal", 62)
        assert supply.to(1000) == []

    def test_still_away_after_the_dark_they_are_told_lost(self, supply):
        supply.point("board.mains", "alarm", 5)
        supply.start(60)
        supply.point("board.mains", "alarm", 62)
        assert supply.to(1000) == [LOST]

    def test_told_before_a_restart_it_is_told_back_after(self, supply):
        supply.point("board.mains", "alarm", 5)
        supply.to(20)
        supply.start(30)
        assert supply.point("board.mains", "alarm", 31) == []
        assert supply.point("board.mains", "normal", 40) == [BACK]


class TestBattery:
    def test_low_by_its_contact(self, supply):
        assert supply.point("board.battery", "alarm", 5) == [LOW]
        assert supply.point("board.battery", "normal", 6) == []
        assert supply.point("board.battery", "alarm", 7) == [LOW]

    def test_low_by_its_charge(self, supply):
        assert charge(supply, 20, 5) == []
        assert charge(supply, 19, 6) == [LOW]
        assert charge(supply, 18, 7) == []
        assert supply.last("power.battery_low").data == {"pct": 19}

    def test_low_by_both_is_told_once(self, supply):
        assert charge(supply, 15, 5, "alarm") == [LOW]

    @pytest.mark.parametrize("pct", [-1, 101, "full", None, True])
    def test_a_charge_that_is_none(self, supply, pct):
        assert charge(supply, pct, 5) == []

    def test_low_voltage(self, supply):
        assert supply.point("board.volts", "alarm", 5) == ["power.undervoltage test-1"]


class TestStopping:
    def down(self, play):
        play.point("board.mains", "alarm", 5)
        play.to(20)
        charge(play, 11, 30)

    def test_at_shutdown_pct_without_mains_it_says_so_and_stops(self, supply):
        self.down(supply)
        assert supply.actions == []
        assert charge(supply, 10, 40) == [LOW]
        assert supply.last("power.battery_low").data == {"pct": 10, "stopping": True}
        (action,) = supply.actions
        assert (action.device, action.target, action.verb) == ("", "gateway", "stop")
        assert (action.args, action.release) == ({"reason": "battery"}, Release.ALARM)

    def test_once(self, supply):
        self.down(supply)
        charge(supply, 10, 40)
        charge(supply, 9, 41)
        assert len(supply.actions) == 1

    def test_never_with_mains(self, supply):
        charge(supply, 5, 40)
        assert supply.actions == []
        supply.point("board.mains", "alarm", 50)
        assert len(supply.actions) == 1

    @pytest.mark.parametrize(("pct", "stops"), [(5, True), (19, True), (20, False)])
    def test_not_to_start_again_below_restart_pct(self, supply, pct, stops):
        self.down(supply)
        charge(supply, 10, 40)
        supply.start(60)
        assert len(supply.actions) == 1  # not before it is seen
        supply.point("board.mains", "alarm", 61)
        charge(supply, pct, 61)
        assert len(supply.actions) == 1 + stops

    def test_whether_the_mains_are_back_is_seen_before_it_is_stopped_again(self, supply):
        self.down(supply)
        charge(supply, 10, 40)
        supply.start(60)
        charge(supply, 15, 61)  # the battery is told before the mains
        assert len(supply.actions) == 1
        supply.point("board.mains", "normal", 61.5)
        supply.to(100)
        assert len(supply.actions) == 1

    def test_mains_that_nobody_sees_are_away(self, supply):
        self.down(supply)
        charge(supply, 10, 40)
        supply.start(60)
        charge(supply, 15, 61)
        supply.to(75)
        assert len(supply.actions) == 2

    def test_with_mains_it_starts_at_any_charge(self, supply):
        self.down(supply)
        charge(supply, 10, 40)
        supply.start(60)
        supply.point("board.mains", "normal", 61)
        charge(supply, 5, 62)
        assert len(supply.actions) == 1

    def test_without_a_charge_it_never_stops(self, supply):
        supply.point("board.mains", "alarm", 5)
        supply.point("board.battery", "alarm", 6)
        assert supply.to(1000) == [LOST]
        assert supply.actions == []


class TestArming:
    def test_without_mains_or_battery_nothing_is_armed(self, supply):
        supply.point("board.mains", "alarm", 5)
        charge(supply, 15, 20)
        supply.finger("1", 30, reader="lobby")
        view = supply.site.view()["areas"][0]["not_ready"]
        assert view["board.mains"] == "mains"
        assert view["board.battery"] == "battery"

    def test_mains_that_nobody_sees(self, make):
        supply = make(
            device=[{"id": name} for name in ("board", "reader", "lobby", "cam", "ups")],
            power={"mains": "ups.mains"},
        )
        supply.device("ups", "lost", 5)
        assert supply.site.view()["areas"][0]["not_ready"] == {"ups.mains": "faulted"}


class TestTable:
    def test_restart_above_shutdown(self):
        made = plan(power=POWER | {"shutdown_pct": 30})
        assert [(m.key, m.found) for m in made.mistakes()] == [(("power", "restart_pct"), "20")]

    def test_its_points_are_its_own(self):
        made = plan(power=POWER | {"mains": "board.pir"})
        assert [m.key for m in made.mistakes()] == [("power", "mains")]

    @pytest.mark.parametrize("wrong", [{"mains_report_s": 301}, {"shutdown_pct": 4}, {"ups": 1}])
    def test_bounds(self, wrong):
        with pytest.raises(ValueError, match="power"):
            Plan.model_validate({"site": {"id": "t", "name": "t"}, "power": POWER | wrong})


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("mains"), st.sampled_from(["normal", "alarm", "open"])),
        st.tuples(st.just("pct"), st.integers(0, 100)),
        st.tuples(st.just("start"), st.just("")),
        st.tuples(st.just("board"), st.sampled_from(["lost", "ready"])),
        st.tuples(st.just("wait"), st.integers(1, 30)),
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=100)
@given(STEPS)
def test_lost_and_back_take_turns_and_it_never_stops_with_mains(steps):
    plays = [Play(plan(power=POWER), reborn=reborn) for reborn in (False, True)]
    for play in plays:
        play.start(0)
        play.ready(1)
        play.to(2)
        for what, how in steps:
            act(play, what, how)
    assert plays[0].events == plays[1].events
    assert plays[0].actions == plays[1].actions
    told = [e.kind for e in plays[0].events if e.kind.startswith("power.mains")]
    assert told == ["power.mains_lost", "power.mains_back"] * (len(told) // 2) + told[-1:] * (
        len(told) % 2
    )


def act(play, what, how):
    t, before = play.t + 1, len(play.actions)
    match what:
        case "mains":
            play.point("board.mains", how, t)
        case "pct":
            charge(play, how, t)
            if len(play.actions) > before:
                away = play.saved["power/test-1"].get("since_us")
                assert away is not None
                assert how < 20
        case "start":
            play.start(t)
            play.ready(t)
        case "board":
            play.device("board", how, t)
        case "wait":
            play.to(t + how)
            assert play.now(play.t).mono_us == round(play.t * SECOND)
