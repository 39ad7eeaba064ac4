"""The journal beside the smallest Python that commits as safely, in one run.

    python -m benchmarks.journal [FOLDER [EVENTS]]

The floor is one thread that takes what waits, and inserts it with `synchronous=FULL` into one
table of number and body, pages of SQLite's default size (4 KiB). Both serialise the same event
of about 400 bytes inside the timing and answer on a callback. Ours validates, salts and hashes
it besides, grows the tree, signs checkpoints and keeps indices. Rounds alternate between the
two, and each ratio is the median of the rounds' ratios. FOLDER (default /var/tmp) must lie on a
disk: on a tmpfs neither fsync nor bytes written mean anything. A record of EVENTS (default
200,000; the bar is for 5,000,000) is then opened, asked and verified. The floor of verifying is the
same hashes and signatures in the tightest loops, of a table of number, salt and body: what a core
does at most, whoever writes the program. As in the daemon, what stands at the start is left out of
Python's garbage collection.
"""

from __future__ import annotations

import base64
import gc
import json
import multiprocessing
import queue
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.journal import keys
from agent.journal.journal import Journal
from agent.journal.note import Verifier
from agent.journal.reading import Reader
from agent.journal.record import Batch, Commit, Entry
from agent.journal.verification import verify
from agent.site.moment import Moment
from agent.site.step import Event, Severity
from benchmarks.measure import head, percentile, row

BOOT = "00000000-0000-0000-0000-000000000000"
ROUNDS = 9
EVERY_US = 10_000_000  # between two events of the large record
PAD = "x" * 90


def fields(number: int) -> dict[str, Any]:
    """Return an event's data; with it the event is 347 bytes long."""
    return {"n": number, "point": "board.store-contact", "before": "normal", "pad": PAD}


class Ours:
    """The journal itself."""

    def __init__(self, folder: Path, severity: Severity = Severity.INFO) -> None:
        self._told = threading.Semaphore(0)
        self._severity = severity
        self._journal = Journal.open(
            folder, committed=self._committed, failed=print, origin="armoury/benchmark"
        )

    def _committed(self, _: Commit) -> None:
        self._told.release()

    def record(self, first: int, count: int) -> None:
        """Record so many events as one group and wait for the disk."""
        now = time.time_ns() // 1000, time.monotonic_ns() // 1000
        moment = Moment(*now, BOOT, True)
        kind, device = "point.changed", "board"
        events = (
            Event(kind, "store", self._severity, moment, device, fields(number))
            for number in range(first, first + count)
        )
        self._journal.submit(Batch(tuple(Entry(event) for event in events)), first)
        self._told.acquire()

    def close(self) -> None:
        self._journal.close()


class Floor:
    """A queue, a thread, a table."""

    def __init__(self, folder: Path) -> None:
        self._told = threading.Semaphore(0)
        self._queue: queue.SimpleQueue[list[tuple[int, bytes]] | None] = queue.SimpleQueue()
        self._path = folder / "floor.db"
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE event(seq INTEGER PRIMARY KEY, body BLOB)")
        while (rows := self._queue.get()) is not None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO event VALUES (?, ?)", rows)
            connection.execute("COMMIT")
            self._told.release()
        connection.close()

    def record(self, first: int, count: int) -> None:
        """Record so many events as one group and wait for the disk."""
        at, mono = time.time_ns() // 1000, time.monotonic_ns() // 1000
        rows = []
        for number in range(first, first + count):
            event = {
                "at": at,
                "boot": BOOT,
                "data": fields(number),
                "device": "board",
                "kind": "point.changed",
                "mono": mono,
                "object": "store",
                "seq": number,
                "severity": "info",
                "trusted": True,
            }
            body = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            rows.append((number, body.encode()))
        self._queue.put(rows)
        self._told.acquire()

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()


def latencies_ms(subject: Ours | Floor, first: int, count: int, group: int) -> list[float]:
    """Record `count` events from `first` on, in groups; return each group's time."""
    samples = []
    for number in range(first, first + count, group):
        began = time.perf_counter()
        subject.record(number, group)
        samples.append((time.perf_counter() - began) * 1000)
    return samples


def side_by_side(folder: Path, group: int, count: int) -> tuple[list[float], list[float], float]:
    """Return both's samples in ms, and the median of the rounds' ratios of medians."""
    (folder / "ours").mkdir()
    ours, floor = Ours(folder / "ours"), Floor(folder)
    all_ours: list[float] = []
    all_floor: list[float] = []
    ratios = []
    for turn in range(ROUNDS):
        mine = latencies_ms(ours, turn * count + 1, count, group)
        theirs = latencies_ms(floor, turn * count + 1, count, group)
        ratios.append(statistics.median(mine) / statistics.median(theirs))
        all_ours += mine
        all_floor += theirs
    ours.close()
    floor.close()
    return all_ours, all_floor, statistics.median(ratios)


