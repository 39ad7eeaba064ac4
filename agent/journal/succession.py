"""A new record after one that is damaged, lost, or older than it was.

The old files are set aside untouched. The new record continues the numbers, above every one
that may have been given. Its log is one of its own, "ORIGIN/from-NUMBER", tied to the old one by
a statement that the key signs under both names. What the old record still shows is taken over:
saved state, what was delivered, and the intact events that were not, or that tell of keys and
evidence. They keep their numbers; they are not of the new tree.

The new record is whole before anything is moved, so that a crash leaves one of the two:

    FOLDER/successor.new/   being made
    FOLDER/successor/       whole: takes the place of the old one, now or at the next start
    FOLDER/aside/TIME/      the old one's files, and the evidence that only it named
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import shutil
import sqlite3
import time
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from msgspec import Struct

from agent.journal import keys, last, layout
from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import JournalError
from agent.journal.evidence import Evidence
from agent.journal.growth import Growth
from agent.journal.note import NoteRefused, Signer, sign
from agent.journal.reading import Reader
from agent.journal.record import REPLACED, Recorded
from agent.journal.rotation import Chain, chain_of
from agent.journal.salvage import Salvage
from agent.journal.stored import StoredTree

ASIDE = "aside"
MAKING, SUCCESSOR = "successor.new", "successor"
UNTOLD = "replaced"  # in `meta`: why this record was begun, until an event of it says so
MARGIN = 1000  # numbers left out where the last one given is not known


class JournalSucceeded(JournalError):
    """A new record was begun; the text says why, and where the old one is.

    It is told at every opening until an event of the record says so (`REPLACED`).
    """


class _Plan(Struct, frozen=True):
    origin: str
    first: int
    statement: str
    said: str


def succeed(
    folder: Path, signer: Signer, reason: str, backup: Path | None = None
) -> JournalSucceeded:
    """Set the folder's record aside and begin a new one that continues it.

    Args:
        folder: locked by us, nothing of it open.
        signer: the key, under its own name.
        reason: why, in one sentence; it is part of the statement.
        backup: a record whose state and events, all of them, are taken over instead.

    Returns:
        What to report.

    Raises:
        OSError: the disk refused; the old record is where it was.
        sqlite3.Error: so did it.
        StorageFailed: the backup cannot be read.
    """
    new = folder / MAKING
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    layout.hand_over(new)
    aside, successor = _unused(folder), _Successor(folder, signer)
    with Salvage(folder) as old, Salvage(backup or folder, whole=backup is not None) as source:
        plan = successor.plan(reason, aside, (old, source))
        said = successor.fill(plan, (old, source))
    _keep_evidence(folder, new, folder / aside)
    # Until it has a checkpoint of its own, this says of it what `last` says of any other.
    begun = Checkpoint(plan.origin, 0, Growth().root())
    last.remember(new, begun.signed(signer.named(plan.origin)))
    _keep(new, aside)
    new.rename(folder / SUCCESSOR)
    layout.sync(folder)
    finish(folder)
    return JournalSucceeded(said)


def untold(connection: sqlite3.Connection) -> JournalSucceeded | None:
    """Return what no event has told yet of how a record was begun."""
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (UNTOLD,)).fetchone()
    return JournalSucceeded(found[0]) if found else None


def tell(connection: sqlite3.Connection, rows: Sequence[Recorded]) -> bool:
    """Note, in the transaction of some rows, whether one of them tells it; say so."""
    told = REPLACED in [row.kind for row in rows]
    if told:
        connection.execute("DELETE FROM meta WHERE key = ?", (UNTOLD,))
    return told


def _unused(folder: Path) -> Path:
    """Return where, below the folder, to set the old record aside."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    names = itertools.chain([stamp], (f"{stamp}-{number}" for number in itertools.count(2)))
    return next(Path(ASIDE, name) for name in names if not (folder / ASIDE / name).exists())


def _keep_evidence(folder: Path, new: Path, aside: Path) -> None:
    """Keep what only the old record named aside with it: here it would be a crash's leavings."""
    evidence = Evidence(folder, quota=0)
    if evidence.is_there():
        _make(aside)
        with contextlib.suppress(OSError), Reader(new) as reader:
            evidence.link_unnamed(reader, aside)


def _make(aside: Path) -> None:
    for made in (aside.parent, aside):
        made.mkdir(mode=0o700, exist_ok=True)
        layout.hand_over(made)


