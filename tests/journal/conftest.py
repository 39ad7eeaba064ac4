"""Fixtures of the journal's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.journal.journal import Journal
from agent.journal.record import Batch, Recorded, Sealed
from agent.site.step import Severity
from tests.journal.recording import ORIGIN, Ears, entry


@pytest.fixture
def ears() -> Iterator[Ears]:
    ears = Ears()
    yield ears
    ears.gate.set()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def opened(ears: Ears, folder: Path) -> Iterator[Callable[..., Journal]]:
    """Open journals that are closed at the end, whatever happens."""
    made: list[Journal] = []

    def make(where: Path = folder) -> Journal:
        made.append(Journal.open(where, committed=ears.committed, failed=ears.failed))
        return made[-1]

    yield make
    ears.gate.set()
    for journal in made:
        journal.close()


@pytest.fixture
def seals() -> list[Sealed]:
    """Every checkpoint that the journals of `signing` told."""
    return []


@pytest.fixture
def signing(ears: Ears, folder: Path, seals: list[Sealed]) -> Iterator[Callable[..., Journal]]:
    """Open journals that sign, and are closed at the end."""
    made: list[Journal] = []

    def make(origin: str | None = ORIGIN) -> Journal:
        made.append(
            Journal.open(
                folder,
                committed=ears.committed,
                failed=ears.failed,
                sealed=seals.append,
                origin=origin,
            )
        )
        return made[-1]

    yield make
    for journal in made:
        journal.close()


@pytest.fixture
def recorded(signing: Callable[..., Journal], ears: Ears, folder: Path) -> list[Recorded]:
    """A closed record of 1,000 events, of which 901 to 1,000 are not delivered."""
    journal = signing()
    severities = [Severity.INFO, Severity.ALARM]
    entries = [entry(n, f"test.{n % 3}", severities[n % 2]) for n in range(1000)]
    for at in range(0, 1000, 100):
        journal.submit(Batch(tuple(entries[at : at + 100]), {"door/store": b"%d" % at}), at)
    ears.heard(10)
    for lane in ("alarm", "rest"):
        journal.acknowledge("fibre", lane, [(1, 900)])
    journal.close()
    return ears.rows
