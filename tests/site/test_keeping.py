"""Racks, counts, technician mode, tests and power of one site, in whatever order.

Two sites play the same: one that lasts, and one made anew from what it saved before every single
input. What they decide and what they save is the same at every step.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent.site.inputs import ClockStepped, PointRead, PointState
from tests.site.conftest import SECOND, Play, plan

SLOTS = {"board.s1": "M4-0001", "board.s2": "M4-0002", "board.s3": "empty"}
ZONES = [
    {"id": name, "area": "hall", "point": f"board.{name}", "kind": kind, "supervision": "eol"}
    for name, kind in (("pir", "instant"), ("wall", "always"), ("lid", "tamper"))
]
TABLES: dict[str, Any] = {
    "door": {"people": 1, "session_s": 120},
    "area": {"technician_s": 300, "exit_delay_s": 5},
    "zone": ZONES,
    "rack": [{"id": "r1", "area": "hall", "doors": "store", "slots": SLOTS}],
    "power": {"mains": "board.mains", "battery": "board.battery"},
    "output": [{"id": "siren", "area": "hall", "output": "board.siren", "kind": "siren"}],
}
COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("technician.begin", {"area": "hall", "zones": ["wall", "lid"]}),
    ("technician.end", {"area": "hall"}),
    ("zone.bypass", {"zone": "pir"}),
    ("zone.unbypass", {"zone": "lid"}),
    ("walk.begin", {"area": "hall"}),
    ("walk.end", {"area": "hall"}),
    ("output.test", {"output": "siren"}),
    ("battery.test", {}),
    ("area.arm", {"area": "hall"}),
    ("area.arm", {"area": "hall", "override": True}),
    ("area.disarm", {"area": "hall"}),
    ("count.begin", {"rack": "r1", "what": "handover", "persons": ["p-1", "p-2"]}),
    ("count.enter", {"rack": "r1", "count": 2}),
    ("count.agree", {"rack": "r1", "person": "p-1"}),
    ("count.agree", {"rack": "r1", "person": "p-2"}),
]
STATES = st.sampled_from(["normal", "alarm", "open", "short"])


class Keeping(RuleBasedStateMachine):
    @initialize()
    def open_shop(self):
        self.plays = [Play(plan(**TABLES), reborn=reborn) for reborn in (False, True)]
        self.boots = 1
        for play in self.plays:
            play.start(0)
            for person, role in (("p-1", "officer"), ("p-2", "officer"), ("p-4", "technician")):
                play.enrol(person, role)
            play.ready(1)

    def both(self, name, *args, **given):
        """Do the same at both sites, a second later; return what came of it."""
        t = self.plays[0].t + 1
        one, _ = [getattr(play, name)(*args, t, **given) for play in self.plays]
        return one

    @rule(slot=st.sampled_from(sorted(SLOTS)), state=STATES)
    def touch(self, slot, state):
        self.both("point", slot, state)

    @rule(tag=st.sampled_from(["M4-0001", "M4-0002", "AK-7", None]))
    def put_with_a_tag(self, tag):
        detail = {"tag": tag}
        self.both("_at", lambda at: PointRead("board", "s1", PointState.NORMAL, at, detail))

    @rule(zone=st.sampled_from(["pir", "wall", "lid"]), state=STATES)
    def detect(self, zone, state):
        self.both("point", f"board.{zone}", state)

    @rule()
    def press_panic(self):
        self.both("point", "board.panic", "normal")
        found = self.both("point", "board.panic", "alarm")
        assert {"panic.raised desk", "panic.repeated desk"} & {*found}

    @rule(state=st.sampled_from(["normal", "alarm"]))
    def mains(self, state):
        self.both("point", "board.mains", state)

    @rule(pct=st.sampled_from([100, 25, 15, 5]))
    def charge(self, pct):
        detail, before = {"pct": pct}, len(self.plays[0].actions)
        read = lambda at: PointRead("board", "battery", PointState.NORMAL, at, detail)  # noqa: E731
        self.both("_at", read)
        stops = [a for a in self.plays[0].actions[before:] if a.verb == "stop"]
        assert not stops or pct < 20

    @rule(finger=st.sampled_from(["1", "2", "4"]))
    def identify(self, finger):
        self.both("finger", finger)

    @rule(asked=st.sampled_from(COMMANDS))
    def ask(self, asked):
        self._ask(*asked)

    def _ask(self, name, given):
        t = self.plays[0].t + 1
        for play in self.plays:
            play.command(name, t, **given)

    @rule(name=st.sampled_from(["technician.begin", "walk.begin"]))
    def begin_work(self, name):
        self.both("finger", "1")
        self.both("finger", "4")
        self._ask(name, {"area": "hall"} | ({"zones": ["lid"]} if name[0] == "t" else {}))

    @rule(given=st.sampled_from([{"count": 2}, {"serials": ["M4-0001", "M4-0002"]}]))
    def count(self, given):
        before = self.plays[0].count("rack.counted")
        self.both("finger", "1")
        self.both("finger", "2")
        persons = ["p-1", "p-2"]
        self._ask("count.begin", {"rack": "r1", "what": "inventory", "persons": persons})
        self._ask("count.enter", {"rack": "r1"} | given)
        for finger in ("2", "1"):
            self.both("finger", finger)
            self._ask("count.agree", {"rack": "r1", "person": f"p-{finger}"})
        counted = self.plays[0].count("rack.counted") - before
        assert counted <= ("serials" in given)

    @rule()
    def arm(self):
        self.both("finger", "1")
        self.both("finger", "2")
        self._ask("area.arm", {"area": "hall", "override": True})
        self.wait(10)

    @rule()
    def disarm(self):
        self.both("finger", "1")
        self.both("finger", "2")
        self._ask("area.disarm", {"area": "hall"})

    @rule(outcome=st.sampled_from(["done", "refused", "cancelled"]))
    def answer(self, outcome):
        if self.plays[0].actions:
            self.both("_at", self._answered(outcome))

    def _answered(self, outcome):
        from agent.site.inputs import ActionAnswered, Outcome

        number = self.plays[0].actions[-1].id
        return lambda at: ActionAnswered(number, Outcome(outcome), at, "")

    @rule(condition=st.sampled_from(["lost", "ready"]))
    def board(self, condition):
        self.both("device", "board", condition)

    @rule(seconds=st.sampled_from([1, 30, 400, 5000]))
    def wait(self, seconds):
        for play in self.plays:
            play.to(play.t + seconds)

    @rule()
    def restart(self):
        self.both("start")
        for play in self.plays:
            play.ready(play.t)

    @rule(off_s=st.integers(1, 4000), trusted=st.booleans())
    def reboot(self, off_s, trusted):
        self.boots += 1
        for play in self.plays:
            play.utc_us += round((play.t + off_s) * SECOND)
            play.boot, play.t, play.trusted = f"boot-{self.boots}", 0.0, trusted
            play.start(0.0)
            play.ready(0.0)

    @rule(by_s=st.integers(-4000, 90_000))
    def step_the_clock(self, by_s):
        for play in self.plays:
            before = play.now(play.t).utc_us
            play.utc_us += by_s * SECOND
            at_us = round(play.t * SECOND)
            play.step(ClockStepped(before, before + by_s * SECOND, at_us))

    @invariant()
    def a_site_made_anew_is_the_same_site(self):
        one, other = self.plays
        assert one.events == other.events
        assert one.actions == other.actions
        assert one.saved == other.saved
        assert one.site.view() == other.site.view()

    @invariant()
    def what_begins_ends_before_it_begins_again(self):
        kinds = [event.kind for event in self.plays[0].events]
        for begun, ended in (
            ("system.technician_on", "system.technician_off"),
            ("area.walk_started", "area.walk_ended"),
            ("power.mains_lost", "power.mains_back"),
        ):
            turns = [kind == begun for kind in kinds if kind in (begun, ended)]
            assert turns == [number % 2 == 0 for number in range(len(turns))]

    @invariant()
    def without_technician_mode_nothing_watched_at_all_times_is_bypassed(self):
        view = self.plays[0].site.view()
        if not view["areas"][0]["technician"]["on"]:
            assert not any(z["bypassed"] for z in view["zones"] if z["id"] != "pir")

    @invariant()
    def with_technician_mode_nothing_is_armed(self):
        area = self.plays[0].site.view()["areas"][0]
        assert area["mode"] == "disarmed" or not area["technician"]["on"]

    @invariant()
    def every_open_intrusion_has_its_alarm(self):
        events = self.plays[0].events
        if any(event.kind == "rack.intrusion" for event in events):
            assert any(e.data.get("cause") == "rack.intrusion" for e in events)


TestKeeping = Keeping.TestCase
TestKeeping.settings = settings(max_examples=10, stateful_step_count=40, deadline=None)


@pytest.mark.soak
class TestKeepingAtLength(Keeping.TestCase):
    settings = settings(max_examples=400, stateful_step_count=40, deadline=None)
