"""`armoury reload`: what a technician reads when the site file holds, and when it does not."""

from __future__ import annotations

import json

from tests.cli.conftest import Armoury
from tests.cli.daemon import Daemon


def test_it_holds(armoury: Armoury, daemon: Daemon) -> None:
    said = armoury("reload")
    assert (said.status, said.err) == (0, "")
    assert said.out == "the site file was read anew and holds now\n"
    daemon.weaker = ["door.store.people"]
    said = armoury("reload")
    assert said.err == "this protects less than before: door.store.people\n"
    assert json.loads(armoury("reload", "--json").out) == {"ok": True, "weaker": daemon.weaker}


def test_mistakes_are_2_and_all_of_them_are_said(armoury: Armoury, daemon: Daemon) -> None:
    daemon.refusal = "mistakes"
    daemon.refusal_data = {"mistakes": ["site.toml:3: a", "site.toml:9: b"]}
    said = armoury("reload")
    assert said.status == 2
    assert said.err.splitlines() == [
        "site.toml:3: a",
        "site.toml:9: b",
        "the daemon goes on with the site file that it has",
    ]
    assert json.loads(armoury("reload", "--json").out)["mistakes"] == [
        "site.toml:3: a",
        "site.toml:9: b",
    ]


def test_a_refusal_is_1_and_says_what_is_weaker(armoury: Armoury, daemon: Daemon) -> None:
    daemon.refusal = "two-officers-needed"
    daemon.refusal_data = {"weaker": ["panic.desk", "door.store.people"]}
    said = armoury("reload")
    assert said.status == 1
    assert said.err.splitlines() == [
        "Error: two officers must identify at a reader first, within two minutes",
        "this protects less than before: panic.desk, door.store.people",
    ]


def test_no_daemon_is_3(armoury: Armoury) -> None:
    assert armoury("reload").status == 3
