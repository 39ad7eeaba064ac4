"""Damage that no opening looks at: it is met when it is read, and the next opening is another."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.journal import damage, keys, writer
from agent.journal.errors import JournalDamaged, StorageCorrupt, StorageFailed
from agent.journal.journal import Journal
from agent.journal.keys import KeyMissing
from agent.journal.record import Batch, Recorded
from agent.journal.succession import JournalSucceeded
from agent.journal.verification import verify
from agent.site.step import Severity
from tests.journal.recording import ORIGIN, Ears, batch, entry
from tests.waiting import wait_until

Open = Callable[..., Journal]
PAGE = 2048


@pytest.fixture
def recorded(signing: Open, ears: Ears) -> list[Recorded]:
    """A closed record of 600 events, of which nothing is delivered; its end is 88 of them."""
    journal = signing()
    severities = [Severity.INFO, Severity.ALARM]
    entries = [entry(n, severity=severities[n % 2]) for n in range(600)]
    for at in range(0, 600, 100):
        journal.submit(Batch(tuple(entries[at : at + 100]), {"door/store": b"%d" % at}), at)
    ears.heard(6)
    journal.close()
    return ears.rows


def ruin_page(folder: Path, number: int) -> None:
    with (folder / "journal.db").open("r+b") as file:
        file.seek(number * PAGE)
        file.write(b"\x55" * PAGE)


def ruin_rows(folder: Path) -> None:
    """Overwrite the page that holds the event 100, and some beside it."""
    content = (folder / "journal.db").read_bytes()
    pages = range(len(content) // PAGE)
    ruin_page(folder, next(n for n in pages if b'{"n":99}' in content[n * PAGE : (n + 1) * PAGE]))


def bend_row(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as connection:
        connection.execute("UPDATE entry SET severity = 66 WHERE seq = 100")


def ruin_index(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "journal.db")) as connection:
        sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'entry_rare'"
        (page,) = connection.execute(sql).fetchone()
    ruin_page(folder, page - 1)


def told(ears: Ears, kind: type[Exception]) -> list[str]:
    return [str(error) for error in ears.failures if isinstance(error, kind)]


@pytest.mark.parametrize("ruin", [ruin_rows, bend_row])
def test_what_is_met_later_is_succeeded_at_the_next_opening(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, ruin: Callable[[Path], None]
) -> None:
    ruin(folder)
    journal = signing()
    assert ears.failures == []
    for _ in range(2):
        with pytest.raises(StorageCorrupt, match="is damaged"):
            journal.read(0, 600)
    with pytest.raises(StorageCorrupt, match="is damaged"):
        list(journal.query())
    (said,) = told(ears, JournalDamaged)
    assert "see: armoury journal verify" in said
    journal.submit(batch(1), 99)
    journal.close()

    journal = signing()
    (report,) = told(ears, JournalSucceeded)
    assert report.startswith(said)
    assert journal.saved == {"door/store": b"500"}
    taken = journal.read(0, 1000)
    assert set(taken) <= {*recorded, ears.rows[-1]}, "nothing is invented"
    assert len(taken) > 560
    journal.submit(batch(2), 100)
    journal.close()
    assert ears.rows[-1].seq == 602
    assert verify(folder, keys.public(folder)).findings == ()
    signing().close()
    assert len(list((folder / "aside").iterdir())) == 1, "the new one is not succeeded in its turn"
    assert not (folder / damage.NAME).exists()


def test_an_index_that_takes_no_alarm_is_succeeded(
    signing: Open,
    recorded: list[Recorded],
    ears: Ears,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "CLOSE_S", 0.2)
    ruin_index(folder)
    journal = Journal.open(folder, committed=ears.committed, failed=ears.failed, origin=ORIGIN)
    journal.submit(batch(1, severity=Severity.ALARM), 99)
    wait_until(lambda: told(ears, JournalDamaged), 10, "the damage told")
    with pytest.raises(StorageFailed, match="could not be recorded"):
        journal.close()
    journal = signing()
    assert journal.read(0, 1000) == recorded
    journal.submit(batch(1, severity=Severity.ALARM), 100)
    ears.heard(7)
    assert ears.rows[-1].seq == 601


def test_without_its_key_it_serves_on_as_far_as_it_goes(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    ruin_rows(folder)
    (folder / "journal.key").rename(folder / "lost")
    for _ in range(2):
        ears.failures.clear()
        journal = signing()
        with pytest.raises(StorageCorrupt):
            journal.read(0, 600)
        assert "put journal.key back, and start the daemon again" in told(ears, KeyMissing)[-1]
        assert told(ears, JournalDamaged) == []
        assert len(journal.read(300, 1000)) >= 300
        journal.submit(batch(1), 99)
        journal.close()
    (folder / "lost").rename(folder / "journal.key")
    journal = signing()
    with pytest.raises(StorageCorrupt):
        journal.read(0, 600)
    journal.close()
    (folder / "journal.key").rename(folder / "lost")  # noted by then: no reason not to record
    signing().close()
    (folder / "lost").rename(folder / "journal.key")
    signing()
    assert len(told(ears, JournalSucceeded)) == 1


def test_another_file_in_its_place_says_nothing_of_it(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    journal = signing()
    ruin_rows(folder)
    (folder / "journal.db").rename(folder / "ours")
    shutil.copy(folder / "ours", folder / "journal.db")
    with pytest.raises(StorageCorrupt):
        journal.read(0, 600)
    assert told(ears, JournalDamaged) == []


def test_damage_of_a_copy_that_was_put_back_is_told(
    signing: Open, ears: Ears, folder: Path, tmp_path: Path
) -> None:
    """It is our record, if in another file: what ails it must not go unheard."""
    journal = signing()
    journal.submit(batch(1, 2, 3), 1)
    ears.heard(1)
    shutil.copytree(folder, tmp_path / "copy")
    folder.rename(tmp_path / "away")
    journal.submit(batch(4), 2)
    wait_until(lambda: ears.failures, 10, "the loss of it")
    (tmp_path / "copy").rename(folder)
    ears.heard(2)
    ears.failures.clear()
    journal.damaged(StorageCorrupt("a page is damaged"))
    (told,) = ears.failures
    assert isinstance(told, JournalDamaged)