def _keep(new: Path, aside: Path) -> None:
    """Write where to set the old record aside, and see all of the new one to the disk."""
    (new / ASIDE).write_text(str(aside))
    for name in (last.NAME, ASIDE):
        layout.hand_over(new / name)
        layout.sync(new / name)
    layout.sync(new)


def _kept(folder: Path) -> Path:
    """Return where the old record is being set aside; some other place, if that is lost."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        aside = Path((folder / SUCCESSOR / ASIDE).read_text())
        if aside.parent == Path(ASIDE):
            return aside
    return _unused(folder)


def finish(folder: Path) -> None:
    """Put a successor that is whole into its place, if there is one; one in part goes.

    Raises:
        OSError: the disk refused; it is tried again at the next start.
    """
    shutil.rmtree(folder / MAKING, ignore_errors=True)  # it may be as large as the record
    new = folder / SUCCESSOR
    if (new / layout.DATABASE).exists():
        aside = folder / _kept(folder)
        _make(aside)
        for name in (
            layout.DATABASE,
            f"{layout.DATABASE}-wal",
            f"{layout.DATABASE}-shm",
            last.NAME,
            last.SEEN,
        ):
            with contextlib.suppress(FileNotFoundError):
                (folder / name).rename(aside / name)
        for changed in (aside, aside.parent, folder):
            layout.sync(changed)
        (new / layout.DATABASE).rename(folder / layout.DATABASE)
        layout.sync(folder)
    if (new / last.NAME).exists():
        (new / last.NAME).rename(folder / last.NAME)
        layout.sync(folder)
    shutil.rmtree(new, ignore_errors=True)


class _Successor:
    """The new record while it is being made.

    Args:
        folder: of the record that it succeeds.
        signer: the key, under its own name.
    """

    def __init__(self, folder: Path, signer: Signer) -> None:
        self._folder = folder
        self._signer = signer
        self._new = folder / MAKING

    def plan(self, reason: str, aside: Path, sources: Sequence[Salvage]) -> _Plan:
        """Find out where it begins, and say what it continues.

        Args:
            reason: why it is begun.
            aside: where the old record will lie, below the folder.
            sources: the old record, and what is taken over from: it, or a backup.
        """
        base = self._signer.verifier.name
        trusted = keys.known(self._folder, self._signer)
        kept = last.remembered(self._folder, Chain(trusted, []))
        known_ends = (*kept, *(old.end(trusted) for old in sources))
        ends = [said for said in known_ends if said]
        end = max(ends, key=attrgetter("last_number"), default=Checkpoint(base, 0, bytes(32)))
        known = sources[0].head()  # of the record that is succeeded; a backup is always older
        sure = known is not None and known >= end.last_number
        first = max(known or 0, end.last_number, *(old.head() or 0 for old in sources)) + 1
        first += 0 if sure else MARGIN
        origin = f"{base}/from-{first}"
        root = base64.b64encode(end.root).decode()
        because = " ".join(reason.split())
        text = f"{origin}\ncontinues {end.origin}\n{end.size}\n{root}\n{because}\n"
        lies = f"the old record lies untouched in {self._folder / aside}"
        said = f"{reason}; {lies}, the new one begins with number {first}"
        signed = sign(text, self._signer.named(end.origin), self._signer.named(origin))
        return _Plan(origin, first, signed, said)

    def fill(self, plan: _Plan, sources: Sequence[Salvage]) -> str:
        """Make it, with what an older one shows; return what is to be told of it."""
        layout.prepare(self._new, first=plan.first)
        connection = layout.connect(self._new, "rw")
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                [("origin", plan.origin), ("statement", plan.statement)],
            )
            taken = sum(old.lasting_into(connection, plan.first) for old in sources)
            taken += sources[-1].into(connection, plan.first)
            taken -= self._cut_loose(connection)
            said = f"{plan.said} and holds {taken} events from before"
            connection.execute("INSERT INTO meta VALUES (?, ?)", (UNTOLD, said))
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.close()
        return said

    def _cut_loose(self, connection: sqlite3.Connection) -> int:
        """Leave out the changes of the key where the last one is missing; return how many.

        It lay on a damaged page, or the backup is older. With the others alone the new record
        would wait for the key before the last, which is gone; nothing would ever be signed again.
        """
        rows = StoredTree(connection).rotations()
        with contextlib.suppress(NoteRefused):
            chain = chain_of(rows, keys.known(self._folder, self._signer)).keys
            if not chain or self._signer.verifier in chain or keys.of(self._folder, chain[-1]):
                return 0
        connection.executemany("DELETE FROM entry WHERE seq = ?", [(seq,) for seq, _ in rows])
        return len(rows)
