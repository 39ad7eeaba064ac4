"""What of one site file protects less than the one before it: that takes two officers.

Whatever has no row here weakens when it is changed in any way. So a new key is on the safe side
until somebody says which way it is stronger. What is gone weakens; what is new does not, except
where `NEW` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from agent.site.plan import TABLES, Plan
from agent.site.table import Named, Table

# Says of a value before and one after whether the latter protects less.
Rule: TypeAlias = Callable[[Any, Any], bool]
Rules: TypeAlias = Mapping[str, Rule]


def never(_before: Any, _after: Any) -> bool:
    """Whatever it is, it protects nothing."""
    return False


def less(before: Any, after: Any) -> bool:
    """Less of it is weaker."""
    return bool(after < before)


def more(before: Any, after: Any) -> bool:
    """More of it is weaker."""
    return bool(after > before)


def lost(before: Iterable[Any], after: Iterable[Any]) -> bool:
    """A list that lacks something is weaker."""
    return not set(before) <= set(after)


def won(before: Iterable[Any], after: Iterable[Any]) -> bool:
    """A list with something new is weaker."""
    return not set(after) <= set(before)


def gone(before: Any, after: Any) -> bool:
    """Another one, or none any more, is weaker; one where there was none is not."""
    return before is not None and after != before


def _differs(before: Any, after: Any) -> bool:
    return bool(after != before)


def down(*strongest_first: Any) -> Rule:
    """Return the rule that a later one of these is weaker."""
    return lambda before, after: strongest_first.index(after) > strongest_first.index(before)


def _more_left_out(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """A named set of zones to do without is weaker when it is new or has more of them."""
    return any(won(before.get(name, ()), zones) for name, zones in after.items())


def _expected_otherwise(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """A slot that is gone, or in which something else stands now, is weaker."""
    return any(after.get(slot) != serial for slot, serial in before.items())


RULES: Mapping[str, Rules] = {
    "site": {"name": never, "alarms_on": down("all", "carrier")},
    "device": {"simulated": down(False, True), "reads_fingers": never},  # the latter is a fact
    "area": {
        "exit_delay_s": more,
        "entry_delay_s": more,
        "arm_people": less,
        "disarm_people": less,
        "override_people": less,
        "part_sets": _more_left_out,
        "confirm_s": less,
        "autoarm": down(True, False),
        "warn_s": never,
        "postpone_s": more,
        "postpone_max": more,
        "late_close_s": more,
        "response_s": more,
        "technician_s": more,
    },
    "door": {
        "lock_fail": down("secure", "safe"),
        "egress": never,  # how people leave is a fact
        "reader_in": won,
        "reader_out": lost,
        "strike_readback": gone,
        "bolt": gone,
        "override_key": gone,
        "people": less,
        "within_s": more,
        "roles": won,
        "factors": lost,
        "single_factor_accepted": down(False, True),
        "release_s": more,
        "debounce_ms": more,
        "rex_shunt_s": more,
        "held_s": more,
        "prewarn_s": never,
        "on_armed": down("deny", "disarm"),
        "interlock": lost,
        "antipassback": down("hard", "soft", "none"),
        "remote_open": down("never", "assist"),
        "session_s": more,
        "lockout_after": more,
        "lockout_s": less,
    },
    "zone": {
        "supervision": down("eol", "nc", "none"),
        "debounce_ms": more,
        "bypassable": down(False, True),
        "technology": never,
        "swinger_n": less,
        "nuisance_max": more,
        "test_due_d": more,
    },
    "output": {"on_s": less, "realarm_max": less, "readback": gone},
    "schedule": {"untrusted_clock": down("deny", "officer")},
    "panic": {
        "supervision": down("eol", "nc", "none"),
        "repeat_s": more,
        "stuck_s": more,
        "escalate_output": gone,
        "test_due_h": more,
    },
    "rack": {
        "doors": won,
        "slots": _expected_otherwise,
        "settle_ms": more,
        "return_due_h": more,
        "count_due_d": more,
    },
    "power": {
        "battery": gone,
        "undervoltage": gone,
        "mains_report_s": more,
        "shutdown_pct": never,
        "restart_pct": never,
    },
    "camera": {
        "covers": lost,
        "pre_s": less,
        "post_s": less,
        "blind_alarm": down("always", "armed"),
        "keep_d": less,
    },
}
NEW = frozenset({"door"})  # another way in


def weakened(before: Plan, after: Plan) -> list[str]:
    """Return the keys of what protects less, as the site file's mistakes name them."""
    found = [*fields("site", before.site, after.site, RULES["site"])]
    for noun in ("device", *TABLES):
        found += tables(noun, getattr(before, noun), getattr(after, noun), RULES[noun], noun in NEW)
    if before.power is not None and after.power is not None:
        found += fields("power", before.power, after.power, RULES["power"])
    elif before.power is not None:
        found.append("power")
    return found


def tables(
    noun: str,
    before: Iterable[Named],
    after: Iterable[Named],
    rules: Rules,
    new_weakens: bool = False,
) -> Iterator[str]:
    """Yield what protects less of the tables of one noun."""
    now = {table.id: table for table in after}
    known = {table.id: table for table in before}
    for name, table in known.items():
        if name in now:
            yield from fields(f"{noun}.{name}", table, now[name], rules)
        else:
            yield f"{noun}.{name}"
    if new_weakens:
        yield from (f"{noun}.{name}" for name in now if name not in known)


def fields(key: str, before: Table, after: Table, rules: Rules) -> Iterator[str]:
    """Yield what protects less of one table."""
    for name in type(before).model_fields:
        one, other = getattr(before, name), getattr(after, name)
        if one != other and rules.get(name, _differs)(one, other):
            yield f"{key}.{name}"
