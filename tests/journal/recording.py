"""What the journal's tests have in common: events to record, and ears for its callbacks."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

from agent.journal.body import written
from agent.journal.errors import JournalError
from agent.journal.filing import Filing
from agent.journal.journal import Journal
from agent.journal.record import Batch, Commit, Entry, Recorded
from agent.journal.tree import MARK, leaf_hash
from agent.site.inputs import Json
from agent.site.moment import Moment
from agent.site.step import Event, Severity
from tests.waiting import wait_until

BOOT = "0b9e6ad0-3f1c-4d5e-9a77-4f3b2c1d0e9f"
ORIGIN = "armoury/test"
START_US = 1_764_000_000_000_000


def entry(
    number: int = 0,
    kind: str = "point.changed",
    severity: Severity = Severity.INFO,
    object: str = "store",
    data: dict[str, Json] | None = None,
) -> Entry:
    moment = Moment(START_US + number * 1_000_000, number * 1_000_000, BOOT, True)
    return Entry(Event(kind, object, severity, moment, "board", data or {"n": number}))


def batch(*numbers: int, severity: Severity = Severity.INFO) -> Batch:
    return Batch(tuple(entry(number, severity=severity) for number in numbers))


OPEN = """
import sys
from pathlib import Path
from agent.journal.journal import Journal
Journal.open(Path(sys.argv[1]), committed=print, failed=print, origin="armoury/test").close()
print("opened")
"""


def run_traced(folder: Path, traced: str, *how: str) -> str:
    """Open the record in a process under strace; return what it says."""
    strace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=rename,fsync", "-e", traced, *how]
    command = [*strace, sys.executable, "-c", OPEN, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout


def forge(folder: Path, seq: int, what: Entry) -> None:
    """Write an event as somebody does who knows all of the format, and has not the key."""
    body, said = written(what, seq)
    salt = os.urandom(16)
    proof = salt + leaf_hash(salt + body)[:MARK]
    with closing(sqlite3.connect(folder / "journal.db")) as connection, connection:
        connection.execute("DELETE FROM entry WHERE seq = ?", (seq,))
        event = what.event
        Filing(connection).put([(seq, event.kind, str(event.severity), said, proof)])


class Ears:
    """Keeps what the journal calls back with, in order."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.failures: list[JournalError] = []
        self.gate = threading.Event()  # cleared: the writer's thread waits in its callback
        self.gate.set()

    def committed(self, commit: Commit) -> None:
        self.commits.append(commit)
        assert self.gate.wait(60)

    def failed(self, error: JournalError) -> None:
        self.failures.append(error)

    @property
    def rows(self) -> list[Recorded]:
        return [row for commit in self.commits for row in commit.rows]

    def commit(self, journal: Journal, batch: Batch, tag: int) -> None:
        """Submit a batch, and wait for its commit."""
        tags = len(self.commits) + 1  # before: the writer may be quicker than we are
        journal.submit(batch, tag)
        self.heard(tags)

    def heard(self, tags: int, timeout_s: float = 10.0) -> None:
        wait_until(lambda: len(self.commits) >= tags, timeout_s, f"{tags} commits")
