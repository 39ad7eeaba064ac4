"""The journal's writer dies of a fault of our own: the daemon ends, and systemd begins it anew."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Never

from agent.journal.storage import Storage
from tests.runtime import test_exhausted
from tests.runtime.test_exhausted import ROOT


def main() -> None:
    """Be `armoury run`, in a process of its own, with a fault in the journal."""

    def fault(*_: object) -> Never:
        raise ZeroDivisionError

    Storage.commit = fault
    test_exhausted.main()


def test_the_daemon_ends_when_nothing_can_be_recorded_any_more(tmp_path: Path) -> None:
    program = "from tests.runtime.test_died import main; main()"
    where = ["--data", tmp_path / "data", "--socket", tmp_path / "socket"]
    done = subprocess.run(
        [sys.executable, "-c", program, *where],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Error: the journal's writer ended by a fault of its own (ZeroDivis" in done.stderr
