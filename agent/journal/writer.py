"""The single writer: takes everything that waits, commits it as one, tells who waits."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

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
from agent.journal.ranges import Ranges, Span
from agent.journal.record import PRUNED, ROTATED, Batch, Commit, Entry, Recorded, Sealed
from agent.journal.storage import Storage

GROUP_ROWS = 1000  # a transaction's size; after an outage, several small ones heal sooner
ACKNOWLEDGE_S = 1.0  # what was delivered is saved by then, alone if need be ...
ALONG_S = 0.5  # ... and with events from then on only: they are quicker by a page without it
PAUSE_S = (0.05, 2.0)  # first and longest pause between attempts
CLOSE_S = 5.0  # how long closing goes on trying
SEAL_EVENTS, SEAL_S = 100, 60.0  # a checkpoint at least so often
TIDY_PAGES = (1000, 4000)  # when nothing waits, and at the latest
REST_S = 0.01  # what is no commit's own waits so long after one: its events are being sent
RESTLESS_S = 1.0  # ... or so long, while there is always another commit
LOOK_S = 5.0  # a file that is taken away while nothing happens is missed within so long


class _Waiting(Struct, frozen=True):
    commit: Commit
    columns: tuple[Columns, ...] = ()  # of each of its rows
    state: Mapping[str, bytes | None] = {}
    prune: Sequence[Span] = ()
    thin: tuple[int, ...] = ()
    rotate: Signer | None = None


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
        self._restless = False  # there was a commit since the last rest ...
        self._rested_s = time.monotonic()  # ... which was then
        self._trouble: StorageFailed | None = None
        self._died: JournalDied | None = None
        self._pause_s = 0.0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch, tag: int) -> None:
        """Queue a batch; see `Journal.submit`."""
        if not "".join(batch.state).isascii():
            raise JournalMisused(f"a key of the state {list(batch.state)} is not ASCII text")
        if batch.prune.spans:
            _see_that_it_is_said(batch)
        if batch.rotate and ROTATED not in [entry.event.kind for entry in batch.entries]:
            raise JournalMisused(f"a batch that changes the key needs one {ROTATED}")
        with self._lock:
            if self._died:
                raise JournalDied(str(self._died)) from self._died
            if self._closing_by < math.inf:
                raise JournalMisused("the journal is closed; nothing can be recorded any more")
            if batch.prune.spans and batch.prune.spans[-1][1] >= self._next:
                raise JournalMisused("only what is recorded already can be pruned")
            rows, columns = _rows(self._next, batch.entries)
            self._next += len(rows)
            commit = Commit(tag, rows)
            self._queue.append(
                _Waiting(commit, columns, batch.state, batch.prune.spans, batch.thin, batch.rotate)
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
    def file(self) -> tuple[int, int] | None:
        """Return what tells the record's file from any other."""
        return self._storage.file

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
            raise StorageFailed("the disk does not answer: what came last may not be recorded")
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
        while do := self._next_to_do():
            try:
                do()
            except StorageFailed as error:
                if not (isinstance(error, StorageFull) and self._make_room()):
                    self._report(error)

    def _make_room(self) -> bool:
        """Spend the reserve on an alarm, if one waits; say whether that was done."""
        with self._lock:
            alarm = any(row.severity == "alarm" for wait in self._queue for row in wait.commit.rows)
        return alarm and self._storage.spend_reserve()

    def _next_to_do(self) -> Callable[[], None] | None:
        """Wait until there is something to do, and return it; None when it is time to end."""
        if self._trouble and not self._pause():
            return None
        if self._restless:
            if not self._queue:  # what was committed is being sent: no work beside that
                self._rings(REST_S)
            if not self._queue or self._is_overdue():
                return self._rest
        while not self._queue:
            left_s = self._left_s()
            if self._closing.is_set():
                return None if left_s is None else self._commit
            if left_s is not None and left_s <= 0:
                break
            if not self._rings(LOOK_S if left_s is None else min(LOOK_S, left_s)):
                return self._storage.look
        return self._commit

    def _rings(self, within_s: float) -> bool:
        """Wait until somebody rings, at the longest so long; say whether somebody did."""
        try:
            self._bell.get(timeout=within_s)
        except queue.Empty:
            return False
        return True

    def _is_overdue(self) -> bool:
        """Say whether there were too many commits, or for too long, without a rest."""
        late = time.monotonic() >= self._rested_s + RESTLESS_S
        return late or self._storage.pages >= TIDY_PAGES[1]

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
            whole = group[0] if len(group) == 1 else _together(group)
            acknowledged = self._to_save(whole) if self._unsaved else {}
        sealed = self._storage.commit(
            whole.commit.rows,
            whole.columns,
            whole.state,
            {key: encode([list(s) for s in ranges.spans]) for key, ranges in acknowledged.items()},
            whole.prune,
            whole.thin,
            bool(whole.prune) or self._seal_is_due(len(whole.columns)),
            whole.rotate,
        )
        self._trouble, self._pause_s = None, 0.0
        with self._lock:
            for _ in group:
                self._queue.popleft()
            for key, ranges in acknowledged.items():
                if self._acknowledged[key] is ranges:
                    del self._unsaved[key]
        self._restless = True
        for waiting in group:
            self._committed(waiting.commit)
        if sealed:
            self._sealed(sealed)

    def _rest(self) -> None:
        """Do what no commit, and nothing that was committed, shall wait for."""
        self._restless = False
        self._rested_s = time.monotonic()
        self._note_unsealed()
        self._storage.tidy(TIDY_PAGES[bool(self._queue)])
        if not self._queue:
            self._storage.make_ready(TIDY_PAGES[0])

    def _to_save(self, whole: _Waiting) -> dict[tuple[str, str], Ranges]:
        """Return what of the deliveries is saved now."""
        alone = not whole.columns or self._closing_by < math.inf
        before_s = math.inf if alone else time.monotonic() - ALONG_S
        saved, known = self._unsaved.items(), self._acknowledged
        return {key: known[key] for key, since_s in saved if since_s <= before_s}

    def _seal_is_due(self, new: int) -> bool:
        if self._storage.unsealed + new >= SEAL_EVENTS or self._closing_by < math.inf:
            return True
        since_s = self._unsealed_since
        return since_s is not None and time.monotonic() >= since_s + SEAL_S

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


