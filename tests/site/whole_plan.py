"""The whole site of the tests: its plan, its people, and what they may ask."""

from __future__ import annotations

import json

from hypothesis import strategies as st
from msgspec import to_builtins

from agent.site.inputs import (
    PointState,
)
from agent.site.step import Step
from tests.site.conftest import TABLES, plan

STATES = st.sampled_from(list(PointState))
ZONES = [
    {"id": zone, "area": "hall", "point": f"board.{zone}", "supervision": "eol", "kind": kind}
    for zone, kind in (
        ("way", "entry_route"),
        ("near", "follower"),
        ("pir", "instant"),
        ("wall", "always"),
        ("lid", "tamper"),
    )
]
DOORS = [
    TABLES["door"][0]
    | {"reader_out": "gate", "bolt": "board.bolt", "override_key": "board.key"}
    | {"strike_readback": "board.free"}
    | {"antipassback": "hard", "remote_open": "assist"},
    TABLES["door"][0]
    | {"id": "office", "reader_in": "lobby", "strike": "board.strike-2"}
    | {"contact": "board.contact-2", "rex": None, "people": 1}
    | {"interlock": ["store"], "on_armed": "disarm"},
]
PLAN = plan(
    device=[{"id": name, "reads_fingers": False} for name in ("board", "cam")]
    + [{"id": name} for name in ("reader", "lobby", "gate")],
    area={"exit_delay_s": 5, "entry_delay_s": 10, "disarm_people": 1, "response_s": 60},
    door=DOORS,
    zone=ZONES,
    output=[
        {"id": "roof", "area": "hall", "output": "board.siren", "kind": "siren"}
        | {"readback": "board.heard"}
    ],
    camera={"covers": ["store", "office", "pir", "desk"], "blind_alarm": "armed"}
    | {"masks": [[[0, 0], [9, 9]]], "pre_s": 5, "post_s": 20},
)
POINTS = sorted({r.ref for r in PLAN.references() if r.kind == "point"} | {"cam.motion"})
PEOPLE = {
    "p-1": (["officer"], ["1", "11"], "12"),
    "p-2": (["officer", "guard"], ["2"], "22"),
    "p-3": (["guard"], ["3"], None),
    "p-4": (["technician"], ["4"], None),
    "p-5": (["visitor"], ["5"], None),
}
READERS = ("reader", "lobby", "gate")
COMMANDS = st.one_of(
    st.tuples(
        st.sampled_from(["alarm.acknowledge", "alarm.check", "alarm.restore"]),
        st.fixed_dictionaries({"alarm": st.sampled_from(["1", "2", "3", "d1", "77"])}),
    ),
    st.tuples(
        st.just("alarm.close"),
        st.fixed_dictionaries(
            {"alarm": st.sampled_from(["1", "2", "d1"]), "reason": st.just("over")}
        ),
    ),
    st.tuples(
        st.just("area.arm"),
        st.fixed_dictionaries({"area": st.just("hall"), "override": st.booleans()}),
    ),
    st.tuples(st.sampled_from(["area.disarm", "area.clear_passback"]), st.just({"area": "hall"})),
    st.tuples(st.sampled_from(["site.lock_down", "site.lift_lockdown"]), st.just({})),
    st.tuples(st.just("door.assist"), st.just({"door": "store"})),
    st.tuples(st.sampled_from(["zone.bypass", "zone.unbypass"]), st.just({"zone": "pir"})),
    st.tuples(st.just("panic.test"), st.just({"panic": "desk"})),
    st.tuples(st.just("person.remove"), st.just({"person": "p-3"})),
    st.tuples(st.sampled_from(["no.such", "area.arm"]), st.just({"nonsense": 1})),
)


def enrolled():
    """Return the saved state of a site whose people are known."""
    saved = {"enrolment/all": {"done": True}}
    for person, (roles, fingers, duress) in PEOPLE.items():
        credentials = [
            {"kind": "finger", "reference": f"{reader}:{finger}"}
            for reader in READERS
            for finger in fingers
        ]
        if duress:
            credentials += [
                {"kind": "finger", "reference": f"{reader}:{duress}", "duress": True}
                for reader in READERS
            ]
        saved[f"person/{person}"] = {"roles": roles, "credentials": credentials}
    return saved


def owner(finger):
    """Return whose finger it is."""
    for person, (_, fingers, duress) in PEOPLE.items():
        if finger in fingers or finger == duress:
            return person
    return None


def written(step: Step) -> str:
    """Return everything that a step decided, as one text."""
    return json.dumps(
        {
            "events": [to_builtins(event) for event in step.events],
            "actions": [to_builtins(action) for action in step.actions],
            "answers": [to_builtins(answer) for answer in step.answers],
            "changes": step.changes,
        },
        sort_keys=True,
        default=str,
    )
