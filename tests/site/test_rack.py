"""Racks: what happens at a slot, inside and outside a session."""

from __future__ import annotations

import json

import pytest

from agent.site.inputs import PointRead, PointState
from agent.site.plan import Plan
from tests.site.conftest import Play, plan
from tests.site.racks import ONE, RACK


def racked(make, **rack) -> Play:
    """A rack of two weapons and an empty slot, seen as the file says."""
    play = make(door=ONE, rack=[RACK | rack])
    play.to(7)
    play.events.clear()
    return play


@pytest.fixture
def rack(make):
    return racked(make)


@pytest.fixture
def inside(rack):
    """The same with p-1's session open since 10 s."""
    rack.finger("1", 10)
    rack.events.clear()
    return rack


def tagged(play, ref, tag, t, state="normal"):
    """Read a slot's point with what its tag says."""
    device, _, name = ref.partition(".")
    return play._at(lambda at: PointRead(device, name, PointState(state), at, {"tag": tag}), t)


def settled(play, ref, state, t):
    """Change a slot and let it settle."""
    return play.point(ref, state, t) + play.to(t + 0.5)


class TestSession:
    def test_a_removal_is_logged_with_the_session_s_people(self, inside):
        assert settled(inside, "board.s1", "alarm", 20) == ["rack.removed r1"]
        event = inside.last("rack.removed")
        assert event.data == {
            "area": "hall",
            "slot": "board.s1",
            "serial": "M4-0001",
            "persons": ["p-1"],
        }
        assert event.at == inside.now(20)

    def test_a_return_is_logged_with_whoever_brings_it(self, inside):
        settled(inside, "board.s1", "alarm", 20)
        inside.finger("2", 2000)
        assert settled(inside, "board.s1", "normal", 2010) == ["rack.returned r1"]
        assert inside.last("rack.returned").data["persons"] == ["p-2"]

    def test_without_one_it_is_an_intrusion(self, rack):
        assert settled(rack, "board.s1", "alarm", 20) == ["rack.intrusion r1", "alarm.raised 1"]
        event = rack.last("rack.intrusion")
        assert event.data == {"area": "hall", "slot": "board.s1", "serial": "M4-0001"}
        assert event.at == rack.now(20)

    def test_what_is_put_back_without_one_is_an_intrusion_too(self, inside):
        settled(inside, "board.s1", "alarm", 20)
        found = settled(inside, "board.s1", "normal", 2000)
        assert found == ["rack.intrusion r1", "alarm.raised 1"]
        assert "rack.overdue r1" not in inside.to(13 * 3600)  # it is back

    @pytest.mark.parametrize(
        ("t", "kind"),
        [(9.999, "intrusion"), (10, "removed"), (910, "removed"), (910.001, "intrusion")],
    )
    def test_the_first_instant_counts(self, rack, t, kind):
        if t < 10:  # a driver that tells late of what was before the grant
            rack.finger("1", 10)
            rack.step(PointRead("board", "s1", PointState.ALARM, round(t * 1e6)), 10)
            found = rack.to(20)
        else:
            rack.finger("1", 10)
            rack.answer("done", 10)
            rack.to(20)
            found = settled(rack, "board.s1", "alarm", t)
        assert f"rack.{kind} r1" in found

    def test_it_may_settle_after_the_session(self, inside):
        inside.to(20)
        assert settled(inside, "board.s1", "alarm", 909.9) == ["rack.removed r1"]

    def test_the_door_may_be_closed(self, inside):
        inside.answer("done", 10)
        inside.to(20)
        assert settled(inside, "board.s1", "alarm", 400) == ["rack.removed r1"]

    def test_two_sessions_side_by_side_are_everybody_s(self, inside):
        inside.finger("2", 30)
        settled(inside, "board.s1", "alarm", 40)
        assert inside.last("rack.removed").data["persons"] == ["p-1", "p-2"]

    def test_a_grant_that_was_cancelled_is_none(self, inside):
        inside.answer("cancelled", 11)
        assert "rack.intrusion r1" in settled(inside, "board.s1", "alarm", 20)

    def test_a_restart_ends_it(self, inside):
        inside.start(20)
        inside.ready(21)
        assert "rack.intrusion r1" in settled(inside, "board.s1", "alarm", 30)

    def test_arming_everything_ends_it(self, inside):
        inside.answer("done", 10)
        inside.to(20)
        inside.finger("1", 20)
        inside.to(26)
        inside.command("area.arm", 30, area="hall")
        assert "area.armed hall" in inside.to(100)
        assert "rack.intrusion r1" in settled(inside, "board.s1", "alarm", 110)


