"""What the writer does between commits, so that no commit waits for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.journal import layout, writer
from agent.journal.errors import StorageReadOnly
from agent.journal.journal import Journal
from agent.journal.reading import Reader
from agent.journal.wal import FRAME, PIECE, Wal
from tests.journal.recording import Ears, batch
from tests.waiting import wait_until

Open = Callable[..., Journal]


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


def test_the_log_has_its_length_ahead_and_a_kill_finds_no_event_in_that(
    opened: Open, ears: Ears, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "TIDY_PAGES", (80, 160))
    monkeypatch.setattr(writer, "REST_S", 0.0)
    journal, log, least = opened(), folder / "journal.db-wal", 100 * FRAME

    def goes_on(tag: int) -> bool:
        journal.submit(batch(tag), tag)
        ears.heard(tag)
        return log.stat().st_size >= least

    tags = iter(range(1, 100))
    wait_until(lambda: goes_on(next(tags)), 30, "it is lengthened while nothing waits")
    length = log.stat().st_size
    assert length < least + PIECE, "and then no more"
    last = next(tags)
    goes_on(last)
    assert log.stat().st_size == length, "a commit lies in what is there"
    shutil.copytree(folder, tmp_path / "killed")
    with closing(Reader(tmp_path / "killed")) as reader:
        assert [row.seq for row in reader.read(0, 1000)] == list(range(1, last + 1))


def test_a_file_that_was_put_in_the_place_of_the_log_is_left_as_it_is(
    opened: Open, folder: Path
) -> None:
    opened()
    wal, log = Wal(folder), folder / "journal.db-wal"
    log.unlink()
    wal.lengthen(1000)
    assert not log.exists()
    log.write_bytes(b"foreign")
    wal.lengthen(1000)
    assert log.read_bytes() == b"foreign"


def test_a_folder_that_goes_between_a_commit_and_its_rest_ends_nothing(
    opened: Open, ears: Ears, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unmounted disk: what is submitted meanwhile waits for it."""
    monkeypatch.setattr(writer, "LOOK_S", 0.05)  # longer than until the rest
    journal = opened()
    ears.gate.clear()  # the writer's thread is held right after its commit
    journal.submit(batch(1), 1)
    ears.heard(1)
    folder.rename(tmp_path / "away")
    ears.gate.set()
    wait_until(lambda: ears.failures, 10, "the loss of it")
    journal.submit(batch(2), 2)
    assert [type(error) for error in ears.failures] == [StorageReadOnly]
    assert "see that the disk is mounted" in str(ears.failures[0])
    (tmp_path / "away").rename(folder)
    ears.heard(2)
    assert [row.seq for row in journal.read(0, 10)] == [1, 2]
