"""Proof tests: what was heard, what was not, and what is late."""

from __future__ import annotations

import pytest

from tests.site.conftest import Play, plan

H, D = 3600, 86_400
ZONES = [
    {
        "id": name,
        "area": "hall",
        "point": f"board.{name}",
        "kind": kind,
        "supervision": "eol",
        "test_due_d": 10,
    }
    for name, kind in (("pir", "instant"), ("wall", "always"), ("lid", "tamper"))
]
SIREN = {"id": "siren", "area": "hall", "output": "board.siren", "kind": "siren"}
POWER = {"mains": "board.mains", "battery": "board.battery"}
FORCED = {"credentials": [{"kind": "finger", "reference": "reader:9", "duress": True}]}


@pytest.fixture
def site(make):
    play = make(
        zone=ZONES,
        door={"reader_in": "lobby"},
        output=[SIREN],
        power=POWER,
        area={"exit_delay_s": 0},
    )
    play.enrol("p-9", "officer", **FORCED)
    return play


def seen(play, t=9):
    play.finger("1", t)
    play.events.clear()


def late(found):
    return [event for event in found if "overdue" in event]


class TestWalk:
    def test_each_detector_once_and_the_rest_is_missing(self, site):
        seen(site)
        assert site.command("walk.begin", 10, area="hall")[0] == "area.walk_started hall"
        for t in (20, 30):
            site.point("board.pir", "alarm", t)
            site.point("board.pir", "normal", t + 1)
        site.to(40)
        assert site.count("zone.tested") == 1
        assert site.last("zone.tested").data["persons"] == ["p-1"]
        site.command("walk.end", 50, area="hall")
        data = site.last("area.walk_ended").data
        assert (data["tested"], data["missing"]) == (["pir"], ["wall", "lid"])

    def test_it_suspends_nothing(self, site):
        seen(site)
        site.command("walk.begin", 10, area="hall")
        site.point("board.wall", "alarm", 20)
        found = site.to(21)
        assert found == ["zone.tested wall", "zone.alarmed wall", "alarm.raised 1"]

    def test_with_technician_mode_what_is_watched_at_all_times_is_tested_quietly(self, site):
        site.finger("4", 8)
        seen(site)
        site.command("technician.begin", 10, area="hall", zones=["wall", "lid"])
        site.command("walk.begin", 11, area="hall")
        site.point("board.lid", "alarm", 20)
        assert site.to(21) == ["zone.tested lid", "point.changed board.lid"]

    @pytest.mark.parametrize("state", ["open", "short"])
    def test_a_cut_wire_is_no_test(self, site, state):
        seen(site)
        site.command("walk.begin", 10, area="hall")
        site.point("board.pir", state, 20)
        site.to(21)
        assert site.count("zone.tested") == 0

    def test_nothing_is_tested_without_one(self, site):
        site.point("board.pir", "alarm", 20)
        assert site.to(21) == ["point.changed board.pir"]

    def test_nobody_on_site(self, site):
        site.command("walk.begin", 10, area="hall")
        assert site.refusal == "not-on-site"

    def test_not_in_an_armed_area(self, site):
        site.finger("2", 8)
        seen(site)
        site.command("area.arm", 9, area="hall")
        site.command("walk.begin", 10, area="hall")
        assert site.refusal == "wrong-mode"

    def test_in_an_area_that_is_armed_meanwhile_nothing_is_a_test(self, site):
        seen(site)
        site.command("walk.begin", 10, area="hall")
        site.command("area.arm", 11, area="hall")
        site.point("board.pir", "alarm", 20)
        assert "zone.tested pir" not in site.to(21)
        assert site.count("zone.alarmed") == 1

    def test_not_twice_and_not_ended_twice(self, site):
        seen(site)
        site.command("walk.begin", 10, area="hall")
        site.command("walk.begin", 11, area="hall")
        assert site.refusal == "wrong-mode"
        site.command("walk.end", 12, area="hall")
        site.command("walk.end", 13, area="hall")
        assert site.refusal == "wrong-mode"

    def test_it_ends_by_itself(self, site):
        seen(site)
        site.command("walk.begin", 10, area="hall")
        assert site.to(H + 9) == []
        assert site.to(H + 10) == ["area.walk_ended hall"]

    def test_a_restart_ends_it(self, site):
        seen(site)
        site.command("walk.begin", 10, area="hall")
        assert "area.walk_ended hall" in site.start(20)


