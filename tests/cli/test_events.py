"""`armoury events`: what is asked for, and how an event reads."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from agent.journal.journal import Journal
from agent.journal.record import Batch, Entry
from agent.site.moment import Moment
from agent.site.step import Event, Severity
from tests.cli.conftest import Armoury
from tests.cli.daemon import AT_US, EVENTS, Daemon
from tests.waiting import wait_until


def test_an_event_reads_in_columns_local_time(armoury: Armoury, daemon: Daemon) -> None:
    first, last = armoury("events").out.splitlines()
    when = datetime.fromtimestamp(AT_US / 1_000_000).astimezone()
    assert first.split() == [
        "7", f"{when:%Y-%m-%d}", f"{when:%H:%M:%S}.123", "access", "access.granted", "store",
        "persons=p-1,p-2", "(simulated)",
    ]  # fmt: skip
    assert last.split()[0] == "9"
    assert last.split()[1].startswith("~"), "the clock was not trusted"
    assert last.endswith('cause="two words" silent=yes')


def test_no_text_of_an_event_begins_a_line_or_moves_the_terminal(
    armoury: Armoury, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = "drill\n     10  2026-11-27 23:00:00.000  access  access.granted\x1b[2A\x9b2J"
    event = EVENTS[0] | {"data": {"reason": forged}}
    monkeypatch.setattr("tests.cli.daemon.EVENTS", [event])
    (line,) = armoury("events").out.splitlines()
    assert line.endswith(
        'reason="drill?     10  2026-11-27 23:00:00.000  access  access.granted?[2A?2J"'
    )


def test_what_nobody_on_site_may_see_is_not_shown(armoury: Armoury, daemon: Daemon) -> None:
    assert "duress" not in armoury("events").out
    assert "duress" not in armoury("events", "--json").out


def test_json_is_one_event_a_line_as_recorded(armoury: Armoury, daemon: Daemon) -> None:
    lines = armoury("events", "--json").out.splitlines()
    assert [json.loads(line) for line in lines] == [EVENTS[0], EVENTS[2]]


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ([], {"limit": 20, "newest_first": True}),
        (["-n", "3", "--kind", "door.forced"], {"limit": 3, "kind": "door.forced"}),
        (["--severity", "alarm", "--object", "store"], {"severity": "alarm", "object": "store"}),
        (["--after", "0"], {"after": 0, "limit": 20}),
        (["--since", "1970-01-02T00:00+00:00"], {"since_us": 86_400_000_000}),
    ],
)
def test_what_is_asked_for_is_asked_of_the_daemon(
    armoury: Armoury, daemon: Daemon, words: list[str], asked: dict[str, object]
) -> None:
    assert armoury("events", *words).status == 0
    (request,) = daemon.asked
    assert {key: request[key] for key in asked} == asked
    assert ("newest_first" in request) == ("after" not in request)


@pytest.mark.parametrize(
    ("word", "ago_s"), [("90s", 90), ("15m", 900), ("2h", 7200), ("30d", 2592000)]
)
def test_since_can_be_so_long_ago(armoury: Armoury, daemon: Daemon, word: str, ago_s: int) -> None:
    armoury("events", "--since", word)
    assert daemon.asked[0]["since_us"] == pytest.approx((time.time() - ago_s) * 1e6, abs=5e6)


@pytest.mark.parametrize(
    ("given", "near"),
    [("panic.raise", "near it: panic.raised"), ("qqq", "docs/events.md has them all")],
)
def test_a_kind_that_is_none_is_wrong_use(
    armoury: Armoury, daemon: Daemon, given: str, near: str
) -> None:
    for words in (["events"], ["journal", "export", "--data", str(daemon.path.parent)]):
        said = armoury(*words, "--kind", given)
        assert (said.status, said.out, daemon.asked) == (2, "", [])
        assert f"'{given}' is no kind of event; {near}" in said.err


def test_a_time_that_is_none_is_wrong_use(armoury: Armoury) -> None:
    said = armoury("events", "--since", "yesterday")
    assert said.status == 2
    assert "write 30d, 2h, 2026-01-31" in said.err


def test_follow_shows_each_event_at_once_and_ends_with_the_daemon(tmp_path: Path) -> None:
    with Daemon(tmp_path / "control.sock") as daemon:
        words = ["-m", "agent.cli.main", "events", "--follow", "--socket", str(daemon.path)]
        following = subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert following.stdout
        assert "access.granted" in following.stdout.readline()
        assert "panic.raised" in following.stdout.readline()
    out, err = following.communicate(timeout=60)
    assert (following.returncode, out) == (3, "")
    assert err == "Error: the daemon went away before it answered\n"


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Return the folder of a record of 30 events, every tenth an alarm, that nobody has open."""
    folder = tmp_path / "data"
    with Journal.open(folder, committed=lambda _: None, failed=lambda _: None) as journal:
        for number in range(30):
            alarm = number % 10 == 0
            kind = "door.forced" if alarm else "door.closed"
            moment = Moment(AT_US + number, number, "boot", True)
            severity = Severity.ALARM if alarm else Severity.INFO
            event = Event(kind, "store", severity, moment)
            journal.submit(Batch((Entry(event),)), number)
        wait_until(lambda: journal.head == 30, 5.0, "all are recorded")
    return folder


def test_offline_reads_the_record_without_a_daemon(armoury: Armoury, record: Path) -> None:
    said = armoury("events", "--json", "--offline", record, "-n", "5")
    assert [json.loads(line)["seq"] for line in said.out.splitlines()] == [26, 27, 28, 29, 30]
    said = armoury("events", "--json", "--offline", record, "--severity", "alarm")
    assert [json.loads(line)["seq"] for line in said.out.splitlines()] == [1, 11, 21]
    said = armoury("events", "--json", "--offline", record, "--after", "4", "-n", "2")
    assert [json.loads(line)["seq"] for line in said.out.splitlines()] == [5, 6]


def test_offline_without_a_record_says_so(armoury: Armoury, tmp_path: Path) -> None:
    said = armoury("events", "--offline", tmp_path)
    assert said.status == 1
    assert said.err.startswith("Error: ")
    assert said.err.count("\n") == 1


def test_offline_no_number_is_too_high_for_a_word(armoury: Armoury, record: Path) -> None:
    said = armoury("events", "--offline", record, "--after", str(2**63))
    assert said.status == 2
    assert "is not in the range" in said.err


def test_offline_and_follow_are_told_apart(armoury: Armoury, tmp_path: Path) -> None:
    assert armoury("events", "--offline", tmp_path, "--follow").status == 2