class TestSettling:
    def test_a_touch_is_no_removal(self, inside):
        inside.point("board.s1", "alarm", 20)
        inside.point("board.s1", "normal", 20.4)
        assert inside.to(60) == []

    def test_settle_ms_says_how_long(self, make):
        rack = racked(make, settle_ms=5000)
        rack.finger("1", 10)
        rack.point("board.s1", "alarm", 20)
        assert rack.to(24.9) == []
        assert rack.to(25) == ["rack.removed r1"]
        assert rack.last("rack.removed").at == rack.now(20)

    def test_no_rhythm_of_touches_hides_a_removal(self, rack):
        t = 20.0
        while t < 25:
            rack.point("board.s1", "alarm", t)
            rack.point("board.s1", "normal", t + 0.1)
            t += 0.2
        assert rack.count("rack.intrusion") >= 1
        assert rack.last("rack.intrusion").at.mono_us < 26_000_000

    def test_mass_issue_of_100_slots_in_ten_minutes_loses_none(self, make):
        slots = {f"board.slot-{n}": f"SN-{n:03}" for n in range(100)}
        play = make(door=ONE, rack=[RACK | {"slots": slots}])
        play.finger("1", 10)
        play.events.clear()
        for n in range(100):
            play.point(f"board.slot-{n}", "alarm", 20 + n * 6)
        play.to(700)
        removed = [e for e in play.events if e.kind == "rack.removed"]
        assert [e.data["serial"] for e in removed] == list(slots.values())
        assert all(e.data["persons"] == ["p-1"] for e in removed)
        assert [e.at for e in removed] == [play.now(20 + n * 6) for n in range(100)]

    def test_100_slots_in_one_instant_lose_none(self, make):
        slots = {f"board.slot-{n}": f"SN-{n:03}" for n in range(100)}
        play = make(door=ONE, rack=[RACK | {"slots": slots}])
        play.finger("1", 10)
        for n in range(100):
            play.point(f"board.slot-{n}", "alarm", 20)
        play.to(21)
        removed = {e.data["serial"] for e in play.events if e.kind == "rack.removed"}
        assert removed == set(slots.values())


class TestWrong:
    def test_something_in_the_empty_slot(self, inside):
        assert settled(inside, "board.s3", "normal", 20) == ["rack.wrong_slot r1"]
        data = inside.last("rack.wrong_slot").data
        assert (data["slot"], data["expected"]) == ("board.s3", "empty")
        assert "serial" not in data
        assert settled(inside, "board.s3", "alarm", 30) == ["rack.removed r1"]

    def test_another_weapon_s_tag(self, inside):
        settled(inside, "board.s1", "alarm", 20)
        tagged(inside, "board.s1", "M4-0002", 30)
        assert inside.to(31) == ["rack.wrong_slot r1"]
        data = inside.last("rack.wrong_slot").data
        assert (data["serial"], data["expected"]) == ("M4-0002", "M4-0001")

    def test_a_swap_without_a_moment_of_emptiness(self, inside):
        tagged(inside, "board.s1", "M4-0001", 20)
        assert inside.to(21) == []
        tagged(inside, "board.s1", "M4-0002", 30)
        assert inside.to(31) == ["rack.removed r1", "rack.wrong_slot r1"]
        tagged(inside, "board.s1", "M4-0001", 40)
        assert inside.to(41) == ["rack.removed r1", "rack.returned r1"]

    @pytest.mark.parametrize(("tag", "told"), [("AK-7", "AK-7"), (None, "unreadable")])
    def test_a_tag_that_no_slot_knows(self, inside, tag, told):
        settled(inside, "board.s1", "alarm", 20)
        tagged(inside, "board.s1", tag, 30)
        assert inside.to(31) == ["rack.unknown_tag r1", "alarm.raised 1"]
        assert inside.last("rack.unknown_tag").data["tag"] == told

    def test_without_a_session_it_is_an_intrusion_besides(self, rack):
        found = settled(rack, "board.s3", "normal", 20)
        assert found == ["rack.intrusion r1", "alarm.raised 1", "rack.wrong_slot r1"]

    @pytest.mark.parametrize("state", ["open", "short"])
    def test_a_cut_wire_is_an_intrusion_whoever_is_inside(self, inside, state):
        found = settled(inside, "board.s1", state, 20)
        assert found == ["rack.intrusion r1", "alarm.raised 1"]
        assert inside.last("rack.intrusion").data["state"] == state
        assert settled(inside, "board.s1", "normal", 30) == ["point.normal board.s1"]


class TestOverdue:
    def test_told_once_with_the_people(self, inside):
        settled(inside, "board.s1", "alarm", 20)
        assert inside.to(12 * 3600 + 19.9) == []
        assert inside.to(12 * 3600 + 20) == ["rack.overdue r1", "alarm.raised 1"]
        data = inside.last("rack.overdue").data
        assert (data["serial"], data["persons"], data["due_h"]) == ("M4-0001", ["p-1"], 12)
        assert "rack.overdue r1" not in inside.to(100 * 3600)

    def test_back_in_time(self, inside):
        settled(inside, "board.s1", "alarm", 20)
        settled(inside, "board.s1", "normal", 500)
        assert inside.to(100 * 3600) == []

    def test_the_wrong_slot_is_not_back(self, inside):
        settled(inside, "board.s1", "alarm", 20)
        settled(inside, "board.s3", "normal", 30)
        assert "rack.overdue r1" in inside.to(13 * 3600)

    def test_the_time_goes_on_over_a_restart(self, inside):
        settled(inside, "board.s1", "alarm", 20)
        inside.start(3600)
        assert "rack.overdue r1" in inside.to(12 * 3600 + 20)


