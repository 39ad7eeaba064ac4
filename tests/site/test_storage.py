"""The record's disk as the rules see it."""

from __future__ import annotations

from typing import Any

import pytest

from agent.site.commands import COMMANDS
from agent.site.inputs import RecordNews, RecordTrouble
from agent.site.site import Site
from agent.site.table import Table
from tests.site.conftest import disk


def test_its_failure_is_an_alarm_and_its_return_an_event(play):
    assert play.storage("faulted", 5, reason="no space is left") == [
        "system.storage_failed test-1",
        "alarm.raised 1",
    ]
    assert play.last("system.storage_failed").data["reason"] == "no space is left"
    assert play.storage("faulted", 6, reason="otherwise") == []
    assert play.storage("ready", 7) == ["system.storage_back test-1"]
    assert play.storage("ready", 8) == []


def test_nobody_is_let_in_meanwhile_and_again_afterwards(play):
    play.storage("faulted", 5)
    play.finger("1", 6)
    assert play.last("access.denied").data["reason"] == "journal-unavailable"
    assert play.count("access.granted") == 0
    play.storage("ready", 7)
    play.finger("1", 8)
    play.finger("2", 9)
    assert play.count("access.granted") == 1


def valid(params: type[Table]) -> dict[str, Any]:
    """Return parameters that a command takes, whoever they name."""
    given: dict[str, Any] = {
        "area": "store", "door": "store", "zone": "z", "person": "p-9", "reader": "reader",
        "roles": ["guard"], "kind": "card", "reference": "1",
    }  # fmt: skip
    return {name: given[name] for name, field in params.model_fields.items() if name in given}


FREES = [(name, one) for name, row in COMMANDS.items() if row.frees for one in row.origins]


@pytest.mark.parametrize(("name", "origin"), sorted(FREES))
def test_nothing_is_freed_by_command_meanwhile(play, name, origin):
    play.storage("faulted", 5)
    play.command(name, 6, origin, **valid(COMMANDS[name].params))
    assert play.refusal == "journal-unavailable"
    assert not play.answers[-1].waits, "its record would be waited for in vain"
    play.storage("ready", 7)
    play.command(name, 8, origin, **valid(COMMANDS[name].params))
    assert play.refusal != "journal-unavailable"


def test_what_protects_is_done_meanwhile(play):
    play.storage("faulted", 5)
    play.command("site.lock_down", 6, "monitor")
    assert play.refusal == ""
    assert play.last("system.locked_down")
    play.command("alarm.acknowledge", 7, "monitor", alarm="1")
    assert play.refusal == ""


@pytest.mark.parametrize(
    ("told", "warned"),
    [
        ((49, 50), [50]),
        ((50, 52, 50), [50]),
        ((53, 93), [53, 93]),
        ((92,), [92]),
        ((50, 90, 60, 90), [50, 90, 90]),
        ((90, 86, 90), [90]),  # hovering about a level is no news
        ((50, 46, 50, 45, 50), [50, 50]),
        ((95, 130, 180, 95, 101), [95, 130, 101]),
    ],
)
def test_each_filling_is_warned_of_once_and_again_after_it_was_left(play, told, warned):
    for second, used_pct in enumerate(told, 5):
        play.filled("record", used_pct, second)
    said = [event.data for event in play.events if event.kind == "system.storage_warning"]
    assert said == [{"what": "record", "used_pct": used_pct} for used_pct in warned]


def test_what_fills_is_told_apart_and_a_restart_tells_nothing_twice(play):
    play.filled("record", 55, 5)
    assert play.filled("disk", 55, 6) == ["system.storage_warning test-1"]
    play.site = Site(play.plan, disk(play.saved))
    play.start(20)
    assert play.filled("disk", 56, 30) == []
    assert play.filled("record", 91, 31) == ["system.storage_warning test-1"]


@pytest.mark.parametrize("what", RecordTrouble)
def test_what_ails_the_record_itself_is_an_alarm(play, what):
    told = play.step(RecordNews(what=what, reason="because", at_us=5))
    assert told == [f"{what} test-1", "alarm.raised 1"]
    assert play.last(what).data["reason"] == "because"


def test_it_is_known_since_when_an_alarm_is_open(play):
    assert play.site.open_since_us() is None
    play.storage("faulted", 5)
    began = play.last("system.storage_failed").at.utc_us
    play.storage("ready", 50)
    assert play.site.open_since_us() == began
