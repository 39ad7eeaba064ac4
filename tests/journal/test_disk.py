"""What the disk does to us, done by real file systems: full, read-only, gone, replaced."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.journal import errors, reserve, writer
from agent.journal.backup import backup, restore
from agent.journal.body import written
from agent.journal.filing import Filing
from agent.journal.journal import Journal
from agent.journal.reading import Reader
from agent.journal.record import Batch
from agent.journal.tree import leaf_hash
from agent.journal.verification import verify
from agent.site.step import Severity
from tests.journal.recording import ORIGIN, Ears, batch, entry
from tests.waiting import wait_until

Open = Callable[..., Journal]


pytestmark = pytest.mark.skipif(
    os.getuid() != 0, reason="THE DISK TESTS DO NOT RUN: only root may mount small file systems"
)


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of its own that holds one megabyte."""
    where = tmp_path / "small"
    where.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", where)
    yield where
    run("umount", "-l", where)


def fill(ballast: Path) -> None:
    """Leave no space on the file system."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    assert os.statvfs(ballast).f_bavail == 0


def failed(ears: Ears, kind: type[errors.StorageFailed]) -> str:
    wait_until(lambda: any(isinstance(e, kind) for e in ears.failures), 10, f"{kind.__name__}")
    return str(ears.failures[-1])


def test_a_full_disk_loses_nothing_and_heals(small: Path, opened: Open, ears: Ears) -> None:
    journal = opened(small / "data")
    journal.submit(batch(0), 0)
    ears.heard(1)
    ballast = small / "ballast"
    fill(ballast)
    for tag in range(1, 51):
        filler = entry(tag, data={"filler": "x" * 500})
        journal.submit(Batch((filler, filler), {"tag": b"%d" % tag}), tag)
    assert "free some: recording goes on by itself" in failed(ears, errors.StorageFull)
    told = len(ears.commits)
    ballast.unlink()
    ears.heard(51)
    assert told < 51
    assert [commit.tag for commit in ears.commits] == list(range(51))
    assert journal.read(0, 1000) == ears.rows
    assert len(ears.failures) == 1, "the same reason is told once"


def test_room_is_kept_for_alarms(
    small: Path, opened: Open, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserve, "SIZE", 300_000)
    journal = opened(small / "data")
    fill(small / "ballast")
    chatter = [batch(tag) for tag in range(60)]
    for tag, waiting in enumerate(chatter):
        journal.submit(waiting, tag)
    failed(ears, errors.StorageFull)
    before = len(ears.commits)
    assert before < len(chatter), "chatter does not get the room"
    journal.submit(batch(60, severity=Severity.ALARM), 60)
    ears.heard(61)
    assert [row.seq for row in ears.rows] == list(range(1, 62)), "in order all the same"
    assert not (small / "data" / "journal.reserve").exists()
    (small / "ballast").unlink()
    monkeypatch.setattr(reserve, "AGAIN_S", 0.0)
    journal.close()
    opened(small / "data")
    assert (small / "data" / "journal.reserve").stat().st_blocks * 512 >= 300_000


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep every other writer out of the database."""
    other = sqlite3.connect(folder / "journal.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


def test_a_disk_that_turns_read_only_loses_nothing_and_heals(
    small: Path, opened: Open, ears: Ears
) -> None:
    folder = small / "data"
    journal = opened(folder)
    journal.submit(batch(0), 0)
    ears.heard(1)
    with locked(folder):  # so that the writer has to open the files anew
        run("mount", "--bind", small, small)
        run("mount", "-o", "remount,bind,ro", small)
        journal.submit(batch(1), 1)
        failed(ears, errors.StorageBusy)
    try:
        assert "make it writable" in failed(ears, errors.StorageReadOnly)
        journal.submit(batch(2), 2)
        assert [row.seq for row in journal.read(0, 10)] == [1]
    finally:
        run("umount", small)
    ears.heard(3)
    assert [row.seq for row in journal.read(0, 10)] == [1, 2, 3]


def test_another_programs_lock_delays_only(opened: Open, ears: Ears, folder: Path) -> None:
    journal = opened()
    with locked(folder):
        for tag in range(100):
            journal.submit(batch(tag), tag)
        assert "locked" in failed(ears, errors.StorageBusy)
    ears.heard(100)
    assert [row.seq for row in ears.rows] == list(range(1, 101))


def test_a_file_that_vanishes_or_is_put_back_older(
    opened: Open, ears: Ears, folder: Path, tmp_path: Path
) -> None:
    journal = opened()
    journal.submit(batch(0), 0)
    ears.heard(1)
    older, newer = tmp_path / "older", tmp_path / "newer"
    shutil.copytree(folder, older)
    journal.submit(batch(1), 1)
    ears.heard(2)
    move(folder, newer)
    journal.submit(batch(2), 2)
    assert "see that the disk is mounted" in failed(ears, errors.StorageReadOnly)
    move(older, folder)
    assert "not the one that was there before" in failed(ears, errors.StorageCorrupt)
    with Reader(folder) as reader:
        assert reader.head == 1, "nothing may be written into it"
    move(folder, older)
    move(newer, folder)
    ears.heard(3)
    assert [row.seq for row in ears.rows] == [1, 2, 3]
    assert [row.seq for row in journal.read(0, 10)] == [1, 2, 3]


def test_a_file_that_is_deleted_while_nothing_happens_is_missed(
    opened: Open, ears: Ears, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LOOK_S", 0.05)
    opened()
    for suffix in ("", "-wal", "-shm"):
        (folder / f"journal.db{suffix}").unlink()
        if not suffix:
            assert "see that the disk is mounted" in failed(ears, errors.StorageReadOnly)
    assert not (folder / "journal.db").exists(), "none is made in its place"


def test_a_file_that_vanishes_while_nothing_happens_is_missed(
    opened: Open, ears: Ears, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LOOK_S", 0.05)
    journal = opened()
    journal.submit(batch(0), 0)
    ears.heard(1)
    move(folder, tmp_path / "taken")
    assert "see that the disk is mounted" in failed(ears, errors.StorageReadOnly)
    journal.submit(batch(1), 1)  # what its loss is recorded with, for one
    move(tmp_path / "taken", folder)
    ears.heard(2)
    assert [row.seq for row in journal.read(0, 10)] == [1, 2]


@pytest.mark.parametrize("name", ["wal", "shm"])
def test_a_file_beside_the_database_that_is_taken_away_costs_nothing(
    name: str,
    opened: Open,
    ears: Ears,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "LOOK_S", 0.05)
    journal = opened()
    journal.submit(batch(0), 0)
    ears.heard(1)
    (folder / f"journal.db-{name}").unlink()
    assert "the daemon begins anew" in failed(ears, errors.StorageUprooted)
    copied = tmp_path / "copied"
    copied.mkdir()

    def left() -> list[int]:
        """Return what a kill would leave."""
        shutil.copy(folder / "journal.db", copied)
        with closing(Reader(copied)) as reader:
            return [row.seq for row in reader.read(0, 10)]

    assert left() == [1]
    journal.submit(batch(1), 1)  # what its loss is recorded with, for one
    ears.heard(2)
    wait_until(lambda: left() == [1, 2], 10, "all of it is in the database")
    assert [type(told) for told in ears.failures] == [errors.StorageUprooted], "told once"


def move(source: Path, target: Path) -> None:
    """Move a database; its own file last, so that no half is taken for a whole."""
    target.mkdir(exist_ok=True)
    for suffix in ("-wal", "-shm", ""):
        (source / f"journal.db{suffix}").replace(target / f"journal.db{suffix}")


def test_closing_on_a_full_disk_ends_and_says_so(
    small: Path, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CLOSE_S", 0.2)
    journal = Journal.open(small / "data", committed=ears.committed, failed=ears.failed)
    fill(small / "ballast")
    for tag in range(20):
        journal.submit(Batch((entry(data={"filler": "x" * 3000}),)), tag)
    with pytest.raises(errors.StorageFailed, match="could not be recorded: no space is left"):
        journal.close()


def test_a_backup_on_a_medium_that_nobody_can_write_is_restored(
    small: Path, ears: Ears, folder: Path
) -> None:
    with Journal.open(
        folder, committed=ears.committed, failed=ears.failed, origin=ORIGIN
    ) as journal:
        journal.submit(Batch(batch(1, 2, 3).entries, {"person/p-1": b"{}"}), 1)
        ears.heard(1)
    stick, second = small / "stick", folder.parent / "second"
    backup(folder, stick)
    for beside in stick.glob("journal.db-*"):
        beside.unlink()  # they were not copied along
    run("mount", "-o", "remount,ro", small)
    assert "holds 3 events from before" in str(restore(folder, stick))
    with Reader(folder) as reader:
        assert reader.read(0, 10) == ears.rows
        assert reader.state() == {"person/p-1": b"{}"}
    assert backup(stick, second).events == 3


@pytest.mark.parametrize("room", [80 << 10, 230 << 10])
def test_a_full_disk_is_not_filled_by_taking_over_an_older_record(
    small: Path, ears: Ears, room: int
) -> None:
    """There is no room for the copy; or for that, and then not for the change."""
    folder, ballast = small / "data", small / "ballast"
    shutil.copytree(Path(__file__).parent / "version1", folder)
    (folder / "backups").mkdir()
    fill(ballast)
    os.truncate(ballast, ballast.stat().st_size - room)
    for _ in range(3):
        with pytest.raises(errors.JournalUnusable, match=r"[Nn]o space"):
            Journal.open(folder, committed=print, failed=print, origin=ORIGIN)
        assert list((folder / "backups").iterdir()) == []
    ballast.unlink()
    with Journal.open(folder, committed=print, failed=print, origin=ORIGIN) as journal:
        assert journal.head == 301
    assert len(list((folder / "backups").glob("journal-v1-*.db"))) == 1


def test_a_start_on_a_full_disk_says_so(small: Path, opened: Open) -> None:
    fill(small / "ballast")
    with pytest.raises(errors.JournalUnusable, match="no space is left"):
        opened(small / "data")


def test_a_commit_that_only_seemed_to_fail_is_not_made_twice(
    opened: Open, ears: Ears, folder: Path
) -> None:
    """After a failed sync the rows may be found in the WAL: SQLite then counts them as there."""
    journal = opened()
    journal.submit(batch(0), 0)
    ears.heard(1)
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as attempt:
        attempt.execute("BEGIN IMMEDIATE")
        journal.submit(batch(1, 2), 1)
        journal.submit(batch(3), 2)
        failed(ears, errors.StorageBusy)
        for seq in (2, 3):
            said, columns = written(entry(seq - 1), seq)
            proof = bytes(16) + leaf_hash(bytes(16) + said)[:8]
            Filing(attempt).put([(seq, "point.changed", "info", columns, proof)])
        attempt.execute("COMMIT")
    ears.heard(3)
    assert [row.seq for row in journal.read(0, 100)] == [1, 2, 3, 4]
    assert journal.read(0, 100) == ears.rows
    journal.close()
    assert verify(folder, []).findings == ()


@pytest.mark.parametrize("over_kib", [-200, 8])
def test_a_backup_that_does_not_fit_blames_the_medium_and_leaves_nothing(
    small: Path, opened: Open, ears: Ears, folder: Path, over_kib: int
) -> None:
    """Not the record, or not what it takes to read the copy."""
    journal = opened()
    journal.submit(Batch(tuple(entry(n, data={"filler": "x" * 700}) for n in range(300))), 1)
    ears.heard(1)
    journal.close()
    room = (folder / "journal.db").stat().st_size + (over_kib << 10)
    fill(small / "ballast")
    os.truncate(small / "ballast", (small / "ballast").stat().st_size - room)
    with pytest.raises(errors.JournalUnusable, match=str(small / "stick")):
        backup(folder, small / "stick")
    assert [path.name for path in small.iterdir()] == ["ballast"]
    (small / "ballast").unlink()
    assert backup(folder, small / "stick").events == 300