class TestAway:
    def test_a_board_that_dies_is_told_of_the_board(self, rack):
        told = rack.device("board", "lost", 20)
        assert told == ["device.lost board", "alarm.raised 1", "zone.faulted pir"]

    def test_gone_while_nobody_saw(self, rack):
        rack.device("board", "lost", 20)
        rack.device("board", "ready", 30)
        assert "rack.intrusion r1" in rack.point("board.s1", "alarm", 30)

    def test_the_same_as_before_is_no_news(self, rack):
        rack.device("board", "lost", 20)
        rack.device("board", "ready", 30)
        assert rack.point("board.s1", "normal", 30) == []

    def test_gone_while_the_daemon_was_away(self, rack):
        rack.start(20)
        assert "rack.intrusion r1" in rack.point("board.s1", "alarm", 21)

    def test_missing_when_it_is_first_seen(self, make):
        play = make(rack=[RACK])
        play.forget("slot")
        play.forget("point")
        play.start(5)
        assert "rack.intrusion r1" in play.point("board.s1", "alarm", 6)
        assert play.point("board.s2", "normal", 6) == []
        assert play.point("board.s3", "alarm", 6) == []

    def test_taken_in_a_session_while_the_board_was_away(self, inside):
        inside.device("board", "lost", 20)
        inside.device("board", "ready", 30)
        assert inside.point("board.s1", "alarm", 30) == ["rack.removed r1"]


class TestAlarm:
    def test_each_one_after_the_acknowledgement_is_an_alarm_of_its_own(self, rack):
        settled(rack, "board.s1", "alarm", 20)
        rack.command("alarm.acknowledge", 25, alarm="1")
        found = settled(rack, "board.s2", "alarm", 30)
        assert found == ["rack.intrusion r1", "alarm.raised 2"]

    def test_it_is_restored_only_when_the_weapon_is_back(self, rack):
        settled(rack, "board.s1", "alarm", 20)
        rack.finger("1", 30)
        rack.command("alarm.acknowledge", 31, alarm="1")
        rack.command("alarm.check", 32, alarm="1")
        assert rack.refusal == "not-normal"
        settled(rack, "board.s1", "normal", 40)
        rack.command("alarm.check", 42, alarm="1")
        assert rack.refusal == ""


def test_the_view_tells_what_stands_where_and_nobodys_name(inside):
    settled(inside, "board.s1", "alarm", 20)
    view = inside.site.view()["racks"][0]
    assert [(s["serial"], s["point"], s["normal"]) for s in view["slots"]] == [
        ("M4-0001", "alarm", True),
        ("M4-0002", "normal", True),
        ("", "alarm", True),
    ]
    assert "p-1" not in json.dumps(view)


class TestTable:
    def mistakes(self, *racks):
        made = plan(rack=[RACK | rack for rack in racks])
        return [(".".join(map(str, m.key)), m.found) for m in made.mistakes()]

    def test_the_doors_exist(self):
        assert self.mistakes({"doors": ["store", "attic"]}) == [("rack.0.doors", "attic")]

    def test_a_serial_is_one_slot_s(self):
        other = {"id": "r2", "slots": {"board.s9": "M4-0001", "board.s8": "empty"}}
        assert self.mistakes({}, other) == [("rack.1.slots.board.s9", "M4-0001")]

    def test_a_slot_has_a_point_of_its_own(self):
        slots = {"board.pir": "M4-0001"}
        assert self.mistakes({"slots": slots}) == [("rack.0.slots.board.pir", "board.pir")]

    @pytest.mark.parametrize("slots", [{}, {"s1": "M4-0001"}, {"board.s1": ""}])
    def test_slots_are_points_with_serials(self, slots):
        with pytest.raises(ValueError, match="slots"):
            Plan.model_validate(
                {"site": {"id": "t", "name": "t"}, "rack": [RACK | {"slots": slots}]}
            )


class TestArming:
    def not_ready(self, play):
        return play.site.view()["areas"][0]["not_ready"]

    def test_a_cut_slot_keeps_the_area_from_being_armed(self, rack):
        settled(rack, "board.s1", "open", 20)
        assert self.not_ready(rack)["board.s1"] == "tampered"

    def test_a_weapon_that_is_out_does_not(self, inside):
        settled(inside, "board.s1", "alarm", 20)
        assert self.not_ready(inside) == {}

    def test_a_rack_whose_board_is_away_does(self, make):
        slots = {"cupboard.s1": "M4-0001"}
        devices = [{"id": name} for name in ("board", "reader", "lobby", "cam", "cupboard")]
        play = make(device=devices, rack=[RACK | {"slots": slots}])
        assert self.not_ready(play) == {}
        play.device("cupboard", "lost", 20)
        assert self.not_ready(play)["cupboard"] == "faulted"
