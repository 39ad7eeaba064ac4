"""`armoury watch`, on a terminal of its own."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Armoury
from tests.cli.daemon import Daemon
from tests.terminal import WAIT_S, Terminal


@pytest.fixture
def terminal(daemon: Daemon) -> Iterator[Terminal]:
    running = Terminal("watch", "--socket", str(daemon.path))
    yield running
    running.close()


def test_it_shows_the_site_and_its_events_and_redraws_what_changes(
    terminal: Terminal, daemon: Daemon
) -> None:
    terminal.wait_for(r"Armoury 7, Quito.*guard-room.*panic.raised guard-room")
    daemon.status["journal"]["head"] = 4321
    terminal.wait_for(r"4321 events")


def test_q_leaves_and_the_terminal_is_as_before(terminal: Terminal) -> None:
    terminal.wait_for("Armoury 7")
    terminal.type("x")  # no key of ours
    terminal.type("q")
    assert terminal.left() == 0


def test_ctrl_c_leaves_too(terminal: Terminal) -> None:
    terminal.wait_for("Armoury 7")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.left() == 0


def test_what_nobody_on_site_may_see_is_not_shown(terminal: Terminal) -> None:
    shown = ""
    deadline = time.monotonic() + WAIT_S
    while "panic.raised" not in shown.partition("q leaves")[2]:
        assert time.monotonic() < deadline
        shown += os.read(terminal._master, 65_536).decode(errors="replace")
    assert "duress" not in shown


@pytest.mark.parametrize(("height", "cut"), [(12, True), (40, False)])
def test_what_has_no_room_is_counted(daemon: Daemon, height: int, cut: bool) -> None:
    terminal = Terminal("watch", "--socket", str(daemon.path), size=(80, height))
    try:
        shown = terminal.wait_for(r"q leaves[^\n]*\n.*panic.raised guard-room")[0]
        assert bool(re.search(r"\d+ more lines above do not fit", shown)) is cut
        terminal.type("q")
        assert terminal.left() == 0
    finally:
        terminal.close()


def test_it_outlives_the_daemon_and_sees_the_next(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with Daemon(path):
        terminal = Terminal("watch", "--socket", str(path))
        terminal.wait_for("Armoury 7")
    try:
        terminal.wait_for("trying again")
        with Daemon(path) as daemon:
            daemon.status["site"]["name"] = "Armoury 8"
            terminal.wait_for("Armoury 8")
            terminal.type("q")
            assert terminal.process.wait(60) == 0
    finally:
        terminal.close()


def test_without_a_daemon_it_is_3_like_every_other_command(tmp_path: Path) -> None:
    terminal = Terminal("watch", "--socket", str(tmp_path / "absent.sock"))
    terminal.wait_for("no daemon answers")
    assert terminal.process.wait(60) == 3
    terminal.close()


def test_without_a_terminal_it_says_what_to_use(armoury: Armoury, daemon: Daemon) -> None:
    said = armoury("watch")
    assert said.status == 2
    assert "armoury status --json" in said.err


def test_on_a_terminal_that_cannot_be_drawn_on_it_says_what_to_use(daemon: Daemon) -> None:
    terminal = Terminal("watch", "--socket", str(daemon.path), kind="dumb")
    try:
        terminal.wait_for(r"TERM=dumb.*armoury status")
        assert terminal.process.wait(60) == 2
    finally:
        terminal.close()
