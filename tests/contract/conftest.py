"""Simulators at the other end of the drivers' wires."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.hosting import Simulator


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Simulator]:
    """A GPIO board with closed contacts to ground on pins 17, 27 and 22."""
    with Simulator(
        "simulators.board",
        tmp_path / "board.sock",
        *("--listen", "127.0.0.1:0", "--closed", "17", "27", "22"),
    ) as running:
        yield running
