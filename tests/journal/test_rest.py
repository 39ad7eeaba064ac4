"""What the writer does between commits, so that no commit waits for it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.journal import layout, writer
from agent.journal.journal import Journal
from tests.journal.recording import Ears, batch
from tests.waiting import wait_until

Open = Callable[..., Journal]


def is_begun(folder: Path) -> bool:
    """Return whether a writing transaction is open."""
    connection = sqlite3.connect(folder / layout.DATABASE, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return str(error) == "database is locked"
    finally:
        connection.close()
    return False


def test_the_next_transaction_is_begun_ahead(opened: Open, ears: Ears, folder: Path) -> None:
    journal = opened()
    for tag in range(1, 4):
        journal.submit(batch(tag), tag)
        ears.heard(tag)
        wait_until(lambda: is_begun(folder), 5.0, "a transaction")
        assert len(journal.read(0, 100)) == tag


def test_what_is_begun_ahead_holds_up_no_end(opened: Open, ears: Ears, folder: Path) -> None:
    journal = opened()
    journal.submit(batch(1), 1)
    ears.heard(1)
    wait_until(lambda: is_begun(folder), 5.0, "a transaction")
    journal.close()
    assert not (folder / "journal.db-wal").exists()  # all of it is in the one file
    assert [row.seq for row in opened().read(0, 10)] == [1]


def test_a_file_that_is_exchanged_meanwhile_is_not_written_to(
    opened: Open, ears: Ears, folder: Path
) -> None:
    journal = opened()
    journal.submit(batch(1), 1)
    ears.heard(1)
    wait_until(lambda: is_begun(folder), 5.0, "a transaction")
    aside = folder.with_name("aside")
    shutil.move(folder, aside)
    folder.mkdir(mode=0o700)
    journal.submit(batch(2), 2)
    wait_until(lambda: ears.failures, 5.0, "the failure")
    assert len(ears.commits) == 1
    shutil.rmtree(folder)
    shutil.move(aside, folder)
    ears.heard(2)
    assert [row.seq for row in journal.read(0, 10)] == [1, 2]


@pytest.mark.parametrize(
    ("pages", "restless_s"), [((10, 20), 3600.0), ((10, 10), 0.0)], ids=["pages", "time"]
)
@pytest.mark.parametrize("waiting", [1, 20])
def test_the_wal_stays_short_though_there_is_always_another_commit(
    opened: Open,
    ears: Ears,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    pages: tuple[int, int],
    restless_s: float,
    waiting: int,
) -> None:
    monkeypatch.setattr(writer, "TIDY_PAGES", pages)
    monkeypatch.setattr(writer, "RESTLESS_S", restless_s)
    monkeypatch.setattr(writer, "REST_S", 3600.0)
    journal = opened()
    for tag in range(1, 401):
        journal.submit(batch(tag), tag)
        ears.heard(tag - waiting)
    ears.heard(400)
    size = (folder / "journal.db-wal").stat().st_size
    assert size < 100 * layout.PAGE
