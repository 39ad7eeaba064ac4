"""A second whole site under arbitrary input: a rack, power, hours, technicians, walks, counts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from agent.site.inputs import (
    Input,
    Origin,
    PointRead,
    PointState,
    Started,
)
from agent.site.step import Step
from tests.site.conftest import SECOND, plan
from tests.site.whole_plan import DOORS, ZONES
from tests.site.whole_site import WholeSite

SCHEDULE = {"id": "hours", "tz": "UTC", "week": {"mon": ["00:00-00:10"], "tue": ["00:00-12:00"]}}
BUSY_TABLES: dict[str, Any] = {
    "device": [{"id": name} for name in ("board", "reader", "lobby", "gate", "cam")],
    "area": {
        "exit_delay_s": 5,
        "entry_delay_s": 10,
        "disarm_people": 1,
        "technician_s": 60,
        "schedule": "hours",
        "autoarm": True,
        "warn_s": 60,
        "postpone_s": 300,
        "part_sets": {"night": ["pir"]},
    },
    "door": DOORS,
    "zone": ZONES,
    "output": [{"id": "roof", "area": "hall", "output": "board.siren", "kind": "siren"}],
    "schedule": [SCHEDULE],
    "rack": [
        {
            "id": "rifles",
            "area": "hall",
            "doors": ["store", "office"],
            "slots": {"board.s1": "M4-1", "board.s2": "M4-2", "board.s3": "empty"},
        }
    ],
    "power": {"mains": "board.mains", "battery": "board.battery"},
}
BUSY = plan(**BUSY_TABLES)
BUSY_COMMANDS = st.one_of(
    st.tuples(
        st.just("count.begin"),
        st.fixed_dictionaries(
            {
                "rack": st.just("rifles"),
                "what": st.sampled_from(["handover", "inventory"]),
                "persons": st.sampled_from([("p-1", "p-2"), ("p-1", "p-3"), ("p-4", "p-2")]),
            }
        ),
    ),
    st.tuples(
        st.just("count.enter"),
        st.sampled_from(
            [
                {"rack": "rifles", "count": 2},
                {"rack": "rifles", "serials": ("M4-1", "M4-2")},
                {"rack": "rifles", "serials": ("M4-1",)},
            ]
        ),
    ),
    st.tuples(
        st.just("count.agree"),
        st.fixed_dictionaries(
            {"rack": st.just("rifles"), "person": st.sampled_from(["p-1", "p-2", "p-3"])}
        ),
    ),
    st.tuples(
        st.just("technician.begin"),
        st.fixed_dictionaries(
            {"area": st.just("hall"), "zones": st.sampled_from([(), ("wall", "lid")])}
        ),
    ),
    st.tuples(
        st.sampled_from(["technician.end", "walk.begin", "walk.end", "area.postpone"]),
        st.just({"area": "hall"}),
    ),
    st.tuples(st.just("area.arm"), st.just({"area": "hall", "part": "night"})),
    st.tuples(st.just("output.test"), st.just({"output": "roof"})),
    st.tuples(st.just("battery.test"), st.just({})),
    st.tuples(st.just("duress.test"), st.just({"person": "p-1"})),
    st.tuples(
        st.just("zone.bypass"), st.fixed_dictionaries({"zone": st.sampled_from(["pir", "wall"])})
    ),
)


class BusySite(WholeSite):
    """The same with a rack, power, opening hours, technicians, walks, counts and tests."""

    plan = BUSY
    empty = frozenset({"board.s3"})
    points = sorted({r.ref for r in BUSY.references() if r.kind == "point"} | {"cam.motion"})

    def __init__(self):
        super().__init__()
        self.grants = []  # (at_us, person) of everybody who was let in by this run

    def judge(self, what: Input, step: Step) -> None:
        if isinstance(what, Started):
            self.grants.clear()
        super().judge(what, step)
        for event in step.events:
            if event.kind == "access.granted":
                self.grants += [(event.at.mono_us, person) for person in event.data["persons"]]
        self.every_weapon_is_somebody_s(step)
        self.nothing_is_armed_under_a_technician(step)

    def every_weapon_is_somebody_s(self, step: Step) -> None:
        """Whoever took or brought a weapon was let in at most a session before; else intrusion."""
        session_us = self.plan.door[0].session_s * SECOND
        for event in step.events:
            if event.kind in ("rack.removed", "rack.returned"):
                at_us = event.at.mono_us
                inside = {p for since_us, p in self.grants if 0 <= at_us - since_us <= session_us}
                assert event.data["persons"]
                assert set(event.data["persons"]) <= inside
            if event.kind == "rack.counted":
                assert len(set(event.data["persons"])) == 2

    def nothing_is_armed_under_a_technician(self, step: Step) -> None:
        area = self.lasting.view()["areas"][0]
        assert not (area["technician"]["on"] and area["mode"] != "disarmed")

    def panic_is_heard(self, step: Step) -> None:
        if "panic.tested" not in [event.kind for event in step.events]:
            super().panic_is_heard(step)

    @rule(command=BUSY_COMMANDS, origin=st.sampled_from(Origin))
    def somebody_works(self, command, origin):
        name, params = command
        self.ask(name, origin, **params)

    @rule(command=BUSY_COMMANDS, fingers=st.sampled_from([("1", "2"), ("1", "4"), ("3", "2")]))
    def those_who_are_there_work(self, command, fingers):
        for finger in fingers:
            self.a_finger_is_laid(finger, "reader")
        name, params = command
        self.ask(name, Origin.LOCAL, **params)

    @rule(slot=st.sampled_from(["s1", "s2", "s3"]), empty=st.booleans())
    def a_slot_changes(self, slot, empty):
        state = PointState.ALARM if empty else PointState.NORMAL
        self.put(PointRead("board", slot, state, self.at_us))
        self.time_passes(SECOND)

    @rule(pct=st.integers(0, 100), away_us=st.sampled_from([SECOND, 70 * SECOND]))
    def the_mains_go_and_come(self, pct, away_us):
        self.put(PointRead("board", "mains", PointState.ALARM, self.at_us))
        self.put(PointRead("board", "battery", PointState.NORMAL, self.at_us, {"pct": pct}))
        self.time_passes(away_us)
        self.put(PointRead("board", "mains", PointState.NORMAL, self.at_us))

    @rule(hours=st.sampled_from([1, 12, 13]))
    def hours_pass(self, hours):
        self.time_passes(hours * 3600 * SECOND)

    @rule(serials=st.sampled_from([("M4-1", "M4-2"), ("M4-1",), ()]), who=st.sampled_from("234"))
    def a_count_is_taken(self, serials, who):
        persons = ("p-1", f"p-{who}")
        for finger in ("1", who):
            self.a_finger_is_laid(finger, "reader")
        self.ask("count.begin", rack="rifles", what="inventory", persons=persons)
        self.ask("count.enter", rack="rifles", serials=serials)
        self.time_passes(SECOND)
        for finger in ("1", who):
            self.a_finger_is_laid(finger, "reader")
        counted = len([e for e in self.events if e.kind == "rack.counted"])
        agreed = [self.ask("count.agree", rack="rifles", person=p).accepted for p in persons]
        now = len([e for e in self.events if e.kind == "rack.counted"])
        assert now - counted == all(agreed)

    @rule(wait_us=st.sampled_from([SECOND, 61 * SECOND]), restarts=st.booleans())
    def a_technician_works(self, wait_us, restarts):
        for finger in ("1", "4"):
            self.a_finger_is_laid(finger, "reader")
        self.ask("technician.begin", area="hall", zones=("wall",))
        self.put(PointRead("board", "wall", PointState.ALARM, self.at_us))
        if restarts:
            self.it_starts_again(power_cut=True, dark_s=30, clean=False)
        self.time_passes(wait_us)
        self.ask("technician.end", area="hall")
