"""What people ask of the site: each command becomes one request, its answer one line."""

from __future__ import annotations

import json
from typing import Any, get_args

import click
import pytest

from agent.cli import person
from agent.cli.event_line import local_time
from agent.site.commands import COMMANDS
from agent.site.inputs import Origin
from agent.site.table import Factor, Role
from tests.cli.conftest import Armoury
from tests.cli.daemon import PEOPLE, Daemon

FINGER = {"kind": "finger", "reference": "reader:1"}
ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("alarm ack 12", "alarm.acknowledge", {"alarm": "12"}),
    ("alarm check 12", "alarm.check", {"alarm": "12"}),
    ("alarm restore 12", "alarm.restore", {"alarm": "12"}),
    ("alarm close 12 --reason drill", "alarm.close", {"alarm": "12", "reason": "drill"}),
    ("alarm close 12 --reason moth --nuisance", "alarm.close",
     {"alarm": "12", "reason": "moth", "nuisance": True}),
    ("area arm store", "area.arm", {"area": "store", "override": False}),
    ("area arm store --part night --override", "area.arm",
     {"area": "store", "part": "night", "override": True}),
    ("area postpone store", "area.postpone", {"area": "store"}),
    ("area disarm store", "area.disarm", {"area": "store"}),
    ("lockdown begin", "site.lock_down", {}),
    ("lockdown lift", "site.lift_lockdown", {}),
    ("door clear-inside store", "area.clear_passback", {"area": "store"}),
    ("zone bypass pir", "zone.bypass", {"zone": "pir"}),
    ("zone unbypass pir", "zone.unbypass", {"zone": "pir"}),
    ("panic test guard-room", "panic.test", {"panic": "guard-room"}),
    ("count begin rifles p-1 p-2", "count.begin",
     {"rack": "rifles", "what": "handover", "persons": ["p-1", "p-2"]}),
    ("count begin rifles p-1 p-2 --inventory", "count.begin",
     {"rack": "rifles", "what": "inventory", "persons": ["p-1", "p-2"]}),
    ("count enter rifles --number 0", "count.enter", {"rack": "rifles", "count": 0}),
    ("technician begin hall --zone pir --zone lid", "technician.begin",
     {"area": "hall", "zones": ["pir", "lid"]}),
    ("technician end hall", "technician.end", {"area": "hall"}),
    ("walk begin hall", "walk.begin", {"area": "hall"}),
    ("test battery --no-wait", "battery.test", {}),
    ("person card p-1 0A1B", "credential.add",
     {"person": "p-1", "kind": "card", "reference": "0A1B"}),
    ("person forget p-1 pin", "credential.remove", {"person": "p-1", "kind": "pin"}),
    ("person forget p-1 card 0A1B", "credential.remove",
     {"person": "p-1", "kind": "card", "reference": "0A1B"}),
    ("person enrol p-1 --role guard --schedule office", "person.enrol",
     {"person": "p-1", "roles": ["guard"], "schedule": "office"}),
    ("person remove p-1", "person.remove", {"person": "p-1"}),
    ("person enrol p-1 --role officer --role guard --finger reader:1 --card 77", "person.enrol",
     {"person": "p-1", "roles": ["officer", "guard"],
      "credentials": [FINGER, {"kind": "card", "reference": "77"}]}),
    ("person enrol p-1 --role guard --finger reader:1 --duress-finger reader:2 "
     "--from 2026-01-31T08:00+01:00 --to 2026-12-31T18:00+01:00", "person.enrol",
     {"person": "p-1", "roles": ["guard"],
      "credentials": [FINGER, {"kind": "finger", "reference": "reader:2", "duress": True}],
      "valid_from": "2026-01-31T08:00+01:00", "valid_to": "2026-12-31T18:00+01:00"}),
]  # fmt: skip


@pytest.mark.parametrize(("words", "name", "params"), ASKED, ids=[case[0] for case in ASKED])
def test_a_command_is_one_request_that_the_site_understands(
    armoury: Armoury, daemon: Daemon, words: str, name: str, params: dict[str, Any]
) -> None:
    said = armoury(*words.split())
    assert (said.status, said.err) == (0, "")
    assert said.out.count("\n") == 1
    (asked,) = [one for one in daemon.asked if "name" in one]
    assert (asked["name"], asked["params"]) == (name, params)
    COMMANDS[name].params.model_validate(params)


def test_every_command_of_the_site_is_listed_and_can_be_given(
    armoury: Armoury, daemon: Daemon
) -> None:
    listed = armoury("command").out.splitlines()[::2]
    local = [name for name, command in COMMANDS.items() if Origin.LOCAL in command.origins]
    assert [line.split()[0] for line in listed] == local
    assert "area.arm area=... [part=...] [override=...]" in listed
    assert {case[1] for case in ASKED} <= set(local)
    said = armoury("command", "area.arm", "area=hall", "override=true", "part=1x")
    assert (said.status, said.out) == (0, "area.arm: done\n")
    assert daemon.asked[0]["params"] == {"area": "hall", "override": True, "part": "1x"}
    assert armoury("command", "area.arm", "hall").status == 2


def test_a_pin_is_asked_for_unseen(
    armoury: Armoury, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def prompt(text: str, **how: Any) -> str:
        asked.append(how)
        return "271828"

    monkeypatch.setattr(click, "prompt", prompt)
    said = armoury("person", "enrol", "p-1", "--role", "guard", "--pin")
    assert said.status == 0
    assert "271828" not in said.out
    assert asked == [{"hide_input": True, "confirmation_prompt": True}]
    assert daemon.asked[0]["params"]["credentials"] == [{"kind": "pin", "reference": "271828"}]


@pytest.mark.parametrize("duress", [False, True])
def test_a_pin_alone_is_asked_for_unseen(
    armoury: Armoury, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, duress: bool
) -> None:
    monkeypatch.setattr(click, "prompt", lambda text, **how: "271828" if how["hide_input"] else "")
    said = armoury("person", "pin", "p-1", *(["--duress"] if duress else []))
    assert (said.status, said.out) == (0, "p-1 has this PIN\n")
    assert daemon.asked[0]["params"] == {
        "person": "p-1", "kind": "pin", "reference": "271828", "duress": duress,
    }  # fmt: skip


def test_doors_are_listed(armoury: Armoury, daemon: Daemon) -> None:
    assert armoury("door", "list").out.splitlines() == [
        "DOOR   AREA   CONTACT        STRIKE    WAITS       LOCKED OUT",
        "store  store  open too long  unlocked  for 1 more  reader",
        "hall   hall   open           unknown   -           -",
    ]
    assert json.loads(armoury("door", "list", "--json").out) == daemon.status["view"]["doors"]


def test_people_are_listed(armoury: Armoury, daemon: Daemon) -> None:
    said = armoury("person", "list")
    until = local_time(PEOPLE[0]["valid_to_us"]).strftime("%Y-%m-%d %H:%M")
    assert said.out.splitlines() == [
        "ID   ROLES           KNOWN BY     AT     STATE",
        f"p-1  officer, guard  finger, pin  store  known to {until} by office",
        "p-2  guard           -            -      known",
    ]
    assert "p-3" in armoury("person", "list", "--all").out
    assert json.loads(armoury("person", "list", "--json", "--all").out) == PEOPLE


def test_the_roles_are_those_of_the_site(armoury: Armoury) -> None:
    assert get_args(Role) == person.ROLES
    assert get_args(Factor) == person.KINDS
