"""The record as files that others can read: JSON lines, CSV, a flat database.

Streamed, whatever its size.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from agent.journal.errors import JournalError
from agent.journal.record import Recorded

# The order of a CSV file's columns; "time" is "at" for people, "data" what is left.
COLUMNS = (
    "seq",
    "time",
    "severity",
    "kind",
    "object",
    "device",
    "trusted",
    "data",
    "at",
    "mono",
    "boot",
    "ref",
    "corrected",
    "corrected_from",
    "corrected_to",
)
_TIMES = ("corrected", "corrected_from", "corrected_to")


class ExportFailed(JournalError):
    """What was to be written cannot be; the text says where and why."""


def as_json_lines(rows: Iterable[Recorded], out: TextIO) -> int:
    """Write each event's own JSON, as recorded, on a line; return how many."""
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - the last one is the answer
        out.write(row.body.decode() + "\n")
    return count


def as_csv(rows: Iterable[Recorded], out: TextIO) -> int:
    """Write events as RFC 4180 has it, with a header; return how many."""
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - the last one is the answer
        said = json.loads(row.body)
        said["time"] = _time(said["at"])
        said["data"] = json.dumps(said["data"], ensure_ascii=False, separators=(",", ":"))
        said |= {column: _time(said[column]) for column in _TIMES if column in said}
        writer.writerow([_safe(said.get(column, "")) for column in COLUMNS])
    return count


@contextmanager
def whole(path: Path) -> Iterator[None]:
    """Leave no new file behind that is only a part: it looks like all there was."""
    try:
        yield
    except BaseException:  # Ctrl-C too
        path.unlink(missing_ok=True)
        raise


def as_database(rows: Iterable[Recorded], path: Path) -> int:
    """Make a new SQLite database with one table `event` to ask questions of; return how many.

    Each field of an event is a column, those of its data as `data_NAME`; lists are JSON. It is a
    copy for analysts and proves nothing.

    Raises:
        ExportFailed: it cannot be written.
    """
    try:
        with whole(path):
            return _filled(rows, path)
    except sqlite3.Error as error:
        remedy = "see that its folder is there and has room"
        raise ExportFailed(f"{path} cannot be written: {error}; {remedy}") from error


def _filled(rows: Iterable[Recorded], path: Path) -> int:
    import sqlite_utils  # late: it brings numpy in where that is installed

    with closing(sqlite_utils.Database(path)) as database:
        table = database.table("event")
        table.insert_all(map(_flat, rows), pk="seq", alter=True, batch_size=500)
        if not table.exists():
            return 0
        table.create_index(["kind", "at"])
        return int(table.count)


def _flat(row: Recorded) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(row.body)
    data = said.pop("data")
    return {"seq": said.pop("seq"), "time": _time(said["at"])} | said | _named(data)


def _named(data: dict[str, Any]) -> dict[str, Any]:
    return {f"data_{key}": value for key, value in data.items()}


def _time(at_us: int) -> str:
    seconds, micros = divmod(at_us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{micros:06}Z"


def _safe(value: object) -> object:
    """Keep spreadsheets from running a text that begins like a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
