"""A commit of which nobody knows whether it is on the disk; a writer that dies; a read that hangs.

A sync that fails leaves the transaction whole in the WAL. SQLite counts it as never made while
some connection is open, and as made once all were closed.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.journal import keys, layout, reading
from agent.journal.errors import JournalDied, JournalError, StorageFailed
from agent.journal.journal import Journal
from agent.journal.reading import Reader
from agent.journal.record import Batch, Commit, Sealed
from agent.journal.verification import verify
from tests.journal.recording import Ears, batch, entry
from tests.waiting import wait_until


class Unsynced(sqlite3.Connection):
    """Makes some commits and then says that their sync failed, as a dying disk does."""

    left = 0  # how many more

    def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
        done = super().execute(sql, *more)
        if sql == "COMMIT" and Unsynced.left:
            Unsynced.left -= 1
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return done


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Unsynced]]:
    connect = sqlite3.connect

    def ours(*args: Any, **named: Any) -> sqlite3.Connection:
        return connect(*args, factory=Unsynced, **named)

    monkeypatch.setattr(layout.sqlite3, "connect", ours)
    yield Unsynced
    Unsynced.left = 0


def in_the_file_alone(folder: Path) -> int:
    """Return the last number that is there without the WAL."""
    path = f"file:{folder / layout.DATABASE}?mode=ro&immutable=1"
    with closing(sqlite3.Connection(path, uri=True)) as connection:
        return int(connection.execute("SELECT max(seq) FROM event").fetchone()[0])


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_what_a_failed_sync_left_is_written_anew_and_told_once(
    unsynced: type[Unsynced], ears: Ears, folder: Path, failures: int
) -> None:
    safe: list[int] = []
    sealed: list[Sealed] = []

    def committed(commit: Commit) -> None:
        if commit.tag == 1:
            safe.append(in_the_file_alone(folder))
        ears.committed(commit)

    def failed(error: JournalError) -> None:
        ears.failed(error)
        journal.submit(Batch((entry(9),), {"tag": b"9"}), 9)  # so that the next attempt has more

    journal = Journal.open(
        folder, committed=committed, failed=failed, sealed=sealed.append, origin="armoury/doubt"
    )
    with closing(journal):
        journal.submit(batch(0), 0)
        ears.heard(1)
        unsynced.left = failures
        journal.submit(Batch((entry(1), entry(2)), {"tag": b"1"}), 1)
        ears.heard(3)
        journal.submit(batch(3), 10)
        ears.heard(4)
        assert [commit.tag for commit in ears.commits] == [0, 1, 9, 10]
        assert [row.seq for row in ears.rows] == [1, 2, 3, 4, 5]
        assert journal.read(0, 10) == ears.rows
        assert safe[0] >= 3, "told while it was only where the kernel may have dropped it"
        assert [type(error) for error in ears.failures] == [StorageFailed]
    with Reader(folder) as reader:
        assert reader.state() == {"tag": b"9"}
    assert verify(folder, keys.public(folder)).findings == ()
    assert sealed[-1].size == 5


def test_a_checkpoint_of_such_a_commit_is_told(
    unsynced: type[Unsynced], ears: Ears, folder: Path
) -> None:
    sealed: list[Sealed] = []
    journal = Journal.open(
        folder,
        committed=ears.committed,
        failed=ears.failed,
        sealed=sealed.append,
        origin="armoury/doubt",
    )
    with closing(journal):
        unsynced.left = 1
        journal.submit(batch(*range(100)), 0)
        wait_until(lambda: sealed, 10, "the checkpoint")
    assert [one.size for one in sealed] == [100]
    assert verify(folder, keys.public(folder)).findings == ()


def test_a_writer_that_dies_says_so_once_and_takes_no_more(
    ears: Ears, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.open(folder, committed=ears.committed, failed=ears.failed)
    journal.submit(batch(0), 0)
    ears.heard(1)
    with monkeypatch.context() as broken:
        broken.setattr("agent.journal.storage.sha256", lambda _: 1 / 0)
        journal.submit(batch(1), 1)
        wait_until(lambda: ears.failures, 10, "the writer's last word")
    with pytest.raises(JournalDied, match=r"ZeroDivisionError.*started again"):
        journal.submit(batch(2), 2)
    with pytest.raises(StorageFailed, match=r"1 batches .*fault of its own"):
        journal.close()
    (died,) = ears.failures
    assert isinstance(died, JournalDied)
    assert isinstance(died.__cause__, ZeroDivisionError)
    with Reader(folder) as reader:
        assert reader.head == 1


def test_closing_does_not_wait_for_a_read_that_hangs(
    ears: Ears, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CLOSE_S", 0.05)
    journal = Journal.open(folder, committed=ears.committed, failed=ears.failed)
    hangs, ends = threading.Event(), threading.Event()

    def read() -> None:
        with journal._reader.tree():
            hangs.set()
            assert ends.wait(60)

    reads, closes = threading.Thread(target=read), threading.Thread(target=journal.close)
    reads.start()
    assert hangs.wait(60)
    journal.submit(batch(0), 0)
    closes.start()
    try:
        ears.heard(1)
        closes.join(60)
        assert not closes.is_alive()
        with closing(Journal.open(folder, committed=ears.committed, failed=ears.failed)) as next_:
            assert next_.head == 1, "the next one finds it all, and the folder free"
    finally:
        ends.set()
        reads.join()
        closes.join()
        journal._reader.close()
