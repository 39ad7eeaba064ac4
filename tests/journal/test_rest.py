"""What the writer does between commits, so that no commit waits for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.journal import layout, writer
from agent.journal.journal import Journal
from tests.journal.recording import Ears, batch

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
