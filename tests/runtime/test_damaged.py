"""What people ask of a daemon whose record is damaged."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner, Result

from agent.cli.group import armoury
from agent.journal.journal import Journal
from agent.journal.record import Batch
from agent.runtime.control import ControlServer
from agent.runtime.local import LocalRecord
from agent.runtime.requests import HouseRequests
from tests.journal.recording import Ears, batch, entry

T = TypeVar("T")


class House:
    """Has a record, and nothing else."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def read(self, work: Callable[[Journal], T]) -> T:
        return await asyncio.to_thread(work, self._journal)


@pytest.fixture
async def socket(tmp_path: Path) -> AsyncIterator[Path]:
    """Serve a record of ten events, of which the third is hidden and the eighth was changed."""
    ears, folder = Ears(), tmp_path / "data"
    with Journal.open(folder, committed=ears.committed, failed=ears.failed) as journal:
        kept = batch(*range(10)).entries
        hidden = entry(2, data={"hidden": True})
        journal.submit(Batch((*kept[:2], hidden, *kept[3:])), 1)
        await asyncio.to_thread(ears.heard, 1)
        with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as connection:
            connection.execute("UPDATE entry SET data = data || '{' WHERE seq = 8")
        local = LocalRecord({})
        local.note(ears.rows)
        house: Any = House(journal)
        server = ControlServer(tmp_path / "control.sock", HouseRequests(house, local))
        await server.start()
        yield tmp_path / "control.sock"
        await server.close()


async def armoury_events(*words: object) -> Result:
    given = ["events", *map(str, words)]
    return await asyncio.to_thread(CliRunner().invoke, armoury, given)


@pytest.mark.parametrize("after", [[], ["--after", 0]], ids=["the newest", "from the first on"])
async def test_the_rest_is_shown_and_what_is_left_out_is_said(
    socket: Path, after: list[object]
) -> None:
    said = await armoury_events("--socket", socket, *after)
    assert said.exit_code == 1
    shown = [int(line.split()[0]) for line in said.stdout.splitlines()]
    assert shown == [1, 2, 3, 4, 5, 6, 8, 9], "numbered as on site, where the third is hidden"
    assert said.stderr == "Error: left out, for they are damaged: 7; see: armoury journal verify\n"


async def test_what_is_whole_is_shown_as_ever(socket: Path) -> None:
    said = await armoury_events("--socket", socket, "--limit", 2)
    assert said.exit_code == 0
    assert said.stderr == ""
