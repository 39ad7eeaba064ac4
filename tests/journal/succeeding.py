"""What the tests of records that succeed others have in common."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from agent.journal import keys
from agent.journal.checkpoint import Checkpoint
from agent.journal.journal import Journal
from agent.journal.note import Signer, Verifier, open_note
from agent.journal.proving import check, prove
from agent.journal.reading import Reader
from agent.journal.record import Recorded
from agent.journal.succession import JournalSucceeded
from agent.journal.verification import verify
from tests.journal.recording import ORIGIN, Ears, batch

Open = Callable[..., Journal]


def bend(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as connection:
        connection.execute(sql)


def overwrite(folder: Path, at: int, length: int) -> None:
    with (folder / "journal.db").open("r+b") as file:
        file.seek(at)
        file.write(random.Random(3).randbytes(length))


def told(ears: Ears) -> str:
    (report,) = [error for error in ears.failures if isinstance(error, JournalSucceeded)]
    return str(report)


def see_that_it_goes_on(
    journal: Journal, ears: Ears, folder: Path, recorded: list[Recorded], first: int
) -> list[Recorded]:
    """Check what every successor must be; return what it took over."""
    before = len(ears.commits)
    journal.submit(batch(1, 2, 3), 99)
    ears.heard(before + 1)
    assert [row.seq for row in ears.rows[-3:]] == [first, first + 1, first + 2]
    inherited = journal.read(0, 5000, upto=first - 1)
    assert set(inherited) <= set(recorded), "nothing is invented"
    journal.close()
    trusted = keys.public(folder)
    verdict = verify(folder, trusted)
    assert verdict.findings == ()
    assert (verdict.first, verdict.events) == (first, 3)
    with Reader(folder) as reader:
        proved = check(prove(reader, first + 1), trusted)
    assert proved.checkpoint.origin == f"{ORIGIN}/from-{first}"
    with closing(sqlite3.connect(folder / "journal.db")) as connection:
        (note,) = connection.execute("SELECT value FROM meta WHERE key = 'statement'").fetchone()
    for name in (ORIGIN, f"{ORIGIN}/from-{first}"):  # both logs stand for it
        text = open_note(note, [Verifier(name, trusted[0].key)])
    assert text.startswith(f"{ORIGIN}/from-{first}\ncontinues {ORIGIN}\n1000\n")
    return inherited


def kept(folder: Path, size: int) -> str:
    """Return a checkpoint of the record, as a monitor keeps it."""
    with Reader(folder) as reader, reader.tree() as tree:
        root = tree.growth(size).root()
    return Checkpoint(ORIGIN, size, root).signed(keys.read(folder))


def forged(folder: Path, size: int) -> str:
    """Return a larger checkpoint that somebody else has signed."""
    stranger = Signer.made(ORIGIN)
    return Checkpoint(ORIGIN, size, bytes(32)).signed(stranger)
