"""What somebody without the key does to a record that rests, after its last checkpoint."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.journal import keys
from agent.journal.checkpoint import Checkpoint
from agent.journal.filing import Filing
from agent.journal.journal import Journal
from agent.journal.note import Signer
from agent.journal.reading import Reader
from agent.journal.record import DOUBTFUL, Batch, Sealed
from agent.journal.succession import JournalSucceeded
from agent.journal.verification import verify
from agent.journal.vouching import JournalDoubtful
from agent.site.moment import Moment
from agent.site.step import Severity
from tests.journal.recording import BOOT, ORIGIN, START_US, Ears, batch, entry, forge

Open = Callable[..., Journal]


@pytest.fixture
def cut(signing: Open, ears: Ears, folder: Path, tmp_path: Path) -> Path:
    """A record whose daemon was killed: 300 events, of which no checkpoint covers the last 50."""
    journal = signing()
    for at in range(0, 250, 50):
        journal.submit(batch(*range(at, at + 50)), at)
        ears.heard(1 + at // 50)
    journal.close()
    journal = signing()
    journal.submit(batch(*range(250, 300)), 1)
    ears.heard(6)
    shutil.copytree(folder, tmp_path / "cut")
    ears.commits.clear()
    return tmp_path / "cut"


def reopened(folder: Path, ears: Ears, seals: list[Sealed]) -> Journal:
    return Journal.open(
        folder,
        committed=ears.committed,
        failed=ears.failed,
        sealed=seals.append,
        origin=ORIGIN,
    )


def test_what_was_ours_is_signed_without_a_word(cut: Path, ears: Ears, seals: list[Sealed]) -> None:
    reopened(cut, ears, seals).close()
    assert ears.failures == []
    assert seals[-1].size == 300


@pytest.mark.parametrize("number", [251, 256, 257, 300, 301])
def test_what_was_forged_is_told_before_it_is_signed(
    cut: Path, ears: Ears, seals: list[Sealed], number: int
) -> None:
    seals.clear()
    forge(cut, number, entry(7, object="crypt"))
    for _ in range(2):  # the first start is cut short before an event says so
        journal = reopened(cut, ears, seals)
        (error,) = ears.failures
        if number < 257:  # in a tile, which is that of other events
            assert isinstance(error, JournalSucceeded)
            return journal.close()
        assert isinstance(error, JournalDoubtful)
        assert f"the events {number} to {max(300, number)} were recorded without" in str(error)
        journal.close()
        assert seals == [], "nothing is signed"
        ears.failures.clear()
    journal = reopened(cut, ears, seals)
    journal.submit(Batch((entry(8, DOUBTFUL, Severity.ALARM),)), 1)
    journal.close()
    assert seals[-1].size == journal.head
    ears.failures.clear()
    reopened(cut, ears, seals).close()
    assert ears.failures == [], "an event has said so"
    assert verify(cut, keys.public(cut)).findings == ()


@pytest.mark.parametrize("number", [252, 290])
@pytest.mark.parametrize("column", ["object = 'crypt'", "proof = zeroblob(24)", "proof = x''"])
def test_what_is_damaged_there_is_not_signed_over(
    cut: Path, ears: Ears, seals: list[Sealed], number: int, column: str
) -> None:
    with closing(sqlite3.connect(cut / "journal.db")) as connection, connection:
        connection.execute(f"UPDATE entry SET {column} WHERE seq = {number}")  # noqa: S608
    reopened(cut, ears, seals).close()
    (error,) = ears.failures
    assert isinstance(error, JournalSucceeded)
    assert f"the journal's row {number} is damaged" in str(error)


@pytest.mark.parametrize("whose", ["a stranger's", "nobody's", "an older one"])
def test_what_was_forged_is_not_covered_by_a_forged_checkpoint(
    cut: Path, ears: Ears, seals: list[Sealed], whose: str
) -> None:
    forge(cut, 301, entry(7, object="crypt"))
    with Reader(cut) as reader, reader.tree() as tree:
        root, older = tree.growth().root(), tree.newest_checkpoint()
    assert older is not None
    note = Checkpoint(ORIGIN, 301, root).signed(Signer.made(ORIGIN))
    note = {"a stranger's": note, "nobody's": note[:-20], "an older one": older.note}[whose]
    with closing(sqlite3.connect(cut / "journal.db")) as connection, connection:
        connection.execute("INSERT INTO checkpoint VALUES (301, ?)", (note,))
    reopened(cut, ears, seals).close()
    (error,) = ears.failures
    assert isinstance(error, JournalSucceeded)
    assert "over 301, does not hold" in str(error)


def test_an_event_of_which_only_a_hash_is_left_is_told(
    cut: Path, ears: Ears, seals: list[Sealed]
) -> None:
    with closing(sqlite3.connect(cut / "journal.db")) as connection, connection:
        connection.execute("DELETE FROM entry WHERE seq = 290")
        Filing(connection).put_leaves([(290, os.urandom(32))])
    reopened(cut, ears, seals).close()
    assert "the events 290 to 300 were" in str(ears.failures)


def test_what_was_recorded_while_the_key_was_missing_is_told(
    cut: Path, ears: Ears, seals: list[Sealed], tmp_path: Path
) -> None:
    (cut / "journal.key").rename(tmp_path / "journal.key")
    journal = reopened(cut, ears, seals)
    journal.submit(batch(1, 2), 1)
    journal.close()
    (tmp_path / "journal.key").rename(cut / "journal.key")
    ears.failures.clear()
    reopened(cut, ears, seals).close()
    assert "the events 301 to 302 were recorded without the record's key" in str(ears.failures)


def test_a_new_key_vouches_for_what_it_records(
    cut: Path, ears: Ears, seals: list[Sealed], tmp_path: Path
) -> None:
    journal = reopened(cut, ears, seals)
    keys.make_next(cut)
    change = journal.key_change(Moment(START_US, 1, BOOT, True))
    assert change is not None
    journal.submit(change, 1)
    journal.submit(batch(1, 2), 2)
    ears.heard(2)
    shutil.copytree(cut, tmp_path / "again")
    journal.close()
    reopened(tmp_path / "again", ears, seals).close()
    assert ears.failures == []


def test_salts_differ_for_the_same_event(cut: Path) -> None:
    with closing(sqlite3.connect(cut / "journal.db")) as connection:
        found = connection.execute("SELECT substr(proof, 1, 16) FROM entry").fetchall()
    assert len(set(found)) == len({salt[:10] for (salt,) in found}) == 300
