"""What people ask of a daemon whose record is damaged."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import sys
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
from tests.cli.daemon import status
from tests.journal.recording import Ears, batch, entry
from tests.terminal import Terminal
from tests.waiting import BUSY

T = TypeVar("T")


class House:
    """Has a record, and a status for whoever watches."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def read(self, work: Callable[[Journal], T]) -> T:
        return await asyncio.to_thread(work, self._journal)

    def status(self) -> dict[str, Any]:
        return status()


@pytest.fixture
async def socket(tmp_path: Path) -> AsyncIterator[Path]:
    """Serve a record of ten events, of which the third is hidden."""
    ears, folder = Ears(), tmp_path / "data"
    with Journal.open(folder, committed=ears.committed, failed=ears.failed) as journal:
        kept = batch(*range(10)).entries
        hidden = entry(2, data={"hidden": True})
        journal.submit(Batch((*kept[:2], hidden, *kept[3:])), 1)
        await asyncio.to_thread(ears.heard, 1)
        local = LocalRecord({})
        local.note(ears.rows)
        house: Any = House(journal)
        server = ControlServer(tmp_path / "control.sock", HouseRequests(house, local))
        await server.start()
        yield tmp_path / "control.sock"
        await server.close()


def spoil(socket: Path, *numbers: int) -> None:
    """Change these events on the disk."""
    database = socket.with_name("data") / "journal.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for number in numbers:
            connection.execute("UPDATE entry SET data = data || '{' WHERE seq = ?", (number,))


async def armoury_events(*words: object) -> Result:
    given = ["events", *map(str, words)]
    return await asyncio.to_thread(CliRunner().invoke, armoury, given)


@pytest.mark.parametrize("after", [[], ["--after", 0]], ids=["the newest", "from the first on"])
async def test_the_rest_is_shown_and_what_is_left_out_is_said(
    socket: Path, after: list[object]
) -> None:
    spoil(socket, 8)
    said = await armoury_events("--socket", socket, *after)
    assert said.exit_code == 1
    shown = [int(line.split()[0]) for line in said.stdout.splitlines()]
    assert shown == [1, 2, 3, 4, 5, 6, 8, 9], "numbered as on site, where the third is hidden"
    assert said.stderr == "Error: left out, for they are damaged: 7; see: armoury journal verify\n"


async def test_a_script_sees_what_is_left_out(socket: Path) -> None:
    spoil(socket, 7, 8)
    said = await armoury_events("--socket", socket, "--json")
    assert said.exit_code == 1
    *events, damage = map(json.loads, said.stdout.splitlines())
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5, 8, 9]
    assert damage == {"damaged": [[6, 7]]}


@pytest.mark.parametrize(
    ("words", "out", "err"),
    [
        (["--json"], b'{"damaged": [[7, 7]]}', b"Error: left out, for they are damaged: 7"),
        ([], b"      9 ", b"Error: left out, for they are damaged: 7"),
    ],
    ids=["to a script", "to people"],
)
async def test_who_follows_is_told_at_once(
    socket: Path, words: list[str], out: bytes, err: bytes
) -> None:
    spoil(socket, 8)
    given = ["-m", "agent.cli.main", "events", "--follow", "--socket", str(socket), *words]
    pipe = asyncio.subprocess.PIPE
    following = await asyncio.create_subprocess_exec(
        sys.executable, *given, stdout=pipe, stderr=pipe
    )
    assert following.stdout
    assert following.stderr
    async with asyncio.timeout(10 * BUSY):
        said = await following.stderr.readline()
        assert said.startswith(err)
        shown = [await following.stdout.readline() for _ in range(8 + len(words))]
        assert shown[-1].startswith(out)
        following.send_signal(signal.SIGINT)
        await following.communicate()


async def test_who_watches_sees_what_is_left_out(socket: Path) -> None:
    spoil(socket, 8)
    terminal = Terminal("watch", "--socket", str(socket))
    try:
        shown = await asyncio.to_thread(terminal.wait_for, r"damaged: 7; see.* 9 [^\n]*")
        assert " 7 " not in shown[0]
        terminal.type("q")
        assert await asyncio.to_thread(terminal.left) == 0
    finally:
        terminal.close()


@pytest.mark.parametrize(
    ("spoilt", "said"), [((3,), ""), ((2, 4), "2 to 3"), ((2, 3, 4), "2 to 3"), ((3, 4), "3")]
)
async def test_damage_does_not_show_where_something_is_hidden(
    socket: Path, spoilt: tuple[int, ...], said: str
) -> None:
    spoil(socket, *spoilt)
    shown = await armoury_events("--socket", socket)
    numbers = [int(line.split()[0]) for line in shown.stdout.splitlines()]
    assert numbers == [n for n in range(1, 10) if n not in {s - (s > 3) for s in spoilt if s != 3}]
    left_out = f"Error: left out, for they are damaged: {said}; see: armoury journal verify\n"
    assert shown.stderr == (left_out if said else "")


async def test_what_is_whole_is_shown_as_ever(socket: Path) -> None:
    spoil(socket, 8)
    said = await armoury_events("--socket", socket, "--limit", 2)
    assert said.exit_code == 0
    assert said.stderr == ""
