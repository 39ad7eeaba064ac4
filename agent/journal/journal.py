"""The journal: what was decided is on the disk before anything is done about it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.journal import damage, keys, last, layout, rotation
from agent.journal.errors import (
    JournalDamaged,
    JournalError,
    JournalRolledBack,
    JournalUnusable,
    StorageCorrupt,
    storage_failure,
)
from agent.journal.intact import Intact
from agent.journal.last import contradiction
from agent.journal.leaves import Leaves, leaves
from agent.journal.lock import FolderLock
from agent.journal.note import Signer
from agent.journal.opening import Opened, open_record
from agent.journal.proving import submission
from agent.journal.ranges import Ranges
from agent.journal.reading import Reader
from agent.journal.record import Batch, Commit, Lane, Recorded, Sealed
from agent.journal.rotation import chain_of
from agent.journal.writer import Writer
from agent.site.moment import Moment


class Journal:
    """The record of one data folder, open for writing. Made by `open`.

    Attributes:
        saved: the site's state, as JSON, as it was at the last commit before this opening.
    """

    def __init__(
        self,
        lock: FolderLock,
        opened: Opened,
        committed: Callable[[Commit], None],
        failed: Callable[[JournalError], None],
        sealed: Callable[[Sealed], None],
    ) -> None:
        self.saved: Mapping[str, bytes] = opened.saved
        self._folder = lock.folder
        self._path = str(lock.folder / layout.DATABASE)
        self._failed = failed
        self._lock = lock
        self._reader = opened.reader
        self._log = opened.log
        self._signs = opened.signer is not None
        self._is_damaged = False
        self._writer = Writer(
            opened.storage, opened.acknowledged, committed, self._writer_failed, sealed
        )

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        committed: Callable[[Commit], None],
        failed: Callable[[JournalError], None],
        sealed: Callable[[Sealed], None] | None = None,
        origin: str | None = None,
        progress: Callable[[], None] = lambda: None,
    ) -> Journal:
        """Open the journal in `folder`; make both if they are not there yet.

        Args:
            folder: the data folder; made with mode 0700.
            committed: called on the writer's thread for each batch that is on the disk, in
                the order in which they were submitted. It must not raise.
            failed: called on the writer's thread when commits begin to fail, and again when
                the reason changes; the next `committed` says that it is over. It must not
                raise. A record whose key is lost is opened all the same, and said here, as is
                one that was begun anew because the old one is damaged, lost, older, or a backup
                was restored (`JournalSucceeded`), until an event says so (`REPLACED`), and one with
                events that its key has not recorded (`JournalDoubtful`, `DOUBTFUL`); all before
                this returns. Once, on any thread, it is told of damage that is met later: see
                `damaged`. `JournalDied` is the last word: the writer ended by a fault of our own.
            sealed: called on the writer's thread for each checkpoint, made at least every 60 s
                or 100 events and at closing, after the batches that it covers.
            origin: what checkpoints are signed as ("armoury/quito-07"); its key is made with
                the folder. None: there are no checkpoints.
            progress: called now and then, before this returns, while a record of an older
                version is taken over: millions of events take minutes.

        Raises:
            JournalLocked: another process has it open; the text has its pid.
            JournalTooNew: a newer version of the software wrote it.
            JournalUnusable: the folder cannot be written, or holds something else, or a key
                of another origin.
            StorageCorrupt: it is damaged, and was never signed: nothing says what it was.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FolderLock(folder)
        except OSError as error:
            raise _unusable(folder, error) from error
        try:
            opened = open_record(folder, origin, failed, progress)
        except (OSError, sqlite3.Error) as error:
            lock.release()
            raise _unusable(folder, error) from error
        except JournalError:
            lock.release()
            raise
        return cls(lock, opened, committed, failed, sealed or _unheard)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def head(self) -> int:
        """Return the last committed number; 0 when there is none."""
        return self._writer.head

    @property
    def signer(self) -> Signer | None:
        """Return the key that signs now, under the log's own name; None without one."""
        return self._writer.signer

    @property
    def vkey(self) -> str | None:
        """Return the public key that new checkpoints verify with; None without a key."""
        signer = self.signer
        return str(signer.verifier) if signer else None

    def key_change(self, now: Moment) -> Batch | None:
        """Return what makes the key that waits in the folder take over; None: there is none.

        Raises:
            JournalUnusable: what waits there is no key of this site.
        """
        signs = self._writer.signer
        new = keys.waiting(self._folder, signs) if signs else None
        if signs is None or new is None:
            return None
        if new.verifier in keys.public(self._folder):
            raise JournalUnusable(
                f"the key {new.verifier} has signed before, and cannot again; make a new one: "
                "armoury journal rotate-key"
            )
        return rotation.batch(signs.named(new.verifier.name), new, now)

    def last(self) -> Recorded | None:
        """Return the newest committed row."""
        with self._reading() as reader:
            return reader.last()

    def submit(self, batch: Batch, tag: int) -> None:
        """Queue a batch for the record; returns at once. Any thread.

        Args:
            batch: committed whole or not at all, in the order of the calls.
            tag: comes back with the batch's `Commit`.

        Raises:
            JournalMisused: it holds what cannot be recorded; nothing of it was taken.
            JournalDied: the writer ended by a fault of our own; nothing is taken any more.
        """
        self._writer.submit(batch, tag)

    def read(
        self, after: int, limit: int, *, lane: Lane | None = None, upto: int | None = None
    ) -> list[Recorded]:
        """Return the next rows; see `Reader.read`."""
        with self._reading() as reader:
            return reader.read(after, limit, lane=lane, upto=upto)

    def query(self, **wanted: Any) -> Iterator[Recorded]:
        """Yield the rows that fit; see `Reader.query`."""
        with self._reading() as reader:
            yield from reader.query(**wanted)

    def intact(self) -> Intact:
        """Return what finds rows though some are damaged, and says which."""
        return Intact(self._reader)

    def acknowledge(self, path: str, lane: str, ranges: Iterable[Iterable[int]] | Ranges) -> None:
        """Note what was delivered; returns at once. Any thread.

        It is saved with the next commit, or after a second: a crash before that means a
        repeat, never a loss. Within a lane's ranges, numbers of the other lane mean nothing.

        Args:
            path: over which way.
            lane: in which lane.
            ranges: pairs of first and last number, both included.
        """
        new = ranges if isinstance(ranges, Ranges) else Ranges.of(ranges)
        self._writer.acknowledge(path, lane, new)

    def acknowledged(self, path: str, lane: str) -> Ranges:
        """Return what was delivered over a path in a lane."""
        return self._writer.acknowledged(path, lane)

    def submission(self, old: int) -> str | None:
        """Return the newest checkpoint for a witness that has one over `old`; see `proving`."""
        with self._reading() as reader:
            return submission(reader, old)

    def leaves(self, first: int, last: int) -> Leaves:
        """Return what shows that these events are the tree's leaves; see `leaves`."""
        with self._reading() as reader:
            return leaves(reader, first, last)

    def rotations(self) -> list[tuple[int, str]]:
        """Return from which event on, and by what statement, another key has signed."""
        with self._reader.tree() as tree:
            rows = tree.rotations()
        return [(seq, str(json.loads(body)["data"]["statement"])) for seq, body in rows]

    @property
    def log(self) -> str:
        """Return what tells this record from any other: random, in hexadecimal."""
        return self._log

    def statement(self) -> str | None:
        """Return what ties this record to the one that it succeeds; None: to none."""
        found = self._reader.ask("SELECT value FROM meta WHERE key = 'statement'")
        return str(found[0][0]) if found else None

    def witnessed(self, note: str) -> None:
        """Hold the record against a checkpoint that came back from a monitor; blocks.

        Where the record does not continue it, `failed` is told (`JournalRolledBack`): at the next
        opening another record is begun, above every number that was given. What we have not
        signed says nothing, and an older one is no news.
        """
        if (signer := self._writer.signer) is None:
            return
        try:
            with self._reader.tree() as tree:
                chain = chain_of(tree.rotations(), keys.known(self._folder, signer))
                found = contradiction(note, chain, tree, signer.verifier.name)
        except (JournalError, sqlite3.Error):
            return  # not signed by us; or the disk refuses, which the next commit tells
        if found is not None:
            last.remember(self._folder, note, last.SEEN)
            self._failed(JournalRolledBack(found))

    def damaged(self, error: StorageCorrupt) -> None:
        """Hear that what is read of the record is not what was written; blocks.

        `failed` is told, once (`JournalDamaged`), and at the next opening another record is
        begun. Without a key none can be: that is told then (`KeyMissing`), and this one serves
        on as far as it goes. What lies in the place of our file says nothing of it.
        """
        if self._is_damaged or layout.file_id(self._path) != self._writer.file:
            return
        self._is_damaged = True
        if self._signs:
            damage.note(self._folder, self._log, str(error))
            self._failed(JournalDamaged(str(error)))
        else:
            self._failed(
                keys.KeyMissing(
                    f"{error}; another record can only be begun with its key: put {keys.PRIVATE} "
                    "back, and start the daemon again"
                )
            )

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Reader]:
        """Give the read side; what it shows of damage is told."""
        try:
            yield self._reader
        except StorageCorrupt as error:
            self.damaged(error)
            raise

    def _writer_failed(self, error: JournalError) -> None:
        self._failed(error)
        if isinstance(error, StorageCorrupt):
            self.damaged(error)

    def close(self) -> None:
        """Commit what waits, and close. Calling it again does nothing.

        Raises:
            JournalError: the disk refused until the end; the text says how much is lost.
        """
        self._writer.stop()
        self._reader.close()  # before the storage: the last to close tidies the files away
        try:
            self._writer.close()
        finally:
            self._lock.release()


def _unheard(_: Sealed) -> None:
    """Stand in where nobody asks for checkpoints: they are in the journal all the same."""


def _unusable(folder: Path, error: Exception) -> JournalUnusable:
    """Say why no journal can be opened: the place is wrong, or the disk refuses."""
    if isinstance(error, sqlite3.Error):
        return JournalUnusable(f"no journal can be opened: {storage_failure(error, folder)}")
    reason = error.strerror if isinstance(error, OSError) else error
    return JournalUnusable(
        f"no journal can be kept in {folder}: {reason}; free some space, make the folder "
        "writable for the daemon's user, or name another one"
    )
