"""What a transaction changes besides the events that it adds."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from agent.journal.filing import Filing
from agent.journal.layout import SALT
from agent.journal.ranges import Span
from agent.journal.stored import StoredTree
from agent.journal.tree import leaf_hash, mark

_COUNT_PRUNED = "INSERT INTO meta VALUES ('pruned', ?) ON CONFLICT DO UPDATE SET value = value + ?"
_SAVE = (
    "INSERT INTO state VALUES (?, CAST(? AS TEXT), ?) "
    "ON CONFLICT DO UPDATE SET value = excluded.value, mark = excluded.mark"
)
_ACKNOWLEDGE = (
    "INSERT INTO acknowledged VALUES (?, ?, CAST(? AS TEXT), ?) "
    "ON CONFLICT DO UPDATE SET ranges = excluded.ranges, mark = excluded.mark"
)


def prune(connection: sqlite3.Connection, span: Span) -> None:
    """Leave only the leaves of some rows; of what was taken over, nothing: it is of no tree here.

    They are deleted and put in anew: that gives pages back, which an update does not.
    """
    first = StoredTree(connection).first
    rows = connection.execute(
        "SELECT seq, proof, CAST(body AS BLOB) FROM event WHERE seq BETWEEN ? AND ? AND kept",
        span,
    ).fetchall()
    kept = [(seq, leaf_hash(proof[:SALT] + body)) for seq, proof, body in rows]
    connection.executemany("DELETE FROM entry WHERE seq = ?", [(seq,) for seq, _ in kept])
    Filing(connection).put_leaves([leaf for leaf in kept if leaf[0] >= first])
    connection.execute(_COUNT_PRUNED, (len(kept), len(kept)))


def save(
    connection: sqlite3.Connection,
    state: Mapping[str, bytes | None],
    acknowledged: Mapping[tuple[str, str], bytes],
) -> None:
    """Write down the site's state and what was delivered, as `Storage.commit` has them."""
    kept, gone = [], []
    for key, value in state.items():
        if value is None:
            gone.append((key,))
        else:
            kept.append((key, value, mark(key.encode(), value)))
    if kept:
        connection.executemany(_SAVE, kept)
    if gone:
        connection.executemany("DELETE FROM state WHERE key = ?", gone)
    for (path, lane), ranges in acknowledged.items():
        marked = mark(path.encode(), lane.encode(), ranges)
        connection.execute(_ACKNOWLEDGE, (path, lane, ranges, marked))
