"""The journal's writer dies of a fault of our own: the daemon ends, and systemd begins it anew."""

from __future__ import annotations

from pathlib import Path
from typing import Never

from agent.journal.storage import Storage
from tests.runtime import dark_house


def main() -> None:
    """Be `armoury run`, in a process of its own, with a fault in the journal."""

    def fault(*_: object) -> Never:
        raise ZeroDivisionError

    Storage.commit = fault
    dark_house.main()


def test_the_daemon_ends_when_nothing_can_be_recorded_any_more(tmp_path: Path) -> None:
    done = dark_house.run(__name__, tmp_path)
    assert done.returncode == 1, done.stderr
    assert "Error: the journal's writer ended by a fault of its own (ZeroDivis" in done.stderr
