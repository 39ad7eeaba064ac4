"""Counts of a rack: hand-over and inventory, two people, and when they are late."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.site.inputs import ClockStepped
from tests.site.conftest import SECOND, Play, plan

H, D = 3600, 86_400
RACK = {
    "id": "r1",
    "area": "hall",
    "doors": "store",
    "slots": {"board.s1": "M4-0001", "board.s2": "M4-0002", "board.s3": "empty"},
}
SERIALS = ["M4-0001", "M4-0002"]
PAIR = ["p-1", "p-3"]


@pytest.fixture
def rack(make):
    play = make(door={"people": 1}, rack=[RACK])
    play.enrol("v-1", "visitor", finger="8")
    return play


def seen(play, t, *fingers):
    """Identify at a reader at no door."""
    for finger in fingers or ("1", "3"):
        play.step(read(play, finger, t), t)
        play.t = t


def read(play, finger, t):
    from agent.site.inputs import CredentialRead

    play.to(t)
    return CredentialRead("reader", "finger", finger, round(t * SECOND))


def begun(play, t=10, what="handover", persons=PAIR):
    seen(play, t)
    found = play.command("count.begin", t + 1, rack="r1", what=what, persons=persons)
    play.events.clear()
    return found


def agreed(play, t):
    """Both identify again and agree."""
    found = []
    for finger, person in (("1", "p-1"), ("3", "p-3")):
        seen(play, t, finger)
        t += 1
        found += play.command("count.agree", t, rack="r1", person=person)
    return [event for event in found if not event.startswith("command.")]


class TestBegin:
    def test_two_people_identified_on_site(self, rack):
        assert begun(rack)[0] == "rack.count_started r1"

    def test_not_from_afar(self, rack):
        seen(rack, 10)
        given = {"rack": "r1", "what": "handover", "persons": PAIR}
        rack.command("count.begin", 11, origin="monitor", **given)
        assert rack.refusal == "not-from-here"

    @pytest.mark.parametrize("t", [131.1, 500])
    def test_a_while_ago_is_not_now(self, rack, t):
        seen(rack, 10)
        rack.command("count.begin", t, rack="r1", what="handover", persons=PAIR)
        assert rack.refusal == "not-on-site"

    @pytest.mark.parametrize("persons", [["p-1", "p-2"], ["p-1", "v-1"]])
    def test_both_of_the_site_s_own_people(self, rack, persons):
        seen(rack, 10, "1", "3", "8")
        rack.command("count.begin", 11, rack="r1", what="handover", persons=persons)
        assert rack.refusal == "not-on-site"

    @pytest.mark.parametrize("persons", [["p-1", "p-1"], ["p-1"], ["p-1", "p-2", "p-3"], "p-1"])
    def test_two_different_ones(self, rack, persons):
        seen(rack, 10)
        rack.command("count.begin", 11, rack="r1", what="handover", persons=persons)
        assert rack.refusal == "bad-params"

    def test_somebody_who_is_nobody_is_told_before_anybody_identifies(self, rack):
        rack.command("count.begin", 11, rack="r1", what="handover", persons=["p-1", "nobody"])
        assert rack.refusal == "unknown-person"

    def test_an_unknown_rack(self, rack):
        rack.command("count.begin", 11, rack="r9", what="handover", persons=PAIR)
        assert rack.refusal == "unknown-rack"


class TestEnter:
    def test_nothing_is_entered_into_no_count(self, rack):
        rack.command("count.enter", 11, rack="r1", count=2)
        assert rack.refusal == "no-count"

    def test_an_inventory_is_of_serials(self, rack):
        begun(rack, what="inventory")
        rack.command("count.enter", 12, rack="r1", count=2)
        assert rack.refusal == "serials-needed"

    @pytest.mark.parametrize(
        "given",
        [{}, {"count": 1, "serials": SERIALS}, {"serials": ["M4-0001"] * 2}, {"count": -1}],
    )
    def test_one_of_both_and_no_serial_twice(self, rack, given):
        begun(rack)
        rack.command("count.enter", 12, rack="r1", **given)
        assert rack.refusal == "bad-params"

    def test_a_new_entry_voids_what_was_agreed(self, rack):
        begun(rack)
        rack.command("count.enter", 12, rack="r1", count=1)
        seen(rack, 13)
        rack.command("count.agree", 14, rack="r1", person="p-1")
        rack.command("count.enter", 15, rack="r1", count=2)
        rack.command("count.agree", 16, rack="r1", person="p-3")
        assert rack.refusal == "not-on-site"  # not since what is there now
        assert agreed(rack, 17) == ["rack.counted r1"]


class TestAgree:
    def test_it_is_complete_when_both_agree(self, rack):
        begun(rack)
        rack.command("count.enter", 12, rack="r1", count=2)
        assert agreed(rack, 13) == ["rack.counted r1"]
        assert rack.last("rack.counted").data == {
            "area": "hall",
            "what": "handover",
            "count": 2,
            "expected": 2,
            "persons": PAIR,
            "away": [],
        }

    def test_one_alone_leaves_it_incomplete(self, rack):
        begun(rack)
        rack.command("count.enter", 12, rack="r1", count=2)
        for t in (13, 15):
            seen(rack, t, "1")
            rack.command("count.agree", t + 1, rack="r1", person="p-1")
        assert rack.count("rack.counted") == 0

    def test_having_been_there_before_the_entry_is_not_enough(self, rack):
        begun(rack)
        rack.command("count.enter", 12, rack="r1", count=2)
        rack.command("count.agree", 13, rack="r1", person="p-1")
        assert rack.refusal == "not-on-site"

    def test_nobody_else_agrees(self, rack):
        begun(rack)
        rack.command("count.enter", 12, rack="r1", count=2)
        seen(rack, 13, "2")
        rack.command("count.agree", 14, rack="r1", person="p-2")
        assert rack.refusal == "not-counting"

    @pytest.mark.parametrize("entered", [False, True])
    def test_nothing_to_agree_to(self, rack, entered):
        if entered:
            begun(rack)
        rack.command("count.agree", 13, rack="r1", person="p-1")
        assert rack.refusal == "no-count"

    def test_over_a_restart_it_goes_on_and_who_agrees_comes_again(self, rack):
        begun(rack)
        rack.command("count.enter", 12, rack="r1", count=2)
        seen(rack, 13, "1")
        rack.command("count.agree", 14, rack="r1", person="p-1")
        rack.start(20)
        rack.ready(21)
        rack.command("count.agree", 22, rack="r1", person="p-3")
        assert rack.refusal == "not-on-site"
        assert agreed(rack, 23) == ["rack.counted r1"]


class TestDiscrepancy:
    def test_a_number_that_is_not_what_stands_there(self, rack):
        begun(rack)
        rack.command("count.enter", 12, rack="r1", count=1)
        assert agreed(rack, 13) == ["rack.counted r1", "rack.discrepancy r1", "alarm.raised 1"]
        data = rack.last("rack.discrepancy").data
        assert (data["count"], data["expected"], data["missing"]) == (1, 2, [])

    @pytest.mark.parametrize(
        ("serials", "missing", "unexpected"),
        [
            (["M4-0001"], ["M4-0002"], []),
            (["M4-0001", "M4-0002", "AK-7"], [], ["AK-7"]),
            (["M4-0001", "AK-7"], ["M4-0002"], ["AK-7"]),
            ([], SERIALS, []),
        ],
    )
    def test_serials_that_are_not_there_or_should_not_be(self, rack, serials, missing, unexpected):
        begun(rack, what="inventory")
        rack.command("count.enter", 12, rack="r1", serials=serials)
        assert "rack.discrepancy r1" in agreed(rack, 13)
        data = rack.last("rack.discrepancy").data
        assert (data["missing"], data["unexpected"]) == (missing, unexpected)

    def test_a_weapon_that_is_out_is_away_and_not_missing(self, rack):
        rack.finger("1", 5)
        rack.point("board.s1", "alarm", 6)
        begun(rack, what="inventory")
        rack.command("count.enter", 12, rack="r1", serials=["M4-0002"])
        assert agreed(rack, 13) == ["rack.counted r1"]
        assert rack.last("rack.counted").data["away"] == ["M4-0001"]

    def test_its_alarm_is_mended_by_counting_again(self, rack):
        begun(rack)
        rack.command("count.enter", 12, rack="r1", count=1)
        agreed(rack, 13)
        seen(rack, 20)
        rack.command("alarm.acknowledge", 21, alarm="1")
        rack.command("alarm.check", 22, alarm="1")
        assert rack.refusal == "not-normal"
        begun(rack, 30)
        rack.command("count.enter", 32, rack="r1", count=2)
        agreed(rack, 33)
        rack.command("alarm.check", 36, alarm="1")
        assert rack.refusal == ""


class TestOverdue:
    def test_a_hand_over_that_is_left_incomplete(self, rack):
        begun(rack)
        rack.to(H)
        begun(rack, H)  # beginning again does not put it off
        assert rack.to(H + 11) == ["rack.count_overdue r1"]
        data = rack.last("rack.count_overdue").data
        assert data == {"area": "hall", "what": "handover", "persons": PAIR}

    def test_the_inventory_of_the_quarter(self, rack):
        assert "rack.count_overdue r1" not in rack.to(90 * D - 1)
        assert "rack.count_overdue r1" in rack.to(90 * D)
        assert rack.last("rack.count_overdue").data["what"] == "inventory"
        assert "rack.count_overdue r1" not in rack.to(300 * D)

    def test_an_inventory_begins_the_time_anew_even_a_wrong_one(self, rack):
        t = 50 * D
        begun(rack, t, what="inventory")
        rack.command("count.enter", t + 2, rack="r1", serials=[])
        agreed(rack, t + 3)
        assert "rack.count_overdue r1" not in rack.to(140 * D)
        assert "rack.count_overdue r1" in rack.to(140 * D + 10)

    def test_a_hand_over_is_no_inventory(self, rack):
        t = 50 * D
        begun(rack, t)
        rack.command("count.enter", t + 2, rack="r1", count=2)
        agreed(rack, t + 3)
        assert "rack.count_overdue r1" in rack.to(90 * D)

    def test_days_without_power_count(self, rack):
        rack.boot, rack.utc_us = "boot-2", rack.utc_us + 80 * D * SECOND
        rack.t = 0
        rack.start(0)
        assert "rack.count_overdue r1" not in rack.to(10 * D - 5)
        assert "rack.count_overdue r1" in rack.to(10 * D)

    def test_a_clock_put_right_moves_a_date_of_the_wrong_one(self):
        play = Play(plan(rack=[RACK]), reborn=True)
        play.trusted, play.utc_us = False, 0
        play.start(0)
        play.to(D)
        play.trusted, play.utc_us = True, 19_999 * D * SECOND
        play.step(ClockStepped(D * SECOND, 20_000 * D * SECOND, D * SECOND), D)
        assert "rack.count_overdue r1" not in play.to(90 * D - 1)
        assert "rack.count_overdue r1" in play.to(90 * D + 1)

    def test_a_clock_that_ran_years_ahead_and_was_put_right_stops_no_days(self):
        """Neither is it late at once, nor does each start begin the days anew."""
        play = Play(plan(rack=[RACK]), reborn=True)
        play.trusted, play.utc_us = False, 30_000 * D * SECOND
        play.start(0)
        play.to(D)
        play.trusted, play.utc_us = True, 20_000 * D * SECOND
        step = ClockStepped(30_001 * D * SECOND, 20_001 * D * SECOND, D * SECOND)
        assert "rack.count_overdue r1" not in play.step(step, D)
        for day in range(10, 90, 10):
            assert "rack.count_overdue r1" not in play.to(day * D)
            play.start(day * D)
        assert "rack.count_overdue r1" in play.to(90 * D + 1)

    def test_a_clock_set_forward_brings_it_near(self, rack):
        rack.to(D)
        before = rack.now(D).utc_us
        rack.utc_us += 89 * D * SECOND
        rack.step(ClockStepped(before, rack.now(D).utc_us, D * SECOND), D)
        assert "rack.count_overdue r1" in rack.to(D + 10)


def test_the_view_tells_how_far_it_is(rack):
    begun(rack)
    rack.command("count.enter", 12, rack="r1", count=1)
    view = rack.site.view()["counts"][0]
    assert (view["what"], view["entered"], view["agreed"]) == ("handover", True, 0)
    assert "p-1" not in str(view)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("finger"), st.sampled_from(["1", "3"])),
        st.tuples(st.just("begin"), st.sampled_from(["handover", "inventory"])),
        st.tuples(st.just("enter"), st.sampled_from([SERIALS, ["M4-0001"]])),
        st.tuples(st.just("agree"), st.sampled_from(PAIR)),
        st.tuples(st.just("start"), st.just("")),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=80)
@given(STEPS)
def test_nothing_is_counted_without_both_after_the_entry(steps):
    """Whatever is asked in whatever order; and a site made anew each time does the same."""
    plays = [Play(plan(door={"people": 2}, rack=[RACK]), reborn=r) for r in (False, True)]
    for play in plays:
        play.start(0)
        play.enrol("p-1")
        play.enrol("p-3", "guard")
        play.ready(1)
        for (what, how), t in zip(steps, itertools.count(10, 7), strict=False):
            act(play, what, how, t)
    assert plays[0].events == plays[1].events
    check_agreed(steps, plays[0].count("rack.counted"))


def act(play, what, how, t):
    match what:
        case "finger":
            play.finger(how, t)
        case "begin":
            play.command("count.begin", t, rack="r1", what=how, persons=PAIR)
        case "enter":
            play.command("count.enter", t, rack="r1", serials=how)
        case "agree":
            play.command("count.agree", t, rack="r1", person=how)
        case "start":
            play.start(t)
            play.ready(t)


def check_agreed(steps, counted):
    """Count what is complete by a model of its own."""
    seen: dict[str, int] = {}
    begun, entry, complete = False, None, 0
    agreed: set[str] = set()
    for number, (what, how) in enumerate(steps):
        lately = {p for p, n in seen.items() if (number - n) * 7 <= 120}
        match what:
            case "finger":
                seen[f"p-{how}"] = number
            case "begin" if lately == {*PAIR}:
                begun, entry, agreed = True, None, set()
            case "enter" if begun:
                entry, agreed = number, set()
            case "agree" if entry is not None and seen.get(how, -1) > entry and how in lately:
                agreed.add(how)
            case "start":
                seen.clear()
        if agreed == {*PAIR}:
            complete, begun, entry, agreed = complete + 1, False, None, set()
    assert counted == complete
