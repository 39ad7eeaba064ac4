"""A record that is older than it was, or another, is known."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from agent.journal import keys
from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import (
    JournalRolledBack,
)
from agent.journal.journal import Journal
from agent.journal.record import REPLACED, Batch, Recorded
from agent.journal.succession import MARGIN
from tests.journal.recording import ORIGIN, Ears, batch, entry
from tests.journal.succeeding import bend, forged, kept, see_that_it_goes_on, told

Open = Callable[..., Journal]


def test_an_older_copy_put_back_is_known_and_not_written_over(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    bend(folder, "DELETE FROM entry WHERE seq > 700")
    bend(folder, "DELETE FROM checkpoint WHERE size > 700")
    bend(folder, "DELETE FROM tile WHERE position > 1")
    journal = signing()
    assert "is older than it was: it was signed up to the event 1000, and ends at 700" in told(ears)
    assert see_that_it_goes_on(journal, ears, folder, recorded, 1001 + MARGIN) == []


def test_another_past_is_known(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(folder / "journal.key", other)
    with Journal.open(other, committed=print, failed=print, origin=ORIGIN) as journal:
        journal.submit(batch(*range(1000)), 1)
    shutil.copy(other / "journal.db", folder)
    signing()
    assert "is not the one that was signed last" in told(ears)


def test_what_a_monitor_kept_shows_an_older_copy(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    """The whole folder was put back, `journal.last` with it: nothing in it can show that."""
    shutil.copytree(folder, tmp_path / "older")
    journal = signing()
    before = len(ears.commits)
    journal.submit(batch(*range(100)), 50)
    ears.heard(before + 1)
    journal.close()
    newer = kept(folder, 1100)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "older", folder)
    journal = signing()
    for harmless in (kept(folder, 500), kept(folder, 1000), "no note", forged(folder, 5000)):
        journal.witnessed(harmless)
    assert ears.failures == []
    journal.submit(batch(*range(30)), 51)
    journal.witnessed(newer)
    (found,) = ears.failures
    assert isinstance(found, JournalRolledBack)
    assert "a checkpoint over 1100" in str(found)
    journal.close()
    journal = signing()
    assert "older than it was: it was signed up to the event 1100" in told(ears)
    ears.commit(journal, Batch((entry(1, REPLACED),)), 52)
    assert ears.rows[-1].seq == 1101 + MARGIN
    for known in (newer, kept(tmp_path / "older", 1000)):
        journal.witnessed(known)
    journal.close()
    assert len(ears.failures) == 2, "the new record is not held against the old one"
    signing().close()
    assert len(ears.failures) == 2


def test_what_a_monitor_kept_is_enough_after_a_kill(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    """A disk made anew, with its key; killed before anything of it was signed."""
    new, cut = tmp_path / "new", tmp_path / "cut"
    new.mkdir()
    shutil.copy(folder / "journal.key", new)
    note = kept(folder, 1000)
    with Journal.open(new, committed=print, failed=print, origin=ORIGIN) as journal:
        journal.witnessed(note)
        shutil.copytree(new, cut)
    with Journal.open(cut, committed=print, failed=ears.failed, origin=ORIGIN) as journal:
        assert "is older than it was" in told(ears)
        assert journal.head == 1000 + MARGIN


def test_what_a_monitor_kept_shows_another_past(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    signer = keys.read(folder)
    journal = signing()
    journal.witnessed(Checkpoint(ORIGIN, 900, bytes(32)).signed(signer))
    (found,) = ears.failures
    assert "over 900 of another past" in str(found)
    journal.close()
    signing()
    assert "not the one that was signed last" in told(ears)
