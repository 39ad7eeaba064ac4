"""A record that was written before events lay in columns: read, proved, and taken over.

`version1/` was made by that software: 301 events of two boots, some with what JSON must escape,
some with a name of their own or without a device, four pruned; and its key.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.journal import keys, schema
from agent.journal.backup import restore
from agent.journal.journal import Journal
from agent.journal.proving import check, prove
from agent.journal.reading import Reader
from agent.journal.record import Lane, Recorded
from agent.journal.succession import JournalSucceeded
from agent.journal.verification import Verdict, verify
from tests.journal.recording import ORIGIN, Ears, batch, run_traced

WRITTEN = Path(__file__).parent / "version1"
PRUNED = [3, 4, 5, 20]


@pytest.fixture
def old(folder: Path) -> Path:
    shutil.copytree(WRITTEN, folder)
    (folder / "journal.key").chmod(0o400)
    return folder


def version(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


@pytest.fixture
def bodies() -> dict[int, bytes]:
    """What the file itself has, asked without us."""
    with closing(sqlite3.connect(f"file:{WRITTEN / 'journal.db'}?immutable=1", uri=True)) as file:
        rows = file.execute("SELECT seq, CAST(body AS BLOB) FROM event WHERE body IS NOT NULL")
        return dict(rows.fetchall())


@pytest.fixture
def journal(old: Path, ears: Ears) -> Iterator[Journal]:
    with Journal.open(old, committed=ears.committed, failed=ears.failed, origin=ORIGIN) as opened:
        yield opened


def test_who_waits_for_an_old_record_hears_that_it_gets_on(old: Path, ears: Ears) -> None:
    heard: list[int] = []
    for _ in range(2):
        before = len(heard)
        Journal.open(
            old,
            committed=ears.committed,
            failed=ears.failed,
            origin=ORIGIN,
            progress=lambda: heard.append(1),
        ).close()
    assert before, "while it was taken over"
    assert len(heard) == before, "and not once it was"


def numbers(rows: Iterator[Recorded]) -> list[int]:
    return [row.seq for row in rows]


def those(bodies: dict[int, bytes], **wanted: object) -> list[int]:
    said = {seq: json.loads(body) for seq, body in bodies.items()}
    return [seq for seq, event in said.items() if event | wanted == event]


def see_that_all_is_there(reader: Reader, bodies: dict[int, bytes]) -> None:
    rows = reader.read(0, 1000, upto=301)
    assert {row.seq: row.body for row in rows} == bodies
    assert len(bodies) == 301 - len(PRUNED)
    for row in rows:
        said = json.loads(row.body)
        assert (said["kind"], said["severity"]) == (row.kind, row.severity)
    for object in ("store", 'vault "B"\\', "cañón"):
        assert numbers(reader.query(object=object)) == those(bodies, object=object)
    found = numbers(reader.query(device="board", kind="test.1", severity="access"))
    assert found == those(bodies, device="board", kind="test.1", severity="access")
    since_us = 1_764_000_000_000_000 + 290_000_000
    assert numbers(reader.query(since_us=since_us))[:11] == list(range(291, 302))
    alarms = reader.read(0, 1000, lane=Lane.ALARM)
    assert [row.seq for row in alarms] == those(bodies, severity="alarm")
    assert reader.pruned() == len(PRUNED)
    assert reader.state() == {"door/store": b"250"}
    assert reader.acknowledged()["fibre", "rest"].spans == ((1, 250),)


def test_it_is_read_as_it_is(old: Path, bodies: dict[int, bytes]) -> None:
    with Reader(old) as reader:
        see_that_all_is_there(reader, bodies)
        assert check(prove(reader, 100), keys.public(old)).body == bodies[100]
    assert verify(old, keys.public(old)) == Verdict(1, 301, 4, 4, 301, ())
    assert version(old / "journal.db") == 1, "who only reads changes nothing"


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        ("body = replace(body, 'store', 'vault')", "what is written is not what was recorded"),
        ("class = class % 4 + 1", "it is filed under a kind or severity that is not its own"),
        ("body = NULL", "half of the row is gone"),
    ],
)
def test_what_was_changed_in_it_is_named(old: Path, edit: str, what: str) -> None:
    with closing(sqlite3.connect(old / "journal.db", isolation_level=None)) as file:
        file.execute(f"UPDATE event SET {edit} WHERE seq = 129")  # noqa: S608
    finding = verify(old, keys.public(old)).findings[0]
    assert (finding.first, finding.last, finding.what) == (129, 129, what)


def test_it_is_taken_over_with_its_proofs(
    journal: Journal, old: Path, ears: Ears, bodies: dict[int, bytes]
) -> None:
    assert ears.failures == []
    assert version(old / "journal.db") == schema.VERSION
    with Reader(old) as reader:
        see_that_all_is_there(reader, bodies)
        assert check(prove(reader, 100), keys.public(old)).body == bodies[100]
    journal.submit(batch(1, 2), 1)
    ears.heard(1)
    journal.close()
    verdict = verify(old, keys.public(old), [(WRITTEN / "journal.last").read_text()])
    assert (verdict.events, verdict.pruned, verdict.covered) == (303, 4, 303)
    assert verdict.findings == ()
    (backup,) = (old / "backups").iterdir()
    assert version(backup) == 1


@pytest.mark.skipif(shutil.which("strace") is None, reason="IT IS NOT CUT SHORT: no strace")
@pytest.mark.parametrize("at", ["fsync:signal=SIGKILL:when=1", "rename:signal=SIGKILL:when=1"])
def test_a_start_that_is_cut_short_leaves_one_copy(
    old: Path, ears: Ears, bodies: dict[int, bytes], at: str
) -> None:
    for _ in range(2):
        run_traced(old, f"inject={at}")
    Journal.open(old, committed=ears.committed, failed=ears.failed, origin=ORIGIN).close()
    (copy,) = (old / "backups").iterdir()
    assert copy.suffix == ".db"
    assert version(copy) == 1
    with Reader(old) as reader:
        see_that_all_is_there(reader, bodies)


def test_a_backup_of_it_is_restored(
    journal: Journal, old: Path, ears: Ears, bodies: dict[int, bytes], tmp_path: Path
) -> None:
    journal.close()
    kept = Path(shutil.copytree(WRITTEN, tmp_path / "kept"))
    restore(old, kept)
    with Reader(old) as reader:
        rows = reader.read(0, 1000)
    assert {row.seq: row.body for row in rows} == bodies


def test_a_damaged_one_is_succeeded(old: Path, ears: Ears, bodies: dict[int, bytes]) -> None:
    with closing(sqlite3.connect(old / "journal.db", isolation_level=None)) as file:
        file.execute("UPDATE event SET body = substr(body, 1, 40) WHERE seq = 280")
    with Journal.open(old, committed=ears.committed, failed=ears.failed, origin=ORIGIN) as journal:
        (told,) = ears.failures
        assert isinstance(told, JournalSucceeded)
        assert {row.seq: row.body for row in journal.read(0, 1000)} == {
            seq: body
            for seq, body in bodies.items()
            if seq != 280 and (seq > 250 or b'"severity":"alarm"' in body)
        }
    (aside,) = (old / "aside").iterdir()
    assert version(aside / "journal.db") == 1