def _together(group: Sequence[_Waiting]) -> _Waiting:
    """Return several that wait, or none, as one."""
    state: dict[str, bytes | None] = {}
    for waiting in group:
        state |= waiting.state
    rows = tuple(row for waiting in group for row in waiting.commit.rows)
    return _Waiting(
        Commit(0, rows),
        tuple(said for waiting in group for said in waiting.columns),
        state,
        [span for waiting in group for span in waiting.prune],
        tuple(size for waiting in group for size in waiting.thin),
        next((waiting.rotate for waiting in reversed(group) if waiting.rotate), None),
    )


def _see_that_it_is_said(batch: Batch) -> None:
    """Refuse to prune what no event of the same batch says is pruned."""
    said = [entry.event.data.get("ranges") for entry in batch.entries if entry.event.kind == PRUNED]
    if said != [[list(span) for span in batch.prune.spans]]:
        raise JournalMisused(f"a batch that prunes needs one {PRUNED} that names the same ranges")


def _rows(first: int, entries: Sequence[Entry]) -> tuple[tuple[Recorded, ...], tuple[Columns, ...]]:
    """Write events down under their numbers, from `first` on."""
    rows, columns = [], []
    for seq, entry in enumerate(entries, first):
        body, said = written(entry, seq)
        rows.append(Recorded(seq, entry.event.kind, str(entry.event.severity), body))
        columns.append(said)
    return tuple(rows), tuple(columns)
