"""How a record ends, as it is found before anything is added to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import StorageCorrupt
from agent.journal.growth import TILE, Growth
from agent.journal.note import NoteRefused
from agent.journal.record import Recorded
from agent.journal.stored import StoredTree


def identity(connection: sqlite3.Connection) -> tuple[str, int]:
    """Return which journal this is, and its last number."""
    log = connection.execute("SELECT value FROM meta WHERE key = 'log'").fetchone()[0]
    first = connection.execute("SELECT value FROM meta WHERE key = 'first'").fetchone()[0]
    head = connection.execute("SELECT max(seq) FROM event").fetchone()[0]
    return log, max(int(first) - 1, head or 0)


def grown(connection: sqlite3.Connection) -> tuple[Growth, int]:
    """Return the tree's right edge and how much of it the last checkpoint covers.

    Raises:
        StorageCorrupt: the checkpoint covers something else; nothing may be signed after it.
    """
    tree = StoredTree(connection)
    sealed = tree.newest_checkpoint()
    if sealed is None:
        return tree.growth(), 0
    try:
        said = Checkpoint.parse(sealed.note.rpartition("\n\n")[0] + "\n")
    except NoteRefused as error:
        raise StorageCorrupt(f"the journal's last checkpoint is damaged: {error}") from error
    if said.size > tree.size or tree.growth(said.size).root() != said.root:
        raise StorageCorrupt(
            f"the journal's rows are not those that its checkpoint over {said.size} was signed "
            "for; keep the files, and see: armoury journal verify"
        )
    growth = tree.growth()
    # Also those that a tile stands for, where nobody has signed it, or the last event is among
    # them: the start goes by it.
    begin = min(said.size, max(0, tree.size - 1) // TILE * TILE)
    new = list(tree.leaves(begin, tree.size))
    leaves, times = [leaf for leaf, _ in new], [time for _, time in new]
    if tree.growth(begin).grown(leaves, times)[0].root() != growth.root():
        raise StorageCorrupt(
            f"the journal's rows from {tree.first + begin} on are not those of their tile"
        )
    return growth, said.size


def continues(
    connection: sqlite3.Connection, last: int, head: int, rows: Sequence[Recorded]
) -> bool:
    """Say whether the record ends as we left it, or with the first of what we tried to add.

    A commit whose sync failed may be found in the WAL all the same, once every connection
    was closed: it is what we would write again.

    Args:
        connection: of the record as it is now.
        last: the number with which we left it.
        head: the number with which it ends now.
        rows: what we tried to add, some of them perhaps before that.
    """
    more = head - last
    ours = [(row.seq, row.body) for row in rows if row.seq > last]
    if not 0 <= more <= len(ours):
        return False
    found = connection.execute(
        "SELECT seq, CAST(body AS BLOB) FROM event WHERE seq > ? ORDER BY seq", (last,)
    )
    return found.fetchall() == ours[:more]
