"""A damaged row may hold no value, or none of its type: SQLite gives it out all the same."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.journal import keys
from agent.journal.errors import JournalError
from agent.journal.info import look
from agent.journal.intact import Intact
from agent.journal.journal import Journal
from agent.journal.policy import Policy
from agent.journal.proving import prove
from agent.journal.reading import Reader
from agent.journal.record import Batch, Recorded
from agent.journal.retention import Retention
from agent.journal.verification import verify
from agent.site.moment import Moment
from agent.site.step import Severity
from tests.journal.recording import BOOT, ORIGIN, START_US, Ears, batch, entry

EVENTS = 512  # two whole tiles: no row is outside of one
COLUMNS = {
    ("meta", "key = 'first'"): ("key", "value"),
    ("meta", "key = 'log'"): ("key", "value"),
    ("class", "kind = 'test.1'"): ("kind", "severity", "head", "tail"),
    ("boot", "id = 1"): ("head", "tail"),
    ("entry", "seq = 512"): ("class", "severity", "boot", "at_us", "object", "proof", "data"),
    ("entry", "seq = 500"): ("seq",),
    ("entry", "seq = 100"): ("class", "severity", "boot", "at_us", "object", "proof", "data"),
    ("tile", "position = 0"): ("position", "root", "from_us", "to_us"),
    ("checkpoint", "size = 512"): ("note",),
    ("state", "key = 'door/store'"): ("value", "mark"),
    ("acknowledged", "lane = 'rest'"): ("ranges", "mark"),
}
CASES = [(*place, column) for place, columns in COLUMNS.items() for column in columns]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "data"
    ears = Ears()
    severities = list(Severity)
    with Journal.open(
        folder, committed=ears.committed, failed=ears.failed, origin=ORIGIN
    ) as journal:
        entries = [entry(n, f"test.{n % 4}", severities[n % 4]) for n in range(EVENTS)]
        journal.submit(Batch(tuple(entries), {"door/store": b"1"}), 1)
        journal.acknowledge("fibre", "rest", [(1, 500)])
    return folder


@contextlib.contextmanager
def without_rules(folder: Path) -> Iterator[sqlite3.Connection]:
    """Give the database as if its tables took no value for one, as damage does."""
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as connection:
        for said, instead in ((" NOT NULL", "         "), ("         ", " NOT NULL")):
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute(
                "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table'",
                (said, instead),
            )
            connection.execute("PRAGMA writable_schema = RESET")
            if said.strip():
                yield connection


@pytest.mark.parametrize("value", ["NULL", "x'ff'", str(2**62)])
@pytest.mark.parametrize(("table", "where", "column"), CASES)
def test_it_is_named_and_survived(
    whole: Path, ears: Ears, folder: Path, table: str, where: str, column: str, value: str
) -> None:
    shutil.copytree(whole, folder)
    with Reader(folder) as reader:
        recorded = reader.read(0, 1000)
    with without_rules(folder) as connection:
        try:
            connection.execute(f"UPDATE {table} SET {column} = {value} WHERE {where}")  # noqa: S608
        except sqlite3.Error:
            return  # what is in a B-tree's own order cannot be of that type
    named = True
    with contextlib.suppress(JournalError):
        named = verify(folder, keys.public(whole)).findings != ()
    assert named or "log" in where, "which record it is shows nowhere else"
    see_that_it_is_read(folder, recorded)
    for tag in range(2):
        with Journal.open(
            folder, committed=ears.committed, failed=ears.failed, origin=ORIGIN
        ) as journal:
            journal.submit(batch(1, 2, 3), tag)
    assert [len(commit.rows) for commit in ears.commits] == [3, 3]
    assert ears.rows[0].seq > EVENTS


def see_that_it_is_read(folder: Path, recorded: list[Recorded]) -> None:
    """Whatever reads it says what ails it, or shows what was recorded."""
    with contextlib.suppress(JournalError), Reader(folder) as reader:
        bodies = {row.body for row in recorded}
        assert {row.body for row in Intact(reader).query()} <= bodies
        assert {row.body for row in Intact(reader).query(since_us=START_US, limit=5)} <= bodies
    with contextlib.suppress(JournalError):
        look(folder)
    with contextlib.suppress(JournalError), Reader(folder) as reader:
        prove(reader, 100)
    later = Moment(START_US + 86_400_000_000 * 1000, 1, BOOT, True)
    with contextlib.suppress(JournalError), Reader(folder) as reader:
        list(Retention(Policy()).plan(reader, later, 2**62, 10_000))


@pytest.mark.parametrize("version", [0, -5])
def test_a_version_that_never_was_is_damage(
    whole: Path, ears: Ears, folder: Path, version: int
) -> None:
    shutil.copytree(whole, folder)
    with closing(sqlite3.connect(folder / "journal.db")) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with Journal.open(
        folder, committed=ears.committed, failed=ears.failed, origin=ORIGIN
    ) as journal:
        assert "which there never was" in str(ears.failures)
        assert journal.head >= EVENTS


def test_what_a_killed_succession_left_is_given_back(whole: Path, ears: Ears, folder: Path) -> None:
    shutil.copytree(whole, folder)
    (folder / "successor.new").mkdir()
    (folder / "successor.new" / "journal.db").write_bytes(bytes(1000))
    Journal.open(folder, committed=ears.committed, failed=ears.failed, origin=ORIGIN).close()
    assert not (folder / "successor.new").exists()
