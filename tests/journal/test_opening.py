"""Opening a record: whose it is, what it was before, and what is left alone."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.journal import layout, schema
from agent.journal.errors import JournalLocked, JournalTooNew, JournalUnusable
from agent.journal.journal import Journal
from agent.journal.reading import Reader
from tests.journal.recording import Ears, batch, run_traced

Open = Callable[..., Journal]


def test_a_second_daemon_is_refused_and_told_by_whom(
    opened: Open, folder: Path, ears: Ears
) -> None:
    first = opened()
    code = (
        "import sys; from pathlib import Path; from agent.journal.journal import Journal\n"
        "Journal.open(Path(sys.argv[1]), committed=print, failed=print)"
    )
    second = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, timeout=60
    )
    assert f"is in use by the process {os.getpid()};" in second.stderr
    with pytest.raises(JournalLocked, match=f"process {os.getpid()}"):
        Journal.open(folder, committed=ears.committed, failed=ears.failed)
    first.close()
    opened()


def test_a_newer_schema_is_refused_and_left_alone(opened: Open, folder: Path) -> None:
    opened().close()
    with sqlite3.connect(folder / "journal.db") as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    before = (folder / "journal.db").read_bytes()
    with pytest.raises(JournalTooNew, match="install the newer software"):
        opened()
    with pytest.raises(JournalTooNew, match="use the newer one"):
        Reader(folder)
    assert (folder / "journal.db").read_bytes() == before


def test_an_older_schema_is_migrated_after_a_backup(opened: Open, ears: Ears, folder: Path) -> None:
    journal = opened()
    journal.submit(batch(1, 2), 1)
    journal.close()
    newer = schema.VERSION + 2
    steps = {
        schema.VERSION: ("ALTER TABLE entry ADD COLUMN one INTEGER",),
        schema.VERSION + 1: ("UPDATE entry SET one = seq", "CREATE TABLE two(x)"),
    }
    layout.prepare(folder, version=newer, steps=steps)
    with sqlite3.connect(folder / "journal.db") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (newer,)
        assert connection.execute("SELECT seq, one FROM entry").fetchall() == [(1, 1), (2, 2)]
    connection.close()
    (backup,) = (folder / "backups").iterdir()
    backup.rename(folder / "journal.db")
    assert opened().read(0, 10) == ears.rows


def test_a_migration_that_fails_changes_nothing(opened: Open, folder: Path) -> None:
    opened().close()
    steps = {schema.VERSION: ("CREATE TABLE half(x)", "CREATE TABLE half(x)")}
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        layout.prepare(folder, version=schema.VERSION + 1, steps=steps)
    opened().close()


def test_a_start_that_was_cut_short_is_finished(opened: Open, folder: Path) -> None:
    folder.mkdir()
    (folder / "journal.db").touch()
    assert opened().head == 0


def test_what_is_no_journal_is_left_alone(opened: Open, folder: Path) -> None:
    folder.mkdir()
    (folder / "journal.db").write_bytes(b"Dear diary, " * 400)
    with pytest.raises(JournalUnusable, match="not an armoury journal"):
        opened()
    with pytest.raises(JournalUnusable):
        Reader(folder)
    (folder / "journal.db").unlink()
    with sqlite3.connect(folder / "journal.db") as other:
        other.execute("CREATE TABLE diary(dear TEXT)")
    other.close()
    with pytest.raises(JournalUnusable, match="not an armoury journal"):
        opened()


def test_a_folder_that_cannot_be(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalUnusable, match=r"Not a directory; .* make the folder writable"):
        opened(tmp_path / "file" / "data")


def test_only_the_owner_can_read(opened: Open, folder: Path, ears: Ears) -> None:
    opened().submit(batch(1), 1)
    ears.heard(1)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}


def test_the_layout_on_disk(opened: Open, ears: Ears, folder: Path) -> None:
    opened().submit(batch(1), 1)
    ears.heard(1)
    with sqlite3.connect(folder / "journal.db") as connection:
        assert connection.execute("PRAGMA page_size").fetchone() == (layout.PAGE,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.skipif(shutil.which("strace") is None, reason="THE DISK DOES NOT FAIL: no strace")
@pytest.mark.parametrize(
    ("call", "when"), [("ftruncate", 2), ("openat", 7), ("pread64", 4), ("pread64", 25)]
)
def test_a_disk_that_fails_once_at_the_opening_costs_no_record(
    signing: Open, folder: Path, tmp_path: Path, call: str, when: int
) -> None:
    """The reader's connection meets it, the writer's, or one before; SQLite calls EIO damage."""
    journal = signing()
    journal.submit(batch(1, 2, 3), 1)
    journal.close()
    trace = tmp_path / "trace"
    beside = [word for end in ("", "-wal", "-shm") for word in ("-P", f"{folder}/journal.db{end}")]
    only = ["-e", f"trace={call}", *beside, "-o", str(trace)]
    run_traced(folder, f"inject={call}:error=EIO:when={when}", *only)
    assert "(INJECTED)" in trace.read_text()
    assert not (folder / "aside").exists(), "the record was well"
    signing().close()
    assert not (folder / "aside").exists()
