"""Nothing that a demo started is left when the demo is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.waiting import wait_until

STARTS = """
import subprocess, sys
from simulators.bound import bound
print(subprocess.Popen(bound(["sleep", "60"])).pid, flush=True)
sys.stdin.read()
"""


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_a_killed_program_started_ends_with_it() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", STARTS], stdin=pipe, stdout=pipe, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_until(
            lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n", 10, "the child runs"
        )
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        wait_until(lambda: not _is_running(child), 10, "the child is gone")
