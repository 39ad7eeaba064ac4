"""The flat database that analysts get."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from agent.journal.export import as_database
from agent.journal.record import Recorded


def row(seq: int, **data: object) -> Recorded:
    said = {"seq": seq, "at": seq * 1_000_000, "kind": "access.granted", "severity": "access"}
    said |= {"object": "store", "trusted": True, "mono": 1, "boot": "b", "data": data}
    return Recorded(seq, "access.granted", "access", json.dumps(said).encode())


def test_each_field_is_a_column(tmp_path: Path) -> None:
    rows = [row(1, persons=["p-1", "p-2"]), row(2, reason="unknown", score=7)]
    assert as_database(rows, tmp_path / "out.db") == 2
    with closing(sqlite3.connect(tmp_path / "out.db")) as made:
        found = made.execute("SELECT seq, time, data_persons, data_reason, data_score FROM event")
        assert found.fetchall() == [
            (1, "1970-01-01T00:00:01.000000Z", '["p-1", "p-2"]', None, None),
            (2, "1970-01-01T00:00:02.000000Z", None, "unknown", 7),
        ]


def test_nothing_makes_nothing(tmp_path: Path) -> None:
    assert as_database([], tmp_path / "out.db") == 0
