"""The journal as the runtime uses it."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.journal.errors import JournalMisused
from agent.journal.journal import Journal
from agent.journal.ranges import Ranges
from agent.journal.reading import Reader
from agent.journal.record import Batch, Entry, Lane
from agent.site.moment import Moment
from agent.site.step import Event, Severity
from tests.journal.recording import BOOT, START_US, Ears, batch, entry
from tests.waiting import wait_until

Open = Callable[..., Journal]


def commits_in_wal(folder: Path) -> int:
    """Count the transactions in the WAL, by its file format (sqlite.org/fileformat2.html, 4.1)."""
    wal = (folder / "journal.db-wal").read_bytes()
    page, _, salts = *struct.unpack_from(">8xII", wal), wal[16:24]
    frames = range(32, len(wal) - page - 23, 24 + page)
    return sum(
        struct.unpack_from(">I", wal, at + 4)[0] != 0 and wal[at + 8 : at + 16] == salts
        for at in frames
    )


def test_an_event_is_written_down_whole(opened: Open, ears: Ears) -> None:
    journal = opened()
    moment = Moment(START_US, 5, BOOT, False)
    event = Event("door.forced", "store", Severity.ALARM, moment, "board", {"ñandú"[:0] + "x": "ñ"})
    journal.submit(Batch((Entry(event, ref=f"{BOOT}/u-1"),)), 7)
    ears.heard(1)
    assert ears.commits[0].tag == 7
    (row,) = ears.rows
    assert (row.seq, row.kind, row.severity) == (1, "door.forced", "alarm")
    assert (
        row.body
        == (
            f'{{"at":{START_US},"boot":"{BOOT}","data":{{"x":"ñ"}},"device":"board",'
            f'"kind":"door.forced","mono":5,"object":"store","ref":"{BOOT}/u-1","seq":1,'
            '"severity":"alarm","trusted":false}'
        ).encode()
    )
    assert journal.last() == row
    assert journal.head == 1


def test_what_is_empty_is_left_out(opened: Open, ears: Ears) -> None:
    journal = opened()
    journal.submit(
        Batch((Entry(Event("system.started", "", Severity.INFO, Moment(0, 0, "", True))),)), 1
    )
    ears.heard(1)
    assert json.loads(ears.rows[0].body).keys().isdisjoint({"device", "ref"})


def test_commits_are_told_in_order_with_their_tags(opened: Open, ears: Ears) -> None:
    journal = opened()
    for tag in range(50):
        journal.submit(batch(tag, tag), tag)
    ears.heard(50)
    assert [commit.tag for commit in ears.commits] == list(range(50))
    assert [row.seq for row in ears.rows] == list(range(1, 101))
    assert journal.read(0, 1000) == ears.rows


def test_many_threads_may_submit(opened: Open, ears: Ears) -> None:
    journal = opened()
    threads = [
        threading.Thread(target=lambda t=t: [journal.submit(batch(i), t) for i in range(100)])
        for t in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ears.heard(400)
    assert [row.seq for row in ears.rows] == list(range(1, 401))
    for tag in range(4):
        own = [json.loads(c.rows[0].body)["data"]["n"] for c in ears.commits if c.tag == tag]
        assert own == list(range(100))


def test_what_waits_during_a_commit_becomes_one_transaction(
    opened: Open, ears: Ears, folder: Path
) -> None:
    journal = opened()
    ears.gate.clear()
    journal.submit(batch(0), 0)
    ears.heard(1)  # the writer now stands in its callback
    before = commits_in_wal(folder)
    for tag in range(1, 301):
        journal.submit(batch(tag), tag)
    ears.gate.set()
    ears.heard(301)
    assert commits_in_wal(folder) - before == 1


def test_state_is_saved_with_its_events_and_forgotten_on_none(opened: Open, ears: Ears) -> None:
    store = b'{"open":true,"people":["a"]}'
    journal = opened()
    assert journal.saved == {}
    journal.submit(Batch((entry(),), {"door/store": store, "x": b"1"}), 1)
    journal.submit(Batch((), {"x": None, "y": b"[null,2]"}), 2)
    ears.heard(2)
    assert ears.commits[1].rows == ()
    journal.close()
    assert opened().saved == {"door/store": store, "y": b"[null,2]"}


def test_numbers_go_on_after_a_restart(opened: Open, ears: Ears) -> None:
    opened().close()
    for tag in range(3):
        journal = opened()
        journal.submit(batch(tag), tag)
        journal.close()
    assert [row.seq for row in ears.rows] == [1, 2, 3]
    assert opened().head == 3


def test_closing_commits_what_waits_and_then_refuses(opened: Open, ears: Ears) -> None:
    journal = opened()
    for tag in range(200):
        journal.submit(batch(tag), tag)
    journal.close()
    assert len(ears.commits) == 200
    with pytest.raises(JournalMisused, match="closed"):
        journal.submit(batch(1), 1)


MISUSES: dict[str, Batch] = {
    "a float": Batch((entry(), entry(data={"x": 1.5}))),  # type: ignore[dict-item]
    "half a character": Batch((entry(object="\ud800"),)),
    "a state key": Batch((entry(),), {"ñ": b"1"}),
    "no kind": Batch((entry(kind=""),)),
    "no such severity": Batch((entry(severity="loud"),)),  # type: ignore[arg-type]
    "too large a number": Batch((entry(data={"x": 2**53}),)),
}


@pytest.mark.parametrize("wrong", MISUSES.values(), ids=MISUSES)
def test_what_cannot_be_recorded_is_refused_whole_and_harms_nobody(
    wrong: Batch, opened: Open, ears: Ears
) -> None:
    journal = opened()
    with pytest.raises(JournalMisused):
        journal.submit(wrong, 1)
    journal.submit(batch(1), 2)
    ears.heard(1)
    assert [row.seq for row in ears.rows] == [1]
    assert ears.failures == []


def test_lanes_part_alarms_from_the_rest(opened: Open, ears: Ears) -> None:
    journal = opened()
    severities = [Severity.INFO, Severity.ALARM, Severity.FAULT, Severity.ACCESS] * 5
    journal.submit(Batch(tuple(entry(n, severity=s) for n, s in enumerate(severities))), 1)
    ears.heard(1)
    alarms = [row for row in ears.rows if row.severity == "alarm"]
    rest = [row for row in ears.rows if row.severity != "alarm"]
    assert journal.read(0, 100, lane=Lane.ALARM) == alarms
    assert journal.read(0, 100, lane=Lane.REST) == rest
    assert journal.read(alarms[0].seq, 2, lane=Lane.ALARM) == alarms[1:3]
    assert journal.read(3, 100, upto=6) == ears.rows[3:6]


def test_what_is_rare_is_read_through_its_index(opened: Open, ears: Ears, folder: Path) -> None:
    faults = [entry(n, "device.lost", Severity.FAULT) for n in range(3)]
    opened().submit(Batch((entry(1, "door.forced", Severity.ALARM), *faults)), 1)
    ears.heard(1)
    with Reader(folder) as reader:
        plans: list[str] = []
        assert reader._connection
        reader._connection.set_trace_callback(plans.append)
        reader.read(0, 10, lane=Lane.ALARM)
        assert len(list(reader.query(severity="fault"))) == 3
        assert len(list(reader.query(kind="door.forced"))) == 1
        assert list(reader.query(severity="access")) == list(reader.query(kind="none")) == []
        reader._connection.set_trace_callback(None)
        for sql in (plan for plan in plans if "body" in plan):
            steps = reader._connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
            assert "INDEX entry_rare (severity=?" in str(steps)
            assert "TEMP B-TREE" not in str(steps)


def test_what_is_acknowledged_is_kept(opened: Open, ears: Ears, folder: Path) -> None:
    journal = opened()
    journal.submit(batch(*range(10)), 0)
    ears.heard(1)
    journal.acknowledge("fibre", "rest", [(1, 3), (5, 5)])
    journal.acknowledge("fibre", "rest", Ranges.of([(4, 4)]))
    journal.acknowledge("cellular", "alarm", [(2, 2)])
    assert journal.acknowledged("fibre", "rest").spans == ((1, 5),)
    assert journal.acknowledged("fibre", "alarm").spans == ()
    with Reader(folder) as reader:  # with no commit to travel with, after a second
        expected = {
            ("fibre", "rest"): Ranges(((1, 5),)),
            ("cellular", "alarm"): Ranges(((2, 2),)),
        }
        wait_until(lambda: reader.acknowledged() == expected, 5, "the acknowledgement saved")
    journal.acknowledge("fibre", "rest", [(6, 9)])
    journal.submit(Batch(()), 1)
    ears.heard(2)
    with Reader(folder) as reader:  # and at once with what is no event
        assert reader.acknowledged()["fibre", "rest"].spans == ((1, 9),)
    journal.acknowledge("fibre", "rest", [(10, 10)])
    journal.close()
    assert opened().acknowledged("fibre", "rest").spans == ((1, 10),)


def test_no_number_was_delivered_before_it_was_given(
    opened: Open, ears: Ears, folder: Path
) -> None:
    journal = opened()
    journal.submit(batch(1, 2, 3), 0)
    journal.acknowledge("fibre", "rest", [(1, 2), (50, 1506)])
    journal.acknowledge("fibre", "alarm", [(3, 3)])
    journal.close()
    journal = opened()
    assert journal.acknowledged("fibre", "rest").spans == ((1, 2),)
    assert journal.acknowledged("fibre", "alarm").spans == ((3, 3),)
    journal.submit(batch(*range(100)), 1)
    ears.heard(2)
    journal.close()
    assert opened().acknowledged("fibre", "rest").spans == ((1, 2),), "nor is it ever believed"


def test_queries(opened: Open, ears: Ears) -> None:
    journal = opened()
    wanted = [
        ("door.forced", Severity.ALARM, "store"),
        ("point.changed", Severity.INFO, "board.contact"),
        ("access.granted", Severity.ACCESS, "store"),
        ("point.changed", Severity.FAULT, "board.contact"),
    ]
    entries = [entry(n, *wanted[n % 4]) for n in range(2000)]
    journal.submit(Batch(tuple(entries)), 1)
    ears.heard(1)
    rows = ears.rows

    def asked(**query: Any) -> list[int]:
        return [row.seq for row in journal.query(**query)]

    assert list(journal.query()) == rows
    assert asked(newest_first=True, limit=3) == [2000, 1999, 1998]
    assert asked(kind="door.forced") == list(range(1, 2001, 4))
    assert asked(kind="point.changed") == list(range(2, 2001, 2))
    assert asked(severity="info") == list(range(2, 2001, 4))
    assert asked(kind="point.changed", severity="fault") == list(range(4, 2001, 4))
    assert asked(object="store", after=1990) == [1991, 1993, 1995, 1997, 1999]
    assert asked(device="board", limit=501) == list(range(1, 502))
    since, until = START_US + 700_000_000, START_US + 703_000_000
    assert asked(since_us=since, until_us=until) == [701, 702, 703]
    assert asked(kind="door.forced", since_us=since, limit=1, newest_first=True) == [1997]
    assert asked(kind="no.such") == asked(severity="loud") == asked(device="none") == []


def test_the_reader_works_beside_the_daemon_and_on_its_copies(
    opened: Open, ears: Ears, folder: Path, tmp_path: Path
) -> None:
    journal = opened()
    journal.submit(batch(1, 2, 3), 1)
    ears.heard(1)
    with Reader(folder) as reader:
        assert reader.read(0, 10) == ears.rows
        journal.submit(batch(4), 1)
        ears.heard(2)
        assert reader.read(0, 10) == ears.rows
    living, resting = tmp_path / "living", tmp_path / "resting"
    shutil.copytree(folder, living)
    journal.close()
    assert not (folder / "journal.db-wal").exists()
    resting.mkdir()
    shutil.copy(folder / "journal.db", resting)
    for copy in (living, resting):
        with Reader(copy) as reader:
            assert reader.read(0, 10) == ears.rows


READS_AS_NOBODY = """
import os, sqlite3, sys
from pathlib import Path
from agent.journal.reading import Reader
os.setgid(65534)
os.setuid(65534)
with Reader(Path(sys.argv[1])) as reader:
    print(reader.head)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody without rights")
def test_the_reader_opens_a_copy_that_it_cannot_write_beside(
    opened: Open, ears: Ears, folder: Path
) -> None:
    journal = opened()
    journal.submit(batch(1, 2, 3), 1)
    ears.heard(1)

    def read(*files: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as copy:  # pytest's is its user's only
            Path(copy).chmod(0o711)
            for file in files:
                Path(shutil.copy(folder / file, copy)).chmod(0o644)
            command = [sys.executable, "-c", READS_AS_NOBODY, copy]
            return subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert "copy it with the files journal.db-*" in read("journal.db", "journal.db-wal").stderr
    journal.close()
    assert read("journal.db").stdout == "3\n"
