"""What a record takes over from one that is damaged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.journal.evidence import DROPPED, KEPT, Evidence
from agent.journal.journal import Journal
from agent.journal.reading import Reader
from agent.journal.record import Batch, Recorded
from agent.site.step import Severity
from tests.journal.recording import Ears, entry
from tests.journal.succeeding import bend, overwrite, see_that_it_goes_on, told

Open = Callable[..., Journal]


def test_a_corrupt_page_costs_what_is_on_it(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    with closing(sqlite3.connect(folder / "journal.db")) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    content = (folder / "journal.db").read_bytes()
    page = next(n for n in range(pages) if b'{"n":949}' in content[n * 2048 : n * 2048 + 2048])
    overwrite(folder, page * 2048, 64)
    inherited = see_that_it_goes_on(signing(), ears, folder, recorded, 1001)
    lost = {row.seq for row in recorded if row.seq > 900} - {row.seq for row in inherited}
    assert 950 in lost
    assert len(lost) < 40


@pytest.mark.parametrize("damaged", ["at its end", "all along"])
def test_evidence_stays_named_whatever_was_delivered(
    signing: Open, ears: Ears, folder: Path, damaged: str
) -> None:
    journal = signing()
    evidence = Evidence(folder, 1 << 20)
    kept = [evidence.keep([b"picture %d" % n]).sha256 for n in range(20)]
    # All delivered, far apart, and one of them was given up since.
    for n, digest in enumerate(kept):
        named = entry(n, KEPT, Severity.ACCESS, data={"sha256": digest})
        chatter = [entry(n, data={"pad": "x" * 400}) for _ in range(150)]
        journal.submit(Batch((named, *chatter)), n)
    gone = entry(20, DROPPED, Severity.ACCESS, data={"files": kept[:1], "reason": "age"})
    journal.submit(Batch((gone, *(entry(21) for _ in range(300)))), 20)
    ears.heard(21)
    for lane in ("alarm", "rest"):
        journal.acknowledge("fibre", lane, [(1, journal.head)])
    journal.close()
    if damaged == "all along":
        size = (folder / "journal.db").stat().st_size
        for at in (1, 2, 3, 4):
            overwrite(folder, at * size // 5, 2048)
    bend(folder, "UPDATE entry SET object = 'crypt' WHERE seq > 3300")
    signing()
    assert told(ears)
    with Reader(folder) as reader:
        named = {item.sha256 for item in evidence.items(reader)}
    assert named <= {*kept[1:]}
    assert len(named) == 19 if damaged == "at its end" else len(named) >= 12


def test_evidence_that_only_a_ruined_record_named_is_kept_aside(
    signing: Open, ears: Ears, folder: Path
) -> None:
    journal = signing()
    evidence = Evidence(folder, 1 << 20)
    digest = evidence.keep([b"picture"]).sha256
    named = entry(1, KEPT, Severity.ACCESS, data={"sha256": digest})
    journal.submit(Batch((named,)), 1)
    ears.heard(1)
    journal.close()
    (folder / "journal.db").write_bytes(bytes(100_000))
    signing()
    assert told(ears)
    os.utime(evidence.path(digest), (0, 0))  # long ago
    with Reader(folder) as reader:
        found = Evidence(folder, 0).clean(reader)
    assert found == [digest], "no event of this record names it"
    (aside,) = (folder / "aside").iterdir()
    assert Evidence(aside, 0).path(digest).read_bytes() == b"picture"


@pytest.mark.parametrize("table", ["state", "acknowledged"])
def test_damaged_state_is_not_acted_upon(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, table: str
) -> None:
    column = "value" if table == "state" else "ranges"
    bend(folder, f"UPDATE {table} SET {column} = '[]'")  # noqa: S608
    journal = signing()
    assert "is damaged" in told(ears)
    expected = {} if table == "state" else {"door/store": b"900"}
    assert journal.saved == expected
    inherited = see_that_it_goes_on(journal, ears, folder, recorded, 1001)
    # Two of the three survive: of the lane whose ranges are gone, everything counts as undelivered.
    assert len(inherited) == (100 if table == "state" else 1000)


def test_a_damaged_page_of_the_state_costs_what_is_on_it(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    state = {f"person/{n:03}": b'{"name":"' + b"x" * 100 + b'"}' for n in range(100)}
    journal = signing()
    journal.submit(Batch((), state), 50)
    journal.close()
    content = (folder / "journal.db").read_bytes()
    overwrite(folder, content.index(b"person/050") // 2048 * 2048, 64)
    saved = dict(signing().saved)
    assert told(ears)
    assert saved.pop("door/store") == b"900"
    assert saved.items() <= state.items()
    assert len(saved) > 80


@pytest.mark.parametrize("at", [b"door/store", b"fibre"])
def test_a_damaged_name_in_the_state_costs_its_row(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, at: bytes
) -> None:
    """Such a text cannot be decoded, which SQLite does not mind."""
    journal = signing()
    journal.submit(Batch((), {"door/vault": b"1"}), 50)
    journal.close()
    content = (folder / "journal.db").read_bytes()
    with (folder / "journal.db").open("r+b") as file:
        file.seek(content.index(at))
        file.write(b"\xff")
    saved = signing().saved
    assert "a text in it is none" in told(ears)
    assert saved["door/vault"] == b"1"
    assert ("door/store" in saved) == (at != b"door/store")