class TestZoneDue:
    def test_told_once(self, site):
        found = late(site.to(10 * D - 1))
        assert "zone.test_overdue pir" not in found
        assert "zone.test_overdue pir" in site.to(10 * D)
        assert site.last("zone.test_overdue").data["due_d"] == 10
        assert "zone.test_overdue pir" not in site.to(40 * D)

    def test_a_walk_test_begins_the_time_anew(self, site):
        t = 9 * D
        seen(site, t)
        site.command("walk.begin", t + 1, area="hall")
        site.point("board.pir", "alarm", t + 2)
        found = site.to(19 * D)
        assert "zone.test_overdue wall" in found
        assert "zone.test_overdue pir" not in found
        assert "zone.test_overdue pir" in site.to(19 * D + 3)


class TestPanicDue:
    def test_each_shift_unless_it_was_tested(self, make):
        play = make(panic={"test_due_h": 12})
        play.command("panic.test", 6 * H, origin="monitor", panic="desk")
        play.point("board.panic", "alarm", 6 * H + 1)
        play.point("board.panic", "normal", 6 * H + 2)
        assert late(play.to(18 * H)) == []
        assert late(play.to(18 * H + 1)) == ["zone.test_overdue desk"]
        assert play.last("zone.test_overdue").data["what"] == "panic"

    def test_a_real_press_is_no_test(self, make):
        play = make(panic={"test_due_h": 12})
        play.point("board.panic", "alarm", 6 * H)
        assert "zone.test_overdue desk" in play.to(12 * H)


class TestSiren:
    def begun(self, site):
        seen(site)
        return site.command("output.test", 10, output="siren")

    def test_it_sounds_for_a_moment_and_its_answer_is_the_result(self, site):
        self.begun(site)
        (action,) = site.actions
        assert (action.verb, action.args) == ("pulse", {"for_ms": 3000})
        assert site.answer("done", 11) == ["test.passed siren"]
        assert site.last("test.passed").data["what"] == "siren"

    @pytest.mark.parametrize("outcome", ["refused", "unknown", "cancelled"])
    def test_what_does_not_sound_has_failed(self, site, outcome):
        self.begun(site)
        assert site.answer(outcome, 11)[0] == "test.failed siren"

    def test_nobody_on_site(self, site):
        site.command("output.test", 10, output="siren")
        assert site.refusal == "not-on-site"

    def test_not_twice_at_once(self, site):
        self.begun(site)
        site.command("output.test", 11, output="siren")
        assert site.refusal == "wrong-mode"

    def test_silenced_it_has_failed(self, make):
        """Whatever its pulse's answer says, or that of what silenced it."""
        play = make(area={"exit_delay_s": 0, "disarm_people": 1}, output=[SIREN])
        seen(play)
        play.command("area.arm", 10, area="hall")
        play.command("output.test", 10, output="siren")
        number = play.actions[-1].id
        found = play.command("area.disarm", 11, area="hall")
        assert "test.failed siren" in found
        assert play.last("test.failed").data["reason"] == "silenced"
        play.answer("cancelled", 11.1, action=number)
        play.answer("done", 11.2)
        assert play.count("test.passed") == 0

    def test_with_a_readback_that_is_away_it_has_failed(self, make):
        device = [{"id": name} for name in ("board", "reader", "lobby", "cam", "ear")]
        play = make(device=device, output=[SIREN | {"readback": "ear.heard"}])
        play.device("ear", "lost", 5)
        seen(play)
        play.command("output.test", 10, output="siren")
        play.answer("done", 10.1)
        assert play.to(13) == ["test.failed siren"]
        assert play.last("test.failed").data["reason"] == "not-heard"
        play.command("output.test", 14, output="siren")
        assert play.refusal == "", "another may begin"

    def test_an_unknown_one(self, site):
        site.command("output.test", 11, output="bell")
        assert site.refusal == "unknown-output"

    def test_due_each_month_and_an_alarm_is_no_test(self, site):
        self.begun(site)
        site.answer("refused", 11)
        found = late(site.to(31 * D))
        assert "zone.test_overdue siren" in found


