"""What leaves the journal as files: backups, exports, figures."""

from __future__ import annotations

import csv
import io
import json
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.journal import keys
from agent.journal.backup import BackupBad, backup
from agent.journal.errors import JournalUnusable
from agent.journal.export import COLUMNS, ExportFailed, as_csv, as_database, as_json_lines
from agent.journal.info import look
from agent.journal.journal import Journal
from agent.journal.reading import Reader
from agent.journal.record import Batch, Recorded
from agent.site.step import Severity
from tests.journal.recording import START_US, Ears, batch, entry

Open = Callable[..., Journal]


@pytest.fixture
def signing(ears: Ears, folder: Path) -> Callable[[], Journal]:
    def open_it() -> Journal:
        return Journal.open(
            folder, committed=ears.committed, failed=ears.failed, origin="armoury/x"
        )

    return open_it


def test_a_backup_is_whole_while_the_daemon_records(
    signing: Callable[[], Journal], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    with signing() as journal:
        for tag in range(300):
            journal.submit(Batch((entry(tag),), {"tag": b"%d" % tag}), tag)
        ears.heard(150)
        verdict = backup(folder, tmp_path / "copy")
        journal.submit(batch(1), 300)
        ears.heard(301)
    assert 150 <= verdict.events <= 300
    with Reader(tmp_path / "copy") as reader:
        assert reader.read(0, 1000) == ears.rows[: verdict.events]
        assert reader.state() == {"tag": b"%d" % (verdict.events - 1)}
    assert not (tmp_path / "copy" / "journal.key").exists()


def test_a_backup_of_a_damaged_journal_is_refused(
    signing: Callable[[], Journal], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    with signing() as journal:
        journal.submit(batch(1, 2, 3), 1)
        ears.heard(1)
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as connection:
        connection.execute("UPDATE entry SET data = data || ' ' WHERE seq = 2")
    with pytest.raises(BackupBad, match="damaged at the event 2"):
        backup(folder, tmp_path / "copy")


def test_a_backup_never_covers_another(opened: Open, folder: Path, tmp_path: Path) -> None:
    opened()
    assert keys.public(folder) == []
    backup(folder, tmp_path / "copy")
    with pytest.raises(JournalUnusable, match="is there already"):
        backup(folder, tmp_path / "copy")
    with pytest.raises(JournalUnusable, match="there is no journal"):
        backup(tmp_path, tmp_path / "other")


def test_json_lines_are_the_record_itself(opened: Open, ears: Ears) -> None:
    journal = opened()
    journal.submit(Batch((entry(1, object="naïve\n"), entry(2))), 1)
    ears.heard(1)
    out = io.StringIO()
    assert as_json_lines(journal.query(), out) == 2
    assert out.getvalue().encode() == b"".join(row.body + b"\n" for row in ears.rows)


def test_csv_says_everything_and_nothing_that_a_spreadsheet_runs(opened: Open, ears: Ears) -> None:
    journal = opened()
    texts = ['a "quoted", text', "two\nlines", "=1+1", "@x", "-2", ""]
    journal.submit(Batch(tuple(entry(n, object=text) for n, text in enumerate(texts))), 1)
    ears.heard(1)
    out = io.StringIO(newline="")
    assert as_csv(journal.query(), out) == len(texts)
    header, *rows = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert tuple(header) == COLUMNS
    objects = [row[COLUMNS.index("object")] for row in rows]
    assert objects == ['a "quoted", text', "two\nlines", "'=1+1", "'@x", "'-2", ""]
    first = dict(zip(header, rows[1], strict=True))
    assert first["time"] == "2025-11-24T16:00:01.000000Z"
    assert int(first["at"]) == START_US + 1_000_000
    assert json.loads(first["data"]) == {"n": 1}


def test_an_export_is_written_while_it_is_read(opened: Open, ears: Ears) -> None:
    journal = opened()
    journal.submit(batch(*range(1200)), 1)
    ears.heard(1)
    out = io.StringIO()

    def watched() -> Iterator[Recorded]:
        for number, row in enumerate(journal.query()):
            assert out.getvalue().count("\n") == number
            yield row

    assert as_json_lines(watched(), out) == 1200


def test_the_figures(signing: Callable[[], Journal], ears: Ears, folder: Path) -> None:
    day = 86_400
    with signing() as journal:
        severities = [Severity.INFO, Severity.ALARM, Severity.FAULT, Severity.INFO]
        entries = [entry(n * day // 100, severity=severities[n % 4]) for n in range(2000)]
        journal.submit(Batch(tuple(entries)), 1)
        ears.heard(1)
        journal.acknowledge("fibre", "rest", [(1, 1000)])
        journal.acknowledge("cellular", "rest", [(990, 1500)])
        journal.acknowledge("cellular", "alarm", [(1, 4)])
    info = look(folder)
    assert (info.events, info.first, info.head, info.pruned) == (2000, 1, 2000, 0)
    assert info.by_severity == {"alarm": 500, "fault": 500, "access": 0, "info": 1000}
    assert (info.oldest_us, info.newest_us) == (START_US, START_US + 1999 * day * 10_000)
    assert info.per_day in range(95, 106)
    assert info.covered == 2000
    assert info.undelivered == {"alarm": 499, "rest": 375}
    assert info.bytes == (folder / "journal.db").stat().st_size
    assert info.bytes_per_event == info.bytes // 2000
    assert info.days_left == info.free // (info.bytes_per_event * info.per_day)


def test_the_figures_of_nothing(opened: Open, folder: Path) -> None:
    opened()
    info = look(folder)
    assert (info.events, info.head, info.oldest_us, info.per_day) == (0, 0, None, 0)
    assert info.days_left is None
    assert info.undelivered == {"alarm": 0, "rest": 0}


def test_growth_is_measured_since_the_clock_was_put_back(
    opened: Open, ears: Ears, folder: Path
) -> None:
    day = 86_400
    ahead = [entry(1000 * day + n * day // 100) for n in range(500)]
    since = [entry(n * day // 20) for n in range(60)]
    journal = opened()
    journal.submit(Batch((*ahead, *since)), 1)
    ears.heard(1)
    assert look(folder).per_day in range(19, 22)


def test_a_file_that_may_not_be_so_large_is_no_fault_of_the_record(
    opened: Open, ears: Ears, folder: Path, tmp_path: Path
) -> None:
    """As on a FAT stick beyond 4 GiB."""
    journal = opened()
    journal.submit(Batch(tuple(entry(n, data={"filler": "x" * 900}) for n in range(300))), 1)
    ears.heard(1)
    journal.close()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(JournalUnusable, match=f"no backup can be put into {tmp_path / 'copy'}"):
            backup(folder, tmp_path / "copy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    backup(folder, tmp_path / "copy")


def test_a_database_that_cannot_be_written_is_named(
    opened: Open, ears: Ears, tmp_path: Path
) -> None:
    journal = opened()
    journal.submit(batch(1), 1)
    ears.heard(1)
    with pytest.raises(ExportFailed, match=r"none/flat.db cannot be written: .*its folder"):
        as_database(journal.query(), tmp_path / "none" / "flat.db")
