"""Technician mode: who begins it, what it suspends, and how it ends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.site.conftest import SECOND, Play, plan

ZONES = [
    {"id": "pir", "area": "hall", "point": "board.pir", "kind": "instant", "supervision": "eol"},
    {"id": "wall", "area": "hall", "point": "board.wall", "kind": "always", "supervision": "eol"},
    {"id": "lid", "area": "hall", "point": "board.lid", "kind": "tamper", "supervision": "nc"},
    {
        "id": "vault",
        "area": "hall",
        "point": "board.vault",
        "kind": "always",
        "supervision": "eol",
        "bypassable": False,
    },
]
AREA = {"technician_s": 600, "exit_delay_s": 0}
OFF = "system.technician_off hall"


@pytest.fixture
def site(make):
    return make(zone=ZONES, area=AREA, door={"reader_in": "lobby"})  # people identify elsewhere


def authorised(play, t=9, fingers=("1", "4")):
    for finger in fingers:
        play.finger(finger, t)
    play.events.clear()


def begun(play, t=10, zones=()):
    authorised(play, t - 1)
    found = play.command("technician.begin", t, area="hall", zones=list(zones))
    assert play.refusal == ""
    return found[:-1]


class TestBegin:
    def test_announced_with_what_it_does_without(self, site):
        assert begun(site, zones=["wall", "lid"]) == [
            "system.technician_on hall",
            "zone.bypassed wall",
            "zone.bypassed lid",
        ]
        data = site.last("system.technician_on").data
        assert data["persons"] == ["p-1", "p-4"]
        assert (data["for_s"], data["bypassed"]) == (600, ["wall", "lid"])

    @pytest.mark.parametrize("fingers", [(), ("4",), ("1",), ("1", "2"), ("3", "4")])
    def test_a_technician_and_an_officer(self, site, fingers):
        authorised(site, 9, fingers)
        site.command("technician.begin", 10, area="hall")
        assert site.refusal == "technician-and-officer-needed"

    def test_lately(self, site):
        authorised(site, 9)
        site.command("technician.begin", 130, area="hall")
        assert site.refusal == "technician-and-officer-needed"

    def test_not_from_afar(self, site):
        authorised(site)
        site.command("technician.begin", 10, area="hall", origin="monitor")
        assert site.refusal == "not-from-here"

    def test_not_in_an_armed_area(self, site):
        authorised(site)
        site.command("area.arm", 9, area="hall")
        site.command("technician.begin", 10, area="hall")
        assert site.refusal == "wrong-mode"

    def test_not_twice(self, site):
        begun(site)
        site.command("technician.begin", 11, area="hall")
        assert site.refusal == "wrong-mode"

    @pytest.mark.parametrize(
        ("zone", "reason"), [("attic", "unknown-zone"), ("vault", "not-bypassable")]
    )
    def test_not_without_every_zone(self, site, zone, reason):
        authorised(site)
        site.command("technician.begin", 10, area="hall", zones=[zone])
        assert site.refusal == reason
        assert site.count("system.technician_on") == 0

    def test_a_zone_that_is_none_is_told_before_anybody_identifies(self, site):
        site.command("technician.begin", 10, area="hall", zones=["attic"])
        assert site.refusal == "unknown-zone"


class TestOn:
    @pytest.mark.parametrize(
        ("point", "state"),
        [("wall", "alarm"), ("wall", "open"), ("lid", "alarm"), ("lid", "short")],
    )
    def test_what_is_bypassed_is_noted_only(self, site, point, state):
        begun(site, zones=["wall", "lid"])
        site.point(f"board.{point}", state, 20)
        assert site.to(21) == [f"point.changed board.{point}"]

    @pytest.mark.parametrize(("point", "kind"), [("wall", "alarmed"), ("lid", "tampered")])
    def test_what_is_not_stays_real(self, site, point, kind):
        begun(site)
        site.point(f"board.{point}", "alarm", 20)
        assert site.to(21) == [f"zone.{kind} {point}", "alarm.raised 1"]

    def test_more_is_bypassed_meanwhile(self, site):
        begun(site)
        assert site.command("zone.bypass", 300, zone="lid")[0] == "zone.bypassed lid"
        site.point("board.lid", "alarm", 310)
        assert site.to(311) == ["point.changed board.lid"]

    def test_never_without_it(self, site):
        authorised(site, 9, ("1", "2"))
        site.command("zone.bypass", 10, zone="lid")
        assert site.refusal == "not-bypassable"

    def test_a_zone_that_is_counted_on_again_and_open_alarms_at_once(self, site):
        begun(site, zones=["lid"])
        site.point("board.lid", "alarm", 20)
        found = site.command("zone.unbypass", 30, zone="lid")
        assert found[1:4] == ["zone.unbypassed lid", "zone.tampered lid", "alarm.raised 1"]

    def test_panic_stays_real(self, site):
        begun(site, zones=["wall", "lid", "pir"])
        assert site.point("board.panic", "alarm", 20) == ["panic.raised desk", "alarm.raised 1"]

    @pytest.mark.parametrize("override", [False, True])
    def test_nothing_is_armed(self, site, override):
        begun(site)
        authorised(site, 20, ("1", "2"))
        site.command("area.arm", 21, area="hall", override=override)
        assert site.refusal == "wrong-mode"
        assert site.site.view()["areas"][0]["not_ready"]["technician"] == "technician"


class TestEnd:
    def test_by_itself_with_its_bypasses_and_what_is_open_alarms(self, site):
        begun(site, zones=["wall", "lid", "pir"])
        site.point("board.wall", "alarm", 20)
        site.point("board.pir", "alarm", 21)
        assert OFF not in site.to(609.9)
        assert site.to(610) == [
            OFF,
            "zone.unbypassed pir",
            "zone.unbypassed wall",
            "zone.alarmed wall",
            "alarm.raised 1",
            "zone.unbypassed lid",
        ]
        data = site.last("system.technician_off").data
        assert (data["cause"], data["open"]) == ("time-over", ["pir", "wall"])

    def test_when_the_work_is_done(self, site):
        begun(site, zones=["lid"])
        found = site.command("technician.end", 30, area="hall", origin="monitor")
        assert found[:-1] == [OFF, "zone.unbypassed lid"]
        assert site.last("system.technician_off").data["cause"] == "asked"
        site.point("board.lid", "alarm", 31)
        assert "zone.tampered lid" in site.to(32)

    def test_not_when_it_is_off(self, site):
        site.command("technician.end", 30, area="hall")
        assert site.refusal == "wrong-mode"

    def test_a_bypass_that_is_withdrawn_before_is_not_withdrawn_again(self, site):
        begun(site, zones=["lid"])
        site.command("zone.unbypass", 20, zone="lid")
        assert site.to(610) == [OFF]


class TestRestart:
    def test_in_the_same_boot_it_goes_on_and_ends_at_its_time(self, site):
        begun(site, zones=["lid"])
        site.start(60)
        site.ready(61)
        assert site.to(609) == []
        assert site.to(610)[:2] == [OFF, "zone.unbypassed lid"]

    def test_over_a_reboot_with_a_trusted_clock_it_ends_at_its_time(self, site):
        begun(site, zones=["lid"])
        reboot(site, 100)
        assert OFF not in site.start(0)
        site.ready(1)
        assert site.to(509) == []
        assert site.to(510)[0] == OFF

    def test_its_time_ran_out_without_power(self, site):
        begun(site, zones=["lid"])
        reboot(site, 5000)
        site.start(0)
        assert OFF in site.to(0)

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_an_untrusted_clock_ends_it_at_once(self, site, when):
        site.trusted = when != "before"
        begun(site, zones=["lid"])
        site.point("board.lid", "alarm", 20)
        site.to(21)
        reboot(site, 100)
        site.trusted = when != "after"
        found = site.start(0)
        at = found.index(OFF)
        assert found[at:] == [OFF, "zone.unbypassed lid", "zone.tampered lid", "alarm.raised 1"]
        assert site.last("system.technician_off").data["cause"] == "restart"


def reboot(play, after_s):
    """Switch the machine off and on, so long after the first start."""
    play.boot, play.t = "boot-2", 0
    play.utc_us += after_s * SECOND


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("finger"), st.sampled_from(["1", "2", "4"])),
        st.tuples(st.just("begin"), st.sampled_from([(), ("wall",), ("lid", "pir")])),
        st.tuples(st.just("end"), st.just("")),
        st.tuples(st.just("bypass"), st.sampled_from(["pir", "wall", "lid"])),
        st.tuples(st.just("unbypass"), st.sampled_from(["pir", "wall", "lid"])),
        st.tuples(st.sampled_from(["pir", "wall", "lid"]), st.sampled_from(["normal", "alarm"])),
        st.tuples(st.just("arm"), st.just("")),
        st.tuples(st.just("start"), st.just("")),
        st.tuples(st.just("wait"), st.sampled_from([1, 200, 700])),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=80)
@given(STEPS)
def test_it_always_ends_and_nothing_stays_bypassed(steps):
    plays = [Play(plan(zone=ZONES, area=AREA), reborn=reborn) for reborn in (False, True)]
    for play in plays:
        play.start(0)
        play.enrol("p-1")
        play.enrol("p-2")
        play.enrol("p-4", "technician")
        play.ready(1)
        for what, how in steps:
            act(play, what, how, play.t + 1)
        play.to(play.t + 601)
    play = plays[0]
    assert play.events == plays[1].events
    assert play.count("system.technician_on") == play.count("system.technician_off")
    view = {zone["id"]: zone["bypassed"] for zone in play.site.view()["zones"]}
    assert not view["wall"]
    assert not view["lid"]


def act(play, what, how, t):
    match what:
        case "finger":
            play.finger(how, t)
        case "begin":
            play.command("technician.begin", t, area="hall", zones=list(how))
        case "end":
            play.command("technician.end", t, area="hall")
        case "bypass" | "unbypass":
            play.command(f"zone.{what}", t, zone=how)
        case "arm":
            play.command("area.arm", t, area="hall")
        case "start":
            play.start(t)
            play.ready(t)
        case "wait":
            play.to(t + how)
        case point:
            play.point(f"board.{point}", how, t)
