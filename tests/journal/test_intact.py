"""Of a damaged record everything that is whole is shown, and the rest is named."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.cli.group import armoury
from agent.journal.intact import Intact
from agent.journal.journal import Journal
from agent.journal.query import LAST
from agent.journal.reading import Reader
from agent.journal.record import Batch
from agent.site.step import Severity
from tests.journal.recording import ORIGIN, Ears, entry

PAGE = 2048
EVENTS = 1000


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed record of 1,000 events, every tenth of them an alarm."""
    folder = tmp_path_factory.mktemp("original") / "data"
    ears = Ears()
    with Journal.open(folder, committed=ears.committed, failed=ears.failed, origin=ORIGIN) as made:
        severities = [Severity.ALARM] + [Severity.INFO] * 9
        rows = [entry(n, f"test.{n % 3}", severities[n % 10]) for n in range(EVENTS)]
        for at in range(0, EVENTS, 100):
            made.submit(Batch(tuple(rows[at : at + 100])), at)
        ears.heard(10)
    return folder


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


def bend(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as connection:
        connection.execute(sql)


def ruin(folder: Path, name: str, which: Callable[[list[int]], int] = lambda pages: 0) -> None:
    """Overwrite the head of a page of a table or index."""
    with closing(sqlite3.connect(folder / "journal.db")) as connection:
        found = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path", (name,)
        )
        pages = [page for (page,) in found]
    with (folder / "journal.db").open("r+b") as file:
        file.seek((pages[which(pages)] - 1) * PAGE)
        file.write(random.Random(3).randbytes(64))


def found(folder: Path, **wanted: Any) -> tuple[list[int], tuple[tuple[int, int], ...]]:
    with Reader(folder) as reader:
        intact = Intact(reader)
        return [row.seq for row in intact.query(**wanted)], intact.damaged


ROWS = {
    "a text": "UPDATE entry SET data = '{\"n\":77}' WHERE seq = 8",
    "no JSON": "UPDATE entry SET data = data || '{' WHERE seq = 8",
    "no UTF-8": "UPDATE entry SET data = CAST(x'7bff7d' AS TEXT) WHERE seq = 8",
    "a severity": "UPDATE entry SET severity = 66 WHERE seq = 8",
    "half gone": "UPDATE entry SET data = NULL WHERE seq = 8",
    "no proof": "UPDATE entry SET proof = '' WHERE seq = 8",
}


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("sql", ROWS.values(), ids=ROWS)
def test_a_damaged_row_is_left_out_and_named(copy: Path, sql: str, newest_first: bool) -> None:
    bend(copy, sql)
    seqs, damaged = found(copy, newest_first=newest_first)
    assert sorted(seqs) == [n for n in range(1, EVENTS + 1) if n != 8]
    assert damaged == ((8, 8),)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("place", [0.0, 0.5, 0.9])
def test_a_corrupt_page_costs_what_is_on_it(copy: Path, place: float, newest_first: bool) -> None:
    ruin(copy, "entry", lambda pages: int(place * len(pages)))
    seqs, damaged = found(copy, newest_first=newest_first)
    lost = set(range(1, EVENTS + 1)) - set(seqs)
    assert 0 < len(lost) < 40
    assert sorted(lost) == [n for first, last in damaged for n in range(first, last + 1)]


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_corrupt_last_page_hides_where_the_record_ends(copy: Path, newest_first: bool) -> None:
    ruin(copy, "entry", lambda pages: len(pages) - 1)
    seqs, damaged = found(copy, newest_first=newest_first)
    assert sorted(seqs) == list(range(1, len(seqs) + 1))
    assert EVENTS - 40 < len(seqs) < EVENTS
    assert damaged == ((len(seqs) + 1, LAST),)


def test_a_corrupt_index_costs_no_event(copy: Path) -> None:
    ruin(copy, "entry_rare")
    assert found(copy, severity="alarm") == (list(range(1, EVENTS + 1, 10)), ())


def test_without_damage_it_is_what_is_asked_for(copy: Path) -> None:
    with Reader(copy) as reader:
        for wanted in (
            {"severity": "alarm", "after": 500},
            {"kind": "test.1", "limit": 7, "newest_first": True},
            {"since_us": 1_764_000_300_000_000, "until_us": 1_764_000_700_000_000},
        ):
            assert list(Intact(reader).query(**wanted)) == list(reader.query(**wanted))
        assert not Intact(reader).damaged
    assert found(copy, after=7, upto=8) == ([8], ())


def written(*words: object) -> tuple[int, str, str]:
    said = CliRunner().invoke(armoury, [str(word) for word in words])
    assert said.exception is None or isinstance(said.exception, SystemExit), said.exception
    return said.exit_code, said.stdout, said.stderr


OUT = "Error: left out, for they are damaged: 8; see: armoury journal verify\n"


@pytest.mark.parametrize("sql", ROWS.values(), ids=ROWS)
def test_every_way_to_read_goes_on_and_says_what_it_left_out(
    copy: Path, tmp_path: Path, sql: str
) -> None:
    bend(copy, sql)
    status, lines, said = written("journal", "export", "--data", copy)
    assert (status, said) == (1, OUT)
    numbers = [json.loads(line)["seq"] for line in lines.splitlines()]
    assert numbers == [n for n in range(1, EVENTS + 1) if n != 8]
    status, table, said = written("journal", "export", "--csv", "--data", copy)
    assert (status, said, table.count("\n")) == (1, OUT, EVENTS)
    flat = tmp_path / "flat.db"
    assert written("journal", "export", "--sqlite", flat, "--data", copy) == (
        1,
        f"{flat}: {EVENTS - 1} events\n",
        OUT,
    )
    status, _, said = written("journal", "show", 8, "--data", copy)
    assert (status, said) == (
        1,
        "Error: the event 8 is damaged; see: armoury journal verify\n",
    )
    for form in ([], ["--json"]):
        status, lines, said = written(
            "events", "--offline", copy, "--after", 5, "--limit", 4, *form
        )
        told = ['{"damaged": [[8, 8]]}'] if form else []
        assert (status, said, lines.splitlines()[4:]) == (1, OUT, told)


def test_what_was_pruned_is_not_called_damaged(copy: Path) -> None:
    bend(
        copy,
        "UPDATE entry SET class = NULL, severity = NULL, boot = NULL, at_us = NULL, "
        "mono_us = NULL, object = NULL, device = NULL, data = NULL WHERE seq = 8",
    )
    assert found(copy, after=6, upto=9) == ([7, 9], ())
