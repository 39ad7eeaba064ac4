"""The single writer: takes everything that waits, commits it as one, tells who waits."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from agent.journal.body import written
from agent.journal.canonical import encode
from agent.journal.errors import (
    JournalDied,
    JournalError,
    JournalMisused,
    StorageFailed,
    StorageFull,
)
from agent.journal.filing import Columns
from agent.journal.note import Signer
from agent.journal.ranges import Ranges
from agent.journal.record import PRUNED, ROTATED, Batch, Commit, Entry, Recorded, Sealed
from agent.journal.storage import Storage

GROUP_ROWS = 1000  # a transaction's size; after an outage, several small ones heal sooner
ACKNOWLEDGE_S = 1.0  # what was delivered is saved by then, alone if need be ...
ALONG_S = 0.5  # ... and with events from then on only: they are quicker by a page without it
PAUSE_S = (0.05, 2.0)  # first and longest pause between attempts
CLOSE_S = 5.0  # how long closing goes on trying
SEAL_EVENTS, SEAL_S = 100, 60.0  # a checkpoint at least so often
TIDY_PAGES = (1000, 4000)  # when nothing waits, and at the latest


class _Waiting(NamedTuple):
    commit: Commit
    columns: tuple[Columns, ...]  # of each of its rows
    state: Mapping[str, bytes | None]
    prune: Ranges
    thin: tuple[int, ...]
    rotate: Signer | None


class Writer:
    """Owns the storage and its thread.

    Nothing that was submitted is dropped: a failed transaction is tried again, in order,
    after a growing pause, until it succeeds.

    Args:
        storage: given up to the writer.
        acknowledged: what was delivered, as saved.
        committed: called on the writer's thread for every batch, in their order.
        failed: called on the writer's thread when commits begin to fail, and again when the
            reason changes; the next `committed` says that it is over. After a `JournalDied`
            there is none.
        sealed: called on the writer's thread for every checkpoint.
    """

    def __init__(
        self,
        storage: Storage,
        acknowledged: Mapping[tuple[str, str], Ranges],
        committed: Callable[[Commit], None],
        failed: Callable[[JournalError], None],
        sealed: Callable[[Sealed], None],
    ) -> None:
        self._storage = storage
        self._committed = committed
        self._failed = failed
        self._sealed = sealed
        self._lock = threading.Lock()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()  # rung when the thread may wait
        self._queue: deque[_Waiting] = deque()
        self._next = storage.head + 1
        self._acknowledged = dict(acknowledged)
        self._unsaved: dict[tuple[str, str], float] = {}  # since when, monotonic
        self._unsealed_since: float | None = -SEAL_S if storage.unsealed else None
        self._closing = threading.Event()
        self._closing_by = math.inf
        self._trouble: StorageFailed | None = None
        self._died: JournalDied | None = None
        self._pause_s = 0.0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch, tag: int) -> None:
        """Queue a batch; see `Journal.submit`."""
        state = {key: _state(key, value) for key, value in batch.state.items()}
        if batch.prune.spans:
            _see_that_it_is_said(batch)
        if batch.rotate and ROTATED not in [entry.event.kind for entry in batch.entries]:
            raise JournalMisused(f"a batch that changes the key needs one {ROTATED}")
        with self._lock:
            if self._died:
                raise JournalDied(str(self._died)) from self._died
            if self._closing.is_set():
                raise JournalMisused("the journal is closed; nothing can be recorded any more")
            if batch.prune.spans and batch.prune.spans[-1][1] >= self._next:
                raise JournalMisused("only what is recorded already can be pruned")
            rows, columns = _rows(self._next, batch.entries)
            self._next += len(rows)
            commit = Commit(tag, rows)
            self._queue.append(
                _Waiting(commit, columns, state, batch.prune, batch.thin, batch.rotate)
            )
        self._bell.put(None)

    def acknowledge(self, path: str, lane: str, ranges: Ranges) -> None:
        """Add to what was delivered; see `Journal.acknowledge`."""
        with self._lock:
            self._acknowledged[path, lane] = self.acknowledged(path, lane) | ranges
            self._unsaved.setdefault((path, lane), time.monotonic())
        self._bell.put(None)

    def acknowledged(self, path: str, lane: str) -> Ranges:
        """Return what was delivered."""
        return self._acknowledged.get((path, lane), Ranges())

    @property
    def head(self) -> int:
        """Return the last committed number."""
        return self._storage.head

    @property
    def signer(self) -> Signer | None:
        """Return the key that signs now."""
        return self._storage.signer

    def stop(self) -> None:
        """Take no more, and commit what waits, for as long as `CLOSE_S`."""
        with self._lock:
            self._closing_by = min(self._closing_by, time.monotonic() + CLOSE_S)
            self._closing.set()
        self._bell.put(None)
        self._thread.join(CLOSE_S + 1.0)

    def close(self) -> None:
        """Close the storage, once stopped.

        Raises:
            JournalError: it could not all be recorded.
        """
        if self._thread.is_alive():
            raise StorageFailed(
                f"the disk does not answer: {len(self._queue)} batches may not be recorded"
            )
        self._storage.close()
        if self._queue:
            raise StorageFailed(
                f"{len(self._queue)} batches could not be recorded: {self._died or self._trouble}"
            )

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be told
            died = JournalDied(
                f"the journal's writer ended by a fault of its own ({error!r}); nothing is "
                "recorded until the daemon is started again"
            )
            died.__cause__ = error
            with self._lock:
                self._died = died
            self._failed(died)

    def _work(self) -> None:
        while self._wait():
            try:
                self._commit()
                self._storage.tidy(TIDY_PAGES[bool(self._queue)])
            except StorageFailed as error:
                if not (isinstance(error, StorageFull) and self._make_room()):
                    self._report(error)

    def _make_room(self) -> bool:
        """Spend the reserve on an alarm, if one waits; say whether that was done."""
        with self._lock:
            alarm = any(row.severity == "alarm" for wait in self._queue for row in wait.commit.rows)
        return alarm and self._storage.spend_reserve()

    def _wait(self) -> bool:
        """Wait until there is something to commit; False when it is time to end."""
        if self._trouble and not self._pause():
            return False
        while not self._queue:
            left_s = self._left_s()
            if self._closing.is_set():
                return left_s is not None
            if left_s is not None and left_s <= 0:
                return True
            with contextlib.suppress(queue.Empty):
                self._bell.get(timeout=left_s)
        return True

    def _pause(self) -> bool:
        """Let some time pass before the next attempt; False when there shall be none."""
        if self._closing.wait(self._pause_s):
            time.sleep(PAUSE_S[0])
        return time.monotonic() < self._closing_by

    def _left_s(self) -> float | None:
        """Return after what time there is something to commit though nothing was submitted."""
        due: list[float] = []
        if self._unsaved:
            with self._lock:
                due = [since + ACKNOWLEDGE_S for since in self._unsaved.values()]
        if self._unsealed_since is not None:
            due.append(self._unsealed_since + SEAL_S)
        return min(due) - time.monotonic() if due else None

    def _commit(self) -> None:
        """Commit the head of the queue as one transaction, and tell."""
        with self._lock:
            group = self._group()
            acknowledged = {key: self._acknowledged[key] for key in self._to_save(group)}
        state: dict[str, bytes | None] = {}
        for waiting in group:
            state.update(waiting.state)
        rows = [row for waiting in group for row in waiting.commit.rows]
        sealed = self._storage.commit(
            rows,
            [said for waiting in group for said in waiting.columns],
            state,
            {key: encode([list(s) for s in ranges.spans]) for key, ranges in acknowledged.items()},
            [span for waiting in group for span in waiting.prune.spans],
            [size for waiting in group for size in waiting.thin],
            self._seal_is_due(len(rows)),
            next((waiting.rotate for waiting in reversed(group) if waiting.rotate), None),
        )
        self._trouble, self._pause_s = None, 0.0
        with self._lock:
            for _ in group:
                self._queue.popleft()
            for key, ranges in acknowledged.items():
                if self._acknowledged[key] is ranges:
                    del self._unsaved[key]
        self._note_unsealed()
        for waiting in group:
            self._committed(waiting.commit)
        if sealed:
            self._sealed(sealed)

    def _to_save(self, group: Sequence[_Waiting]) -> list[tuple[str, str]]:
        """Return of which paths and lanes is saved what was delivered."""
        if self._closing.is_set() or not any(waiting.commit.rows for waiting in group):
            return list(self._unsaved)
        before_s = time.monotonic() - ALONG_S
        return [key for key, since_s in self._unsaved.items() if since_s <= before_s]

    def _seal_is_due(self, new: int) -> bool:
        unsealed, since = self._storage.unsealed + new, self._unsealed_since
        waited = since is not None and time.monotonic() >= since + SEAL_S
        return unsealed >= SEAL_EVENTS or waited or self._closing.is_set()

    def _note_unsealed(self) -> None:
        if not self._storage.unsealed:
            self._unsealed_since = None
        elif self._unsealed_since is None:
            self._unsealed_since = time.monotonic()

    def _group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        rows = 0
        for waiting in self._queue:
            rows += len(waiting.commit.rows)
            if group and rows > GROUP_ROWS:
                break
            group.append(waiting)
        return group

    def _report(self, error: StorageFailed) -> None:
        first, longest = PAUSE_S
        self._pause_s = min(longest, 2 * self._pause_s) or first
        before, self._trouble = self._trouble, error
        if str(before) != str(error):
            self._failed(error)


def _see_that_it_is_said(batch: Batch) -> None:
    """Refuse to prune what no event of the same batch says is pruned."""
    said = [entry.event.data.get("ranges") for entry in batch.entries if entry.event.kind == PRUNED]
    if said != [[list(span) for span in batch.prune.spans]]:
        raise JournalMisused(f"a batch that prunes needs one {PRUNED} that names the same ranges")


def _state(key: str, value: object) -> bytes | None:
    if not (isinstance(key, str) and key.isascii()):
        raise JournalMisused(f"state: the key {key!r} is not ASCII text")
    return None if value is None else encode(value)


def _rows(first: int, entries: Sequence[Entry]) -> tuple[tuple[Recorded, ...], tuple[Columns, ...]]:
    """Write events down under their numbers, from `first` on."""
    rows, columns = [], []
    for seq, entry in enumerate(entries, first):
        body, said = written(entry, seq)
        rows.append(Recorded(seq, entry.event.kind, str(entry.event.severity), body))
        columns.append(said)
    return tuple(rows), tuple(columns)
