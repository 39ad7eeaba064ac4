"""`armoury status`: all that matters stands in eighty columns."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import Armoury
from tests.cli.daemon import Daemon


def test_json_is_what_the_daemon_says(armoury: Armoury, daemon: Daemon) -> None:
    said = armoury("status", "--json")
    assert (said.status, said.err) == (0, "")
    assert json.loads(said.out) == daemon.status


@pytest.mark.parametrize(
    "shown",
    [
        r"Armoury 7, Quito +quito-07 .*up 3 h 12 min · 1234 events",
        r"the clock is not synchronised",
        r"the record cannot be written: the disk is full",
        r"alarm 12 +panic.raised guard-room +\d\d:\d\d:\d\d +raised +overdue",
        r"store +armed night, in alarm",
        r"hall +disarmed, not ready:",
        r"door +store +open too long",
        r"hall +wire cut, unknown",
        r"zone +pir +alarm",
        r"lobby +active, bypassed",
        r"lid +short",
        r"panic +guard-room +raised, normal",
        r"^2 identified on site, for 95 s more",
        r"lockdown: nobody may enter",
        r"power +mains +lost",
        r"sounder +siren +sounds",
        r"rack +rifles +1 of 2 right, 1",
        r"camera +hall +covered, motion",
        r"people +3 enrolled +1 officer\b",
        r" bootstrap +open",
        r"device board +ready .*simulated",
        r"reader +substituted",
        r"hall +lost 0 s: no picture",
        r"path +fibre +lost: refused +$",
        r" certificate \(own\) has +$",
        r" ended 3 waiting",
        r"cellular +ready in use *$",
    ],
)
def test_it_shows(armoury: Armoury, daemon: Daemon, shown: str) -> None:
    out = armoury("status").out
    assert re.search(shown, out, re.MULTILINE), out


def test_what_is_silent_takes_no_line(armoury: Armoury, daemon: Daemon) -> None:
    assert "buzzer" not in armoury("status").out


def test_nobody_on_site_takes_no_line(armoury: Armoury, daemon: Daemon) -> None:
    daemon.status["on_site"] = {"people": 0}
    assert "on site" not in armoury("status").out


def test_a_daemon_from_before_an_upgrade_is_shown(armoury: Armoury, daemon: Daemon) -> None:
    del daemon.status["on_site"]
    shown = armoury("status")
    assert (shown.status, shown.err) == (0, "")
    assert "on site" not in shown.out


@pytest.mark.parametrize("columns", [40, 60])
def test_on_a_narrow_terminal_nothing_is_left_out(
    armoury: Armoury, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    said = armoury("status").out
    for shown in (r"door +store +open", r"device +board +ready", "cellular +ready", "no picture",
                  "2 identified on site, for 95 s more"):  # fmt: skip
        assert re.search(shown, said), f"{shown} in:\n{said}"
    assert max(map(len, said.splitlines())) <= columns


def test_no_line_is_longer_than_the_terminal(armoury: Armoury, daemon: Daemon) -> None:
    daemon.status["devices"][2]["reason"] = "x" * 300
    assert max(map(len, armoury("status").out.split("\n"))) <= 80


def test_no_reason_moves_the_terminal(armoury: Armoury, daemon: Daemon) -> None:
    daemon.status["devices"][3]["reason"] = "no\x1b[2Jpicture"
    daemon.status["paths"][0]["reason"] = "the broker says\x9b2J"
    said = armoury("status").out
    assert "\x1b" not in said
    assert "\x9b" not in said
