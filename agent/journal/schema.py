"""The tables of the journal's database, and the way there from older ones.

`entry` has one row an event; the texts in it are as JSON has them, without their quotes. `event`
shows each with its whole `body`: nothing that many events have in common stands in their rows,
only the number of their `class` (kind and severity) and of their `boot` (which one, and whether
the clock was trusted), whose rows hold the parts of a body that these are. So the columns are what
was said: there is no second place that could say something else.

`proof` is a salt of 16 bytes, which makes the leaf of the tree, SHA-256(0x00 ‖ salt ‖ body),
unguessable, and the first 8 bytes of that leaf, which name a damaged row. Of a pruned row only the
whole leaf is left, as `proof`; the rest is null. Only the rarer severities are indexed, in one
index: each costs a written page a commit.

The tree is stored as `tile`s, the roots of 256 leaves each with the times they span, and as
`checkpoint`s, the signed roots. All else of it is computed from the rows. What is not an
event bears a `mark` of its own, so that no damaged state is acted upon.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import TypeAlias

from agent.journal.filing import Filing, split

VERSION = 2

Step: TypeAlias = "str | Callable[[sqlite3.Connection], None]"

# One call of printf, for it takes half the time of as many concatenations.
_EVENT = """VIEW event AS SELECT
        seq, class, entry.severity, proof,
        CASE WHEN data IS NOT NULL THEN printf(
            '{"at":%s%s%s%s%s%s,"object":"%s%s","seq":%s%s%s', at_us, boot.head, data,
            coalesce(',"device":"' || device || '"', ''), class.head, mono_us,
            object, coalesce('","ref":"' || ref, ''), seq, class.tail, boot.tail
        ) END AS body,
        data IS NOT NULL AS kept, at_us, object, device, boot.head AS boot, boot.tail AS trusted
    FROM entry
    LEFT JOIN class ON class.id = entry.class AND class.severity = entry.severity
    LEFT JOIN boot ON boot.id = entry.boot"""

_ENTRIES = (
    """CREATE TABLE boot(
        id INTEGER PRIMARY KEY, head TEXT NOT NULL, tail TEXT NOT NULL, UNIQUE(head, tail))""",
    """CREATE TABLE entry(
        seq INTEGER PRIMARY KEY, class INTEGER, severity INTEGER, boot INTEGER,
        at_us INTEGER, mono_us INTEGER, object TEXT, device TEXT, ref TEXT,
        proof BLOB NOT NULL, data TEXT)""",
    "CREATE INDEX entry_rare ON entry(severity, seq, class) WHERE severity < 3",
    f"CREATE {_EVENT}",
)

TABLES = (
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE class(
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, severity INTEGER NOT NULL,
        head TEXT NOT NULL, tail TEXT NOT NULL, UNIQUE(kind, severity))""",
    *_ENTRIES,
    """CREATE TABLE tile(
        position INTEGER PRIMARY KEY, root BLOB NOT NULL,
        from_us INTEGER NOT NULL, to_us INTEGER NOT NULL)""",
    "CREATE TABLE checkpoint(size INTEGER PRIMARY KEY, note TEXT NOT NULL)",
    """CREATE TABLE state(
        key TEXT PRIMARY KEY, value TEXT NOT NULL, mark BLOB NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE acknowledged(
        path TEXT, lane TEXT, ranges TEXT NOT NULL, mark BLOB NOT NULL,
        PRIMARY KEY(path, lane)) WITHOUT ROWID""",
)

# What reads a record does so through a view of its own, by version: the one that lies in the file
# is for other programs, and says what whoever wrote it last wants it to say.
# Version 1 had each body whole, in a table `event`.
READING: Mapping[int, str] = {
    VERSION: f"CREATE TEMP {_EVENT}",
    1: """CREATE TEMP VIEW event AS SELECT
        seq, class, severity, proof, body, body IS NOT NULL AS kept,
        CAST(substr(body, 7, 17) AS INTEGER) AS at_us,
        substr(body -> '$.object', 2, length(body -> '$.object') - 2) AS object,
        substr(body -> '$.device', 2, length(body -> '$.device') - 2) AS device,
        ',"boot":' || (body -> '$.boot') || ',"data":' AS boot,
        ',"trusted":' || (body -> '$.trusted') || '}' AS trusted
    FROM main.event""",
}

_FOUND = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
_STATISTICS = ("sqlite_stat1", "sqlite_stat4")  # of ANALYZE: whoever ran it changed nothing


def strange(connection: sqlite3.Connection, version: int) -> set[str]:
    """Return what a database has besides what we make, or lacks of it: "trigger NAME".

    Of version 1 only what acts by itself when somebody reads or writes.
    """
    if version == 1:
        return acting(connection)
    rows = connection.execute(_FOUND).fetchall()
    there = {sql for _, _, sql in rows}
    lost = (re.split("[ (]", sql) for sql in TABLES if sql not in there)
    more = (row for row in rows if row[2] not in TABLES and row[1] not in _STATISTICS)
    return {f"{sql[1].lower()} {sql[2]}" for sql in lost} | {f"{row[0]} {row[1]}" for row in more}


def acting(connection: sqlite3.Connection) -> set[str]:
    """Return the views and triggers that are not ours: they act when somebody reads or writes."""
    return {
        f"{kind} {name}"
        for kind, name, sql in connection.execute(_FOUND)
        if kind in ("view", "trigger") and sql not in TABLES
    }


def _split_bodies(connection: sqlite3.Connection) -> None:
    """Move the events of version 1 into columns.

    Raises:
        StorageCorrupt: one cannot be told apart; then the whole record is succeeded by another.
    """
    filing = Filing(connection)
    rows = connection.execute(
        "SELECT seq, CAST(proof AS BLOB), CAST(body AS BLOB) FROM whole ORDER BY seq"
    )
    while some := rows.fetchmany(1000):
        filing.put_leaves([(seq, proof) for seq, proof, body in some if body is None])
        filing.put((seq, *split(body), proof) for seq, proof, body in some if body is not None)


# What leads from a version to the next. A new one also goes into TABLES.
STEPS: Mapping[int, tuple[Step, ...]] = {
    1: (
        "DROP INDEX event_rare",
        "ALTER TABLE event RENAME TO whole",
        "DROP TABLE class",
        TABLES[1],
        *_ENTRIES,
        _split_bodies,
        "DROP TABLE whole",
    )
}
