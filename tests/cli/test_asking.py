"""What is asked of people: only what can be of use, and nobody who is not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from tests.cli.conftest import Armoury
from tests.cli.daemon import Daemon
from tests.terminal import Terminal
from tests.waiting import wait_until

TAKE = ("count", "take", "rifles", "p-1", "p-2")


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every question fail."""

    def prompt(text: str, **_: Any) -> str:
        raise AssertionError(text)

    monkeypatch.setattr(click, "prompt", prompt)


def alone(daemon: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command with no terminal at all."""
    return subprocess.run(
        [sys.executable, "-m", "agent.cli.main", *words],
        env=os.environ | {"ARMOURY_SOCKET": str(daemon.path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
        check=False,
    )


@pytest.mark.usefixtures("unasked")
def test_nobody_is_sent_to_a_reader_for_a_count_that_cannot_be(
    armoury: Armoury, daemon: Daemon
) -> None:
    daemon.refusal = "unknown-rack"
    said = armoury(*TAKE)
    assert (said.status, said.out) == (1, "")
    assert "no rack has this id" in said.err


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize(
    "words",
    [("--number", "3", "--list", os.devnull), ("--inventory", "--number", "3")],
    ids=["a number and a list", "a number for an inventory"],
)
def test_wrong_use_is_told_before_a_count_begins(
    armoury: Armoury, daemon: Daemon, words: tuple[str, ...]
) -> None:
    said = armoury(*TAKE, *words)
    assert (said.status, daemon.asked) == (2, [])


@pytest.mark.usefixtures("unasked")
def test_nobody_types_a_pin_for_somebody_who_is_not_there(armoury: Armoury, daemon: Daemon) -> None:
    said = armoury("person", "pin", "p-77")
    assert said.status == 1
    assert said.err == "Error: nobody has the id p-77; see: armoury person list\n"
    assert daemon.asked == []


@pytest.mark.parametrize(
    "words", [("pin", "p-1"), ("enrol", "p-9", "--role", "guard", "--pin")], ids=["pin", "enrol"]
)
def test_a_pin_that_would_be_seen_is_not_asked_for(daemon: Daemon, words: tuple[str, ...]) -> None:
    said = alone(daemon, "person", *words)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.endswith("typed unseen, and that takes a terminal; over ssh: ssh -t\n")
    assert "Warning" not in said.stderr


def test_where_nobody_answers_it_says_so(daemon: Daemon) -> None:
    daemon.refusal = "not-on-site"
    said = alone(daemon, *TAKE)
    assert (said.returncode, said.stdout) == (1, "")
    asked, error = said.stderr.splitlines()
    assert asked == "p-1 and p-2: identify at a reader, then press Enter "
    assert error == "Error: nobody answers: the input has ended; run it on a terminal"


def test_ctrl_c_at_a_question_ends_its_line(daemon: Daemon) -> None:
    daemon.refusal = "not-on-site"
    terminal = Terminal(*TAKE, "--socket", str(daemon.path))
    try:
        terminal.wait_for("press Enter")
        state = Path(f"/proc/{terminal.process.pid}/stat")  # pid (name) state ...: proc(5)
        wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "S", 30, "it waits")
        terminal.process.send_signal(signal.SIGINT)
        terminal.wait_for(r"^\s*\n")
        assert terminal.process.wait(60) == 130
    finally:
        terminal.close()
