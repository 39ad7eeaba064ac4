"""A backup is gone on with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.cli.judgement import judgement
from agent.journal import keys, succession
from agent.journal.backup import BackupBad, backup, restore
from agent.journal.errors import (
    JournalLocked,
    JournalUnusable,
    StorageFailed,
)
from agent.journal.journal import Journal
from agent.journal.note import NoteRefused
from agent.journal.proving import CannotProve, prove
from agent.journal.ranges import Ranges
from agent.journal.reading import Reader
from agent.journal.record import PRUNED, Batch, Recorded
from agent.journal.succession import MARGIN
from agent.journal.verification import verify
from agent.site.inputs import Json
from tests.journal.recording import ORIGIN, START_US, Ears, batch, entry
from tests.journal.succeeding import bend, kept, told

Open = Callable[..., Journal]


@pytest.mark.skipif(
    os.getuid() != 0, reason="WHOSE THE FILES ARE IS NOT SEEN: only root gives them"
)
def test_what_root_restores_is_the_daemons(
    recorded: list[Recorded], folder: Path, tmp_path: Path
) -> None:
    copy, new = tmp_path / "copy", tmp_path / "new"
    backup(folder, copy)
    new.mkdir()
    shutil.copy(folder / "journal.key", new)
    for where in (folder, new):
        for path in (where, *where.rglob("*")):
            os.chown(path, 1234, 1235)
        restore(where, copy)
        assert {(found.st_uid, found.st_gid) for found in map(Path.stat, where.rglob("*"))} == {
            (1234, 1235)
        }


def test_a_backup_is_restored_above_every_number_that_was_given(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    backup(folder, copy)
    journal = signing()
    journal.submit(Batch((entry(1), entry(2)), {"door/store": b'"later"'}), 50)
    with pytest.raises(JournalLocked):
        restore(folder, copy)
    journal.close()
    report = restore(folder, copy)
    assert "was restored; the old record lies untouched" in str(report)
    journal = signing()
    assert told(ears) == str(report)
    assert journal.saved == {"door/store": b"900"}
    journal.submit(batch(1), 51)
    journal.close()
    assert ears.rows[-1].seq == 1003
    with Reader(folder) as reader:
        assert reader.read(0, 2000) == [*recorded, ears.rows[-1]]
        kinds = [row.seq for row in reader.query(kind="test.1", since_us=START_US + 990_000_000)]
        assert kinds == [seq for seq in range(991, 1001) if seq % 3 == 2]
    assert verify(folder, keys.public(folder)).findings == ()


def test_what_is_not_proved_of_a_restored_record_is_said(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    copy, note = tmp_path / "copy", kept(folder, 1000)
    backup(folder, copy)
    restore(folder, copy)
    journal = signing()
    journal.submit(batch(1, 2, 3), 99)
    ears.heard(11)
    journal.close()
    trusted = keys.public(folder)
    verdict = verify(folder, trusted)
    assert (verdict.findings, verdict.events, verdict.inherited) == ((), 3, 1000)
    assert "NOT proved: 1000 events before 1001" in judgement(verdict, trusted, by_given_key=True)
    with pytest.raises(NoteRefused, match=r"test up to the event 1000 says nothing of this record"):
        verify(folder, trusted, [note])
    (aside,) = (folder / "aside").iterdir()
    assert verify(aside, trusted, [note]).findings == (), "it is that one's"
    with Reader(folder) as reader, reader.tree() as tree:
        newest = tree.newest_checkpoint()
    assert newest is not None
    (finding,) = verify(aside, trusted, [newest.note]).findings
    assert (finding.first, finding.last) == (1001, 1003)
    assert finding.what == f"signed in {ORIGIN}/from-1001, and not in this"
    with Reader(folder) as reader, pytest.raises(CannotProve, match="500 was taken over from an"):
        prove(reader, 500)


def test_a_damaged_backup_is_not_restored(
    signing: Open, recorded: list[Recorded], folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    backup(folder, copy)
    bend(copy, "DELETE FROM entry WHERE seq = 500")
    before = (folder / "journal.db").read_bytes()
    with pytest.raises(BackupBad, match="damaged at the event 500"):
        restore(folder, copy)
    assert (folder / "journal.db").read_bytes() == before
    assert not (folder / "aside").exists()


def test_a_backup_that_is_gone_meanwhile_is_not_taken_for_an_empty_one(
    signing: Open, recorded: list[Recorded], folder: Path, tmp_path: Path
) -> None:
    before = (folder / "journal.db").read_bytes()
    with pytest.raises(StorageFailed, match=f"{tmp_path / 'gone'} cannot be opened"):
        succession.succeed(folder, keys.read(folder), "a backup was restored", tmp_path / "gone")
    assert (folder / "journal.db").read_bytes() == before
    assert not (folder / "aside").exists()


def test_a_backup_is_restored_beyond_what_was_pruned_of_it(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    journal = signing()
    journal.submit(batch(*range(2500)), 50)
    gone = Ranges.of([(1, 3400)])
    said: list[Json] = [[1, 3400]]
    pruned = entry(0, PRUNED, data={"ranges": said})
    journal.submit(Batch((pruned,), prune=gone), 51)
    ears.heard(12)
    journal.close()
    backup(folder, tmp_path / "copy")
    assert "holds 101 events from before" in str(restore(folder, tmp_path / "copy"))


def test_what_was_taken_over_is_pruned_like_all_else(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    """Of a record that was restored, what is old is given up years later, over its seam too."""
    backup(folder, tmp_path / "copy")
    restore(folder, tmp_path / "copy")
    journal = signing()
    journal.submit(batch(*range(300)), 50)
    said: list[Json] = [[700, 710], [990, 1010]]
    pruned = entry(0, PRUNED, data={"ranges": said})
    journal.submit(Batch((pruned,), prune=Ranges.of([(700, 710), (990, 1010)])), 51)
    journal.close()
    verdict = verify(folder, keys.public(folder))
    assert verdict.findings == ()
    assert (verdict.inherited, verdict.pruned) == (1000 - 11 - 11, 10)
    assert backup(folder, tmp_path / "another").findings == ()


def test_a_backup_goes_onto_a_new_disk(
    recorded: list[Recorded], folder: Path, tmp_path: Path
) -> None:
    copy, new = tmp_path / "copy", tmp_path / "new"
    backup(folder, copy)
    with pytest.raises(JournalUnusable, match=r"key .* is missing"):
        restore(new, copy)
    shutil.copy(folder / "journal.key", new)
    restore(new, copy)
    with Journal.open(new, committed=print, failed=print, origin=ORIGIN) as journal:
        assert journal.head == 1000 + MARGIN
        assert journal.read(0, 2000) == recorded
