"""`armoury demo` on a terminal: what somebody plays with there is held against the record, too."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from agent.control import Client, ControlError
from tests.terminal import WAIT_S, Terminal
from tests.waiting import wait_until

NIGHT = """
name = "A quiet night"
[[step]]
say = "Nothing happens"
"""
MATCH = r"They match:\S* events 1 to (\d+), every one"


def daemon_of(folder: Path) -> int:
    """Return the process of the demo's daemon; 0 while it does not answer."""
    with suppress(ControlError), Client(folder / "control.sock") as client:
        return int(client.ask("status")["daemon"]["pid"])
    return 0


def test_what_is_played_after_the_night_is_compared_as_well(tmp_path: Path) -> None:
    night = tmp_path / "quiet.toml"
    night.write_text(NIGHT)
    words = ("demo", "--folder", str(tmp_path / "demo"), "--night", str(night))
    terminal = Terminal(*words, size=(200, 50))
    try:
        before = int(terminal.wait_for(MATCH)[1])
        terminal.wait_for("what the monitor hears")
        terminal.type("b")
        terminal.wait_for("the broker is gone")
        terminal.type("p")
        terminal.wait_for(r"guard-room \S*raised")
        terminal.type("k")
        terminal.wait_for("killed, and started")
        daemon = wait_until(lambda: daemon_of(tmp_path / "demo"), WAIT_S, "the daemon answers")
        os.kill(daemon, signal.SIGKILL)
        terminal.wait_for("died, and started anew")
        terminal.type("q")
        after = int(terminal.wait_for(MATCH)[1])
        assert terminal.process.wait(WAIT_S) == 0
    finally:
        terminal.close()
    assert after > before, "the panic, and the daemon's second start"
