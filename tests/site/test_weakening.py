"""Which changes of a site file protect less: two officers must stand for them."""

from __future__ import annotations

from typing import Any

import pytest

from agent.site.plan import TABLES, Plan
from agent.site.weakening import RULES, weakened
from tests.site.conftest import TABLES as GIVEN
from tests.site.conftest import plan

RACK = {"id": "rifles", "area": "hall", "doors": ["store"], "slots": {"board.s-1": "A"}}
OUTPUT = {"id": "roof", "area": "hall", "output": "board.siren", "kind": "siren"}
POWER = {"mains": "board.mains", "battery": "board.battery"}
HOURS = {"id": "office", "tz": "America/Guayaquil", "week": {"mon": ["08:00-17:00"]}}
BASE: dict[str, Any] = {
    "rack": [RACK], "output": [OUTPUT], "power": POWER, "schedule": [HOURS]
}  # fmt: skip

ABSENT: tuple[str, ...] = ()

# noun, key, a value, and one that protects less; the way back protects more
WEAKER = [
    ("site", "alarms_on", "all", "carrier"),
    ("device", "simulated", False, True),
    ("area", "exit_delay_s", 45, 60),
    ("area", "entry_delay_s", 10, 20),
    ("area", "arm_people", 2, 1),
    ("area", "disarm_people", 2, 1),
    ("area", "part_sets", {}, {"night": ["pir"]}),
    ("area", "confirm_s", 1800, 60),
    ("area", "response_s", 900, 1200),
    ("area", "technician_s", 3600, 7200),
    ("door", "lock_fail", "secure", "safe"),
    ("door", "reader_in", ["reader"], ["reader", "lobby"]),
    ("door", "reader_out", ["lobby"], ABSENT),
    ("door", "bolt", "board.bolt", None),
    ("door", "people", 2, 1),
    ("door", "within_s", 30, 60),
    ("door", "roles", ["officer"], ["officer", "guard"]),
    ("door", "factors", ["finger", "pin"], ["finger"]),
    ("door", "release_s", 5, 10),
    ("door", "rex_shunt_s", 10, 20),
    ("door", "held_s", 30, 60),
    ("door", "on_armed", "deny", "disarm"),
    ("door", "antipassback", "soft", "none"),
    ("door", "remote_open", "never", "assist"),
    ("door", "session_s", 900, 1800),
    ("door", "lockout_after", 5, 10),
    ("door", "lockout_s", 60, 10),
    ("zone", "supervision", "eol", "nc"),
    ("zone", "supervision", "nc", "none"),
    ("zone", "bypassable", False, True),
    ("zone", "swinger_n", 3, 1),
    ("zone", "test_due_d", 31, 60),
    ("panic", "supervision", "nc", "none"),
    ("panic", "repeat_s", 30, 60),
    ("panic", "test_due_h", 12, 24),
    ("rack", "slots", {"board.s-1": "A", "board.s-2": "B"}, {"board.s-1": "A"}),
    ("rack", "return_due_h", 12, 24),
    ("output", "on_s", 180, 120),
    ("output", "readback", "board.heard", None),
    ("power", "battery", "board.battery", None),
    ("power", "mains_report_s", 10, 60),
    ("schedule", "untrusted_clock", "deny", "officer"),
]
# Either way needs two officers: nobody can tell which is the stronger.
EITHER = [
    ("zone", "kind", "always", "instant"),
    ("zone", "point", "board.pir", "board.other"),
    ("panic", "point", "board.panic", "board.other"),
    ("panic", "silent", True, False),
    ("door", "strike", "board.strike", "board.other"),
    ("schedule", "week", {"mon": ["08:00-17:00"]}, {"tue": ["08:00-17:00"]}),
    ("camera", "area", "hall", "attic"),
]
HARMLESS = [
    ("site", "name", "One", "Another"),
    ("door", "prewarn_s", 10, 5),
    ("door", "egress", "mechanical", "hardwired"),
    ("zone", "technology", "pir", "dual"),
    ("power", "shutdown_pct", 10, 15),
]


def having(noun: str, key: str, value: Any) -> Plan:
    """Return a plan of one of everything, in which one key is so."""
    given = BASE.get(noun, GIVEN.get(noun))
    first = given[0] if isinstance(given, list) else given
    changed = {k: v for k, v in (first | {key: value}).items() if v != ABSENT}
    rest = given[1:] if isinstance(given, list) else []
    return plan(**BASE | {noun: [changed, *rest] if isinstance(given, list) else changed})


@pytest.mark.parametrize(("noun", "key", "strong", "weak"), WEAKER)
def test_less_is_weaker_and_more_is_not(noun: str, key: str, strong: Any, weak: Any) -> None:
    strong_plan, weak_plan = having(noun, key, strong), having(noun, key, weak)
    (told,) = weakened(strong_plan, weak_plan)
    assert told.startswith(noun)
    assert told.endswith(key)
    assert weakened(weak_plan, strong_plan) == []


@pytest.mark.parametrize(("noun", "key", "one", "other"), EITHER)
def test_what_nobody_can_tell_is_weaker_both_ways(
    noun: str, key: str, one: Any, other: Any
) -> None:
    before, after = having(noun, key, one), having(noun, key, other)
    assert len(weakened(before, after)) == len(weakened(after, before)) == 1


@pytest.mark.parametrize(("noun", "key", "one", "other"), HARMLESS)
def test_what_protects_nothing_is_free(noun: str, key: str, one: Any, other: Any) -> None:
    before, after = having(noun, key, one), having(noun, key, other)
    assert weakened(before, after) == weakened(after, before) == []


@pytest.mark.parametrize("noun", [noun for noun in (*TABLES, "device") if noun != "door"])
def test_what_is_gone_is_weaker_and_what_is_new_is_not(noun: str) -> None:
    given = BASE.get(noun, GIVEN.get(noun))
    assert isinstance(given, list)
    all_of_them, one_less = plan(**BASE), plan(**BASE | {noun: given[1:]})
    assert weakened(all_of_them, one_less) == [f"{noun}.{given[0]['id']}"]
    assert weakened(one_less, all_of_them) == []


def test_another_door_is_another_way_in() -> None:
    more = plan(door=[*GIVEN["door"], GIVEN["door"][0] | {"id": "back"}])
    assert weakened(plan(), more) == ["door.back"]
    assert weakened(more, plan()) == ["door.back"]


def test_power_may_come_and_not_go() -> None:
    assert weakened(plan(power=POWER), plan()) == ["power"]
    assert weakened(plan(), plan(power=POWER)) == []


def test_the_same_is_no_weaker() -> None:
    assert weakened(plan(**BASE), plan(**BASE)) == []


def test_the_rules_are_of_keys_that_there_are() -> None:
    schema = Plan.model_json_schema()["$defs"]
    for noun, rules in RULES.items():
        assert rules.keys() <= schema[noun.capitalize()]["properties"].keys(), noun