def written(
    make: Callable[[Path], Ours | Floor], count: int, group: int, where: str, pause_s: float = 0.0
) -> float:
    """Return the bytes that a process of its own wrote to the disk for each event."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def work() -> None:
        with tempfile.TemporaryDirectory(dir=where) as folder:
            subject = make(Path(folder))
            subject.record(1, group)
            before = written_by_us()
            for number in range(group + 1, group + count + 1, group):
                subject.record(number, group)
                time.sleep(pause_s)
            subject.close()
            sender.send((written_by_us() - before) / count)

    process = context.Process(target=work)
    process.start()
    found = float(receiver.recv())
    process.join()
    return found


def written_by_us() -> int:
    """Return the bytes that this process has caused to be written to a disk."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def large(folder: Path, events: int) -> None:
    """Make a large record, and print how long it takes to open, to ask and to verify."""
    kinds = {"point.changed": 14, "access.granted": 4, "device.lost": 1, "door.forced": 1}
    severities = (Severity.INFO, Severity.ACCESS, Severity.FAULT, Severity.ALARM)
    mixed = [
        (kind, severity)
        for (kind, count), severity in zip(kinds.items(), severities, strict=True)
        for _ in range(count)
    ]
    room = threading.Semaphore(8)
    start_us = time.time_ns() // 1000 - events * EVERY_US
    with Journal.open(
        folder, committed=lambda _: room.release(), failed=print, origin="armoury/benchmark"
    ) as journal:
        for first in range(0, events, 100):
            made = []
            for number in range(first, first + 100):
                moment = Moment(start_us + number * EVERY_US, number, BOOT, True)
                kind, severity = mixed[number % len(mixed)]
                made.append(Entry(Event(kind, "store", severity, moment, "board", fields(number))))
            room.acquire()
            journal.submit(Batch(tuple(made)), first)
    began = time.perf_counter()
    with Journal.open(folder, committed=print, failed=print, origin="armoury/benchmark") as journal:
        row("opened in", time.perf_counter() - began, None, "s", "<= 0.3")
        since_us = start_us + events * EVERY_US - 30 * 86_400_000_000
        began = time.perf_counter()
        found = sum(1 for _ in journal.query(kind="door.forced", since_us=since_us))
        took = time.perf_counter() - began
        row(f"door.forced of 30 days ({found} events)", took, None, "s", "<= 0.2")
    verifying(folder)


def verifying(folder: Path) -> None:
    """Print how many events a core verifies in a second, beside the least that could prove it."""
    with Reader(folder) as reader, closing(sqlite3.connect(folder / "floor.db")) as floor:
        floor.execute("CREATE TABLE event(seq INTEGER PRIMARY KEY, salt BLOB, body BLOB)")
        sql = "SELECT seq, substr(proof, 1, 16), CAST(body AS BLOB) FROM event"
        floor.executemany("INSERT INTO event VALUES (?, ?, ?)", reader.ask(sql))
        floor.commit()
        with reader.tree() as tree:
            notes = [note for _, note in tree.checkpoints()]
        trusted = keys.public(folder)
        ours, least = [], []
        for _ in range(3):
            began = time.process_time()
            verdict = verify(folder, trusted)
            ours.append(time.process_time() - began)
            assert not verdict.findings
            began = time.process_time()
            root = least_proof(floor, notes, trusted[0])
            least.append(time.process_time() - began)
            with reader.tree() as tree:
                assert root == tree.growth().root()
    what = f"verified, with {verdict.checkpoints} signatures"
    rates = verdict.events / min(ours), verdict.events / min(least)
    row(what, *rates, "ev/s", ">= 200000 a core")


def least_proof(floor: sqlite3.Connection, notes: list[str], key: Verifier) -> bytes:
    """Read every row, hash its leaf, grow the tree, check each signature; return the root."""
    rows = floor.execute("SELECT salt, body FROM event ORDER BY seq")
    nodes: list[bytes] = []
    while some := rows.fetchmany(256):
        nodes += [sha256(b"\x00" + salt + body).digest() for salt, body in some]
    while len(nodes) > 1:
        odd = nodes[len(nodes) & ~1 :]
        pairs = zip(nodes[::2], nodes[1::2], strict=False)
        nodes = [sha256(b"\x01" + one + other).digest() for one, other in pairs] + odd
    public = Ed25519PublicKey.from_public_bytes(key.key)
    for note in notes:
        text, _, line = note.rpartition("\n\n")
        public.verify(base64.b64decode(line.split(" ")[2])[4:], text.encode() + b"\n")
    return nodes[0]


def main() -> None:
    """Print the table."""
    where = sys.argv[1] if len(sys.argv) > 1 else "/var/tmp"  # noqa: S108 - on a disk, by FHS
    gc.freeze()
    head(f"journal, on {where}, {ROUNDS} alternating rounds")
    for group, count, name, bar in (
        (1, 300, "latency of one", 1.25),
        (100, 10_000, "of 100", 1.43),
    ):
        with tempfile.TemporaryDirectory(dir=where) as folder:
            ours, floor, ratio = side_by_side(Path(folder), group, count)
        medians = statistics.median(ours), statistics.median(floor)
        row(f"{name}, p50 (median ratio {ratio:.2f})", *medians, "ms", f"<= {bar}")
        row(f"{name}, p99", percentile(ours, 0.99), percentile(floor, 0.99), "ms", "")
        if group > 1:
            rates = group / medians[0] * 1000, group / medians[1] * 1000
            row(f"rate in groups of {group}", *rates, "ev/s", ">= 0.70")
    for group, count in ((1, 2000), (100, 20_000)):
        mine, theirs = written(Ours, count, group, where), written(Floor, count, group, where)
        row(f"bytes written for an event, by {group}", mine, theirs, "B", "<= 1.00")
    mine, theirs = (written(make, 1500, 1, where, 0.01) for make in (Ours, Floor))
    row("bytes written for an event, at 100 a second", mine, theirs, "B", "<= 1.00")
    alarm = written(lambda folder: Ours(folder, Severity.ALARM), 2000, 1, where)
    row("bytes written for an indexed event, by 1", alarm, written(Floor, 2000, 1, where), "B", "")
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    head(f"a record of {events} events")
    with tempfile.TemporaryDirectory(dir=where) as folder:
        large(Path(folder), events)


if __name__ == "__main__":
    main()