class TestBattery:
    def begun(self, site):
        seen(site)
        site.command("battery.test", 10)

    def test_a_minute_without_mains(self, site):
        self.begun(site)
        site.point("board.mains", "alarm", 20)
        site.to(40)
        assert site.point("board.mains", "normal", 80) == [
            "test.passed test-1",
            "power.mains_back test-1",
        ]

    def test_low_in_it_has_failed(self, site):
        self.begun(site)
        site.point("board.mains", "alarm", 20)
        found = site.point("board.battery", "alarm", 40)
        assert found == [
            "power.mains_lost test-1",
            "power.battery_low test-1",
            "test.failed test-1",
        ]
        assert site.last("test.failed").data["reason"] == "battery-low"

    def test_too_short_is_none(self, site):
        self.begun(site)
        site.point("board.mains", "alarm", 20)
        site.point("board.mains", "normal", 79)
        assert "test.failed test-1" in site.to(610)
        assert site.last("test.failed").data["reason"] == "mains-stayed"

    @pytest.mark.parametrize("point", ["mains", "battery"])
    def test_not_while_it_is_needed(self, site, point):
        seen(site)
        site.point(f"board.{point}", "alarm", 10)
        site.command("battery.test", 10)
        assert site.refusal == "wrong-mode"

    def test_nobody_on_site(self, site):
        site.command("battery.test", 10)
        assert site.refusal == "not-on-site"

    @pytest.mark.parametrize("power", [None, {"mains": "board.mains"}])
    def test_no_battery(self, make, power):
        play = make(power=power)
        play.command("battery.test", 10)
        assert play.refusal == "no-battery"

    def test_a_restart_ends_it(self, site):
        self.begun(site)
        site.start(20)
        site.ready(21)
        assert "test.failed test-1" not in site.to(700)

    def test_due_each_month(self, site):
        found = [e for e in site.to(31 * D) if e == "zone.test_overdue test-1"]
        assert len(found) == 1


class TestDuress:
    def test_the_monitor_announces_it_and_the_next_one_is_a_test(self, site):
        site.command("duress.test", 10, person="p-9", origin="monitor")
        assert site.finger("9", 20) == ["test.passed duress"]
        assert site.last("test.passed").data["hidden"] is True
        assert site.finger("9", 30)[0].startswith("duress.raised")

    @pytest.mark.parametrize("person", ["p-9", "p-1"])
    def test_nothing_on_site_shows_that_it_was_announced(self, site, person):
        site.command("duress.test", 10, person=person, origin="monitor")
        assert all(event.data.get("hidden") for event in site.events)

    def test_not_from_here(self, site):
        site.command("duress.test", 10, person="p-9")
        assert site.refusal == "not-from-here"
        assert site.finger("9", 20)[0].startswith("duress.raised")

    def test_somebody_else_s_is_real(self, site):
        site.enrol("p-8", "officer", finger="8")
        site.saved["person/p-8"]["credentials"][0]["duress"] = True
        site.reborn = True
        site.command("duress.test", 10, person="p-9", origin="monitor")
        assert site.finger("8", 20)[0].startswith("duress.raised")

    def test_a_minute_and_no_longer(self, site):
        site.command("duress.test", 10, person="p-9", origin="monitor")
        assert site.to(70) == ["test.failed duress"]
        assert site.finger("9", 71)[0].startswith("duress.raised")

    def test_a_restart_makes_the_next_one_real(self, site):
        site.command("duress.test", 10, person="p-9", origin="monitor")
        site.start(20)
        site.ready(21)
        assert site.finger("9", 30)[0].startswith("duress.raised")

    @pytest.mark.parametrize("person", ["p-1", "nobody"])
    def test_of_those_who_have_one(self, site, person):
        site.command("duress.test", 10, person=person, origin="monitor")
        assert site.refusal == "unknown-person"

    def test_due_each_shift_and_hidden(self, site):
        assert "zone.test_overdue duress" in site.to(12 * H)
        assert site.last("zone.test_overdue").data["hidden"] is True

    def test_nobody_s_is_never_late_until_somebody_has_one(self):
        play = Play(plan(), reborn=True)
        play.start(0)
        assert "zone.test_overdue duress" not in play.to(20 * H)
        play.enrol("p-9", "officer", **FORCED)
        assert "zone.test_overdue duress" in play.to(24 * H)
