"""The gateway: starts, stops, its clock, and the paths to the monitor."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.site.commanding import Commanding
from agent.site.commands import COMMANDS
from agent.site.inputs import (
    ClockStepped,
    Condition,
    DeviceFlooded,
    PathCarries,
    PathNews,
    PathTested,
    Started,
    Stopping,
)
from tests.site.conftest import MIDNIGHT_US, SECOND, Play, plan

# Parameters as anybody may send them.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99999) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
KEYS = sorted({key for row in COMMANDS.values() for key in row.params.model_fields})
ANYTHING = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=9), VALUES, max_size=4)


def test_the_first_start_ever_was_not_blind():
    play = Play(plan(), reborn=False)
    assert play.start(0) == ["system.started test-1"]
    assert play.last("system.started").data == {"version": "1.0", "clean": True}


def started(play, t, config):
    return play.step(Started("1.0", t * SECOND, config=config), t)


def test_another_site_file_than_the_last_runs_is_told():
    play = Play(plan(), reborn=True)
    assert started(play, 0, "a") == ["system.started test-1"]  # the first one ever
    assert started(play, 1, "a") == ["system.started test-1"]
    assert started(play, 2, "") == ["system.started test-1"]
    assert started(play, 3, "b") == ["system.started test-1", "system.configured test-1"]
    assert started(play, 4, "b") == ["system.started test-1"]


class TestBelieved:
    """How late it has been already: commands from afar are judged by it."""

    def test_is_the_latest_of_the_runs_before(self, play):
        at_us = play.utc_us + 500 * SECOND
        play.step(Started("1.0", 0, at_us, last_trusted=True), 0)
        assert play.site.believed_us() == at_us
        play.step(Started("1.0", SECOND, at_us - 400 * SECOND, last_trusted=True), 1)
        assert play.site.believed_us() == at_us, "the clock was set back before this start"

    def test_is_what_the_clock_showed_before_it_was_set_back(self, play):
        play.step(ClockStepped(play.utc_us + 900 * SECOND, play.utc_us, SECOND), 1)
        assert play.site.believed_us() == play.utc_us + 900 * SECOND

    def test_is_not_what_an_unsynchronised_clock_says(self, play):
        play.trusted = False
        known_us = play.site.believed_us()
        play.step(Started("1.0", 0, play.utc_us + 10**15), 0)
        play.trusted = True
        play.step(ClockStepped(play.utc_us + 10**15, play.utc_us, SECOND), 1)
        assert play.site.believed_us() == known_us


class TestBlind:
    def test_from_the_last_record_to_the_start(self, play):
        found = play.step(Started("1.0", 30 * SECOND, play.utc_us + 10 * SECOND, clean=False), 30)
        assert found == ["system.started test-1", "system.blind test-1"]
        blind = play.last("system.blind").data
        assert (blind["from"], blind["to"]) == (
            play.utc_us + 10 * SECOND,
            play.utc_us + 30 * SECOND,
        )
        assert blind["clean"] is False

    @pytest.mark.parametrize(("seconds", "alarms"), [(60, 0), (61, 1)])
    def test_longer_than_a_minute_somebody_must_look(self, play, seconds, alarms):
        play.start(100 + seconds, last_utc_us=play.utc_us + 100 * SECOND)
        assert play.count("alarm.raised") == alarms

    def test_for_who_knows_how_long_somebody_must_look(self, play):
        play.boot, play.trusted = "boot-2", False
        play.start(1, last_utc_us=play.utc_us)
        assert play.count("alarm.raised") == 1

    def test_the_check_on_site_closes_it(self, play):
        play.start(1000, last_utc_us=play.utc_us + 100 * SECOND)
        play.ready(1000)
        play.command("alarm.acknowledge", 1001, alarm="1")
        play.command("alarm.check", 1002, alarm="1", origin="monitor")
        assert play.refusal == "not-on-site"
        play.finger("1", 1003)
        play.command("alarm.check", 1004, alarm="1")
        assert play.refusal == ""


def test_stopping_is_an_event(play):
    assert play.step(Stopping("asked to", 5 * SECOND), 5) == ["system.stopped test-1"]


class TestClock:
    def test_a_step_tells_before_and_after(self, play):
        found = play.step(ClockStepped(100, 200, 5 * SECOND), 5)
        assert found == ["system.clock_stepped test-1"]
        assert play.last("system.clock_stepped").data == {"before": 100, "after": 200}

    def test_trusted_from_now_on(self):
        play = Play(plan(), reborn=False)
        play.trusted = False
        play.start(0)
        play.trusted = True
        found = play.step(ClockStepped(100, 200, 5 * SECOND), 5)
        assert found == ["system.clock_stepped test-1", "system.clock_trusted test-1"]
        assert play.step(ClockStepped(300, 300, 6 * SECOND), 6) == []


class TestPaths:
    def test_the_first_connection_is_no_event(self, play):
        assert play.path("main", "ready", 5) == []

    def test_lost_and_back(self, play):
        play.path("main", "ready", 5)
        assert play.path("main", "lost", 6) == ["uplink.lost main"]
        assert play.path("main", "lost", 7) == []
        assert play.path("main", "ready", 8) == ["uplink.back main"]

    def test_nobody_behind_the_broker(self, play):
        play.path("main", "ready", 5)
        assert play.path("main", "absent", 6) == ["uplink.monitor_absent main"]
        assert play.path("main", "absent", 7) == []
        assert play.path("main", "lost", 8) == ["uplink.lost main"]
        assert play.path("main", "ready", 9) == ["uplink.back main"]

    def test_lost_over_a_restart_it_is_back_after_it(self, play):
        play.path("main", "lost", 5)
        play.start(6)
        assert play.path("main", "ready", 7) == ["uplink.back main"]

    def test_works_but_for_something(self, play):
        def news(condition, reason, t):
            what = PathNews("main", Condition(condition), t * SECOND, reason)
            return play.step(what, t)

        news("ready", "", 5)
        assert news("faulted", "event 9 is too large", 6) == ["uplink.faulted main"]
        assert news("faulted", "event 9 is too large", 7) == []
        assert news("faulted", "event 12 is too large", 8) == ["uplink.faulted main"]
        assert play.last("uplink.faulted").data == {"reason": "event 12 is too large"}
        assert news("lost", "gone", 9) == ["uplink.lost main"]
        assert news("faulted", "again", 10) == ["uplink.back main", "uplink.faulted main"]
        assert news("ready", "", 11) == ["uplink.mended main"]

    def test_another_one_carries(self, play):
        def carries(name, t):
            return play.step(PathCarries(name, t * SECOND), t)

        assert carries("fibre", 5) == []
        assert carries("fibre", 6) == []
        assert carries("mobile", 7) == ["uplink.switched mobile"]
        assert play.last("uplink.switched").data == {"from": "fibre", "to": "mobile"}
        play.start(8)
        assert carries("mobile", 9) == []
        assert carries("fibre", 10) == ["uplink.switched fibre"]

    def test_the_spare_path_is_known_to_work_every_few_hours(self, play):
        def tested(name, hours):
            t = hours * 3600
            play.to(t)
            return play.step(PathTested(name, 12, round(t * SECOND)), t)

        assert tested("fibre", 0) == [], "nobody carries yet, so nobody is the spare"
        play.step(PathCarries("fibre", SECOND), 1)
        assert tested("fibre", 1) == []
        assert tested("mobile", 1) == ["uplink.tested mobile"]
        assert play.last("uplink.tested").data == {"took_ms": 12}
        assert tested("mobile", 2) == []
        assert tested("mobile", 4.5) == []
        assert tested("mobile", 5.5) == ["uplink.tested mobile"]


class TestCertificates:
    DAY_S = 24 * 3600

    def told(self, play, days):
        """Return the days, and the warnings, until a day."""
        before = len(play.events)
        play.to(days * self.DAY_S)
        return [
            (event.data.get("within_d", 0), event.at.mono_us / SECOND / self.DAY_S)
            for event in play.events[before:]
            if event.kind.startswith("uplink.certificate_")
        ]

    def test_is_told_30_and_7_and_1_days_before_its_end_and_at_it(self, play):
        assert play.certificate(40, 5) == []
        assert self.told(play, 60) == [(30, 10), (7, 33), (1, 39), (0, 40)]
        told = play.last("uplink.certificate_expired")
        assert told.object == "main"
        assert told.data == {"whose": "own", "ends": MIDNIGHT_US + 40 * self.DAY_S * SECOND}

    def test_at_a_start_only_the_last_of_what_was_missed_is_told_and_once(self, play):
        assert play.certificate(3, 5) == ["uplink.certificate_expiring main"]
        assert play.last("uplink.certificate_expiring").data["within_d"] == 7
        play.start(6)
        assert play.certificate(3, 7) == []
        assert self.told(play, 3) == [(1, 2), (0, 3)]

    def test_renewed(self, play):
        play.certificate(3, 5)
        assert play.certificate(400, 6) == ["uplink.certificate_renewed main"]
        assert self.told(play, 380) == [(30, 370)]
        assert play.certificate(900, 381 * self.DAY_S) == ["uplink.certificate_renewed main"]

    def test_each_is_watched_on_its_own(self, play):
        play.certificate(40, 5)
        assert play.certificate(20, 6, whose="broker") == ["uplink.certificate_expiring main"]
        assert play.certificate(20, 7, path="b") == ["uplink.certificate_expiring b"]

    def test_with_a_clock_that_is_not_trusted_nothing_is_judged(self, play):
        play.trusted = False
        assert play.certificate(0.5, 5) == []
        assert self.told(play, 2) == []
        play.trusted = True
        t = round(2 * self.DAY_S) + 1
        found = play.step(ClockStepped(1, 1, t * SECOND), t)
        assert "uplink.certificate_expired main" in found

    def test_what_comes_at_once_is_told_in_the_order_of_names(self, play):
        """So it is by a site that is made anew from its state."""
        play.trusted = False
        play.certificate(0.5, 5, path="b")
        play.certificate(0.5, 6, whose="own")
        play.certificate(0.5, 7, whose="broker")
        play.trusted = True
        play.step(ClockStepped(1, 1, 8 * SECOND), 8)
        told = [e for e in play.events if e.kind == "uplink.certificate_expiring"]
        assert [(e.object, e.data["whose"]) for e in told] == [
            ("b", "own"),
            ("main", "broker"),
            ("main", "own"),
        ]

    def test_a_path_that_has_left_the_site_file_is_not_warned_about(self, play):
        play.certificate(40, 5)
        play.start(6)
        assert self.told(play, 60) == []


def test_paths_are_shown_in_the_order_of_their_names(play):
    play.path("spare", "ready", 5)
    play.path("main", "ready", 6)
    assert [path["id"] for path in play.site.view()["paths"]] == ["main", "spare"]


def test_a_flood_is_told(play):
    assert play.step(DeviceFlooded("board", "pir", 900, 5 * SECOND), 5) == [
        "point.flooded board.pir"
    ]
    assert play.last("point.flooded").data["dropped"] == 900


def test_a_point_that_the_file_gives_no_meaning_is_told_as_it_is(play):
    assert play.point("board.spare", "normal", 5) == ["point.changed board.spare"]
    assert play.point("board.spare", "alarm", 6) == ["point.changed board.spare"]
    assert play.last("point.changed").data == {"state": "alarm", "before": "normal"}
    assert play.point("board.spare", "alarm", 7) == []


class TestSimulated:
    def test_every_event_of_a_simulated_device_says_so(self, make):
        play = make(
            device=[{"id": n, "simulated": True} for n in ("board", "reader", "lobby", "cam")]
        )
        play.point("board.panic", "alarm", 5)
        play.finger("1", 6)
        play.point("cam.covered", "alarm", 7)
        play.device("cam", "lost", 8)
        assert len(play.events) == 7
        assert all(event.data["simulated"] for event in play.events)

    def test_no_event_of_a_real_device_says_so(self, play):
        play.point("board.panic", "alarm", 5)
        assert not any("simulated" in event.data for event in play.events)


class TestCommands:
    def test_an_unknown_command(self, play):
        assert play.command("door.explode", 5) == ["command.refused c-0"]
        assert play.refusal == "unknown-command"

    def test_wrong_parameters(self, play):
        for params in ({}, {"alarm": 1}, {"alarm": "1", "more": 1}):
            play.command("alarm.acknowledge", 5, **params)
            assert play.refusal == "bad-params"

    @pytest.mark.parametrize(
        ("name", "params", "why"),
        [
            ("alarm.acknowledge", {}, "alarm: is missing"),
            ("alarm.acknowledge", {"alarm": 1}, "alarm: a text"),
            ("alarm.acknowledge", {"alarm": "x"}, "alarm: an alarm's number, such as 12"),
            ("site.lock_down", {"all": 1}, "all: not known; known here: nothing"),
            ("area.arm", {"area": "hall", "overide": True},
             "overide: not known; did you mean override?"),
            ("area.arm", {"area": "hall", "override": "yes"}, "override: true or false"),
            ("area.arm", {"area": "hall", "part": "A B"},
             "part: an id: small letters, digits and -, at most 32"),
            ("finger.enrol", {"person": "p-1", "reader": "r", "position": 10_000},
             "position: at most 9999"),
            ("count.enter", {"rack": "r"}, "either a count or serials"),
            ("person.enrol",
             {"person": "p-1", "roles": ["boss"], "credentials": [{"kind": "pin"}],
              "valid_to": "2026-12-31"},
             "roles.0: one of 'officer', 'technician', 'guard', 'response' or 'visitor'; "
             "credentials.0.reference: is missing; "
             "valid_to: a time with its zone, such as 2026-01-31T08:00+01:00"),
        ],
    )  # fmt: skip
    def test_wrong_parameters_are_named_with_what_would_be_right(self, play, name, params, why):
        play.command(name, 5, **params)
        assert play.answers[-1].reason == "bad-params"
        assert play.answers[-1].data["why"] == why
        assert play.last("command.refused").data["why"] == why

    @given(st.sampled_from(sorted(COMMANDS)), ANYTHING)
    @example("area.arm", {"name": "", "t": 0, "origin": "", "self": 0, "params": 0})
    def test_no_parameters_are_too_wrong_to_be_told_so(self, name, params):
        play = Play(plan(), reborn=False)
        play.start(0)
        play.ask(name, params, 1, origin=str(max(COMMANDS[name].origins)))
        answer = play.answers[-1]
        assert answer.reason != "bad-params" or answer.data["why"]

    def test_what_was_given_is_never_repeated(self, play):
        digits = "271828"
        pin = {"kind": "pin", "reference": digits, "duress": "no"}
        for roles in (["officer"], [digits], digits):
            for more in ({}, {"valid_to": digits}, {"schedule": digits * 9}):
                play.command(
                    "person.enrol", 5, person="p-9", roles=roles, credentials=[pin], **more
                )
                assert play.refusal == "bad-params"
        assert digits not in repr(play.events) + repr(play.answers)

    def test_every_reason_has_its_sentence(self):
        import inspect
        import re
        from pathlib import Path

        import agent.site
        from agent.site.commands import REFUSALS

        folder = Path(inspect.getfile(agent.site)).parent
        used = {
            reason
            for file in folder.glob("*.py")
            for reason in re.findall(r'Refused\("([a-z-]+)"', file.read_text())
        }
        used |= {f"unknown-{noun}" for noun in ("area", "door", "zone", "panic", "rack", "output")}
        assert used == set(REFUSALS)

    def test_every_command_has_its_handler(self, play):

        assert Commanding(play.site._house)._handlers.keys() == COMMANDS.keys()
