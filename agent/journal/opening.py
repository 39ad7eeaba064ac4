"""How a record is opened: created, believed, or succeeded by a new one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from agent.journal import damage, keys, last, layout, reserve, succession
from agent.journal.canonical import encode
from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import (
    JournalError,
    JournalTooNew,
    JournalUnusable,
    StorageCorrupt,
    StorageFailed,
    storage_damaged,
    storage_failure,
)
from agent.journal.note import NoteRefused, Signer, Verifier
from agent.journal.ranges import Ranges
from agent.journal.reading import Reader
from agent.journal.rotation import Chain, chain_of
from agent.journal.storage import Storage
from agent.journal.stored import StoredTree

FULL = 256 << 10  # bytes left on a disk that is as good as full


class WrongOrigin(JournalUnusable):
    """The folder belongs to another site."""


class Opened(Struct, frozen=True):
    """A record, ready to be read and written.

    Attributes:
        reader: its read side.
        storage: its write side.
        log: what tells the record from any other.
        saved: the site's state, as JSON.
        acknowledged: what was delivered, by path and lane.
        signer: signs its checkpoints, under the log's own name; None: nobody does.
    """

    reader: Reader
    storage: Storage
    log: str
    saved: Mapping[str, bytes]
    acknowledged: dict[tuple[str, str], Ranges]
    signer: Signer | None


def open_record(
    folder: Path,
    origin: str | None,
    failed: Callable[[JournalError], None],
    progress: Callable[[], None],
) -> Opened:
    """Open the record in a folder that is locked by us.

    Args:
        folder: the data folder.
        origin: whose record it is; None for one that is not signed.
        failed: told when the key is lost, and when a new record had to be begun, until an event
            of it says so.
        progress: called now and then while an older one is taken over.

    Raises:
        JournalError: it cannot be used, and cannot be succeeded.
        OSError: the disk refused.
        sqlite3.Error: so did it.
    """
    succession.finish(folder)
    signer = _signer(folder, origin, failed)
    for again in (False, True):  # a disk that fails to read once costs no record
        try:
            return _believed(folder, signer, failed, progress)
        except (StorageFailed, JournalUnusable, sqlite3.Error) as error:
            reason = _damage(folder, error)
            kept = any((folder / name).exists() for name in (last.NAME, last.SEEN))
            was_signed = kept or _is_gone(folder, signer)
            if reason is None or signer is None or not was_signed:
                raise
            if again:
                succession.succeed(folder, signer, reason)
    return _believed(folder, signer, failed, progress)


def _believed(
    folder: Path,
    signer: Signer | None,
    failed: Callable[[JournalError], None],
    progress: Callable[[], None],
) -> Opened:
    """Open the record, and see that it is what it was."""
    if _is_gone(folder, signer):
        raise StorageCorrupt(f"the record in {folder} is gone")
    _prepare(folder, progress)
    reader = Reader(folder)
    storage: Storage | None = None
    try:
        log = _log(reader)
        if signer and (found := damage.noted(folder, log)):
            raise StorageCorrupt(found)
        with reader.tree() as tree:
            if signer:
                chain = _chain(tree, keys.known(folder, signer))
                _see_that_it_is_the_same(folder, signer, tree, chain)
                _see_that_its_end_is_signed(folder, tree, chain)
                _see_that_prunings_are_signed(folder, tree)
                signer = _in_office(folder, signer, chain, failed)
            own = signer.named(tree.origin or signer.verifier.name) if signer else None
        storage = Storage(folder, own)
        for untold in (storage.untold, storage.unvouched):
            if untold:
                failed(untold)
        return Opened(reader, storage, log, reader.state(), _delivered(reader, storage), own)
    except (JournalError, sqlite3.Error):
        reader.close()
        if storage:
            storage.close()
        raise


def _is_gone(folder: Path, signer: Signer | None) -> bool:
    """Say whether there was a record, and is none: who takes it may take its checkpoint along.

    What only a record that was opened makes is the reserve; the key may be there before it, for
    a new gateway gets it from its copy, or as a credential.
    """
    left = (last.NAME, reserve.NAME) if signer else (last.NAME,)
    return not (folder / layout.DATABASE).exists() and any((folder / n).exists() for n in left)


def _log(reader: Reader) -> str:
    """Return what tells the record from any other."""
    found = reader.ask("SELECT value FROM meta WHERE key = 'log'")
    if not found:
        raise StorageCorrupt("the journal does not say which one it is")
    return str(found[0][0])


def _delivered(reader: Reader, storage: Storage) -> dict[tuple[str, str], Ranges]:
    """Return what was delivered, and see that no number is among it that was never given."""
    said = reader.acknowledged()
    found = {key: ranges.upto(storage.head) for key, ranges in said.items()}
    wrong = {
        key: encode([list(span) for span in ranges.spans])
        for key, ranges in found.items()
        if ranges != said[key]
    }
    if wrong:
        with contextlib.suppress(StorageFailed):  # which the next commit tells
            storage.commit((), (), {}, wrong, (), (), seal=False)
    return found


def _prepare(folder: Path, progress: Callable[[], None]) -> None:
    """Make the database ready; on a full disk, with the space that is kept for alarms."""
    try:
        layout.prepare(folder, progress=progress)
    except (OSError, sqlite3.Error):
        disk = os.statvfs(folder)
        if disk.f_bavail * disk.f_frsize > FULL or not reserve.spend(folder):
            raise
        layout.prepare(folder, progress=progress)


def _in_office(
    folder: Path, signer: Signer, chain: Chain, failed: Callable[[JournalError], None]
) -> Signer | None:
    """Return the key that the record itself says signs now; put it into its place."""
    if not chain.keys:
        return signer
    found = keys.of(folder, chain.keys[-1])
    if found is None:
        failed(
            keys.KeyMissing(
                f"the key {chain.keys[-1]} that took over last is not in {folder}: nothing is "
                "signed until it is put back"
            )
        )
        return None
    with contextlib.suppress(JournalUnusable):  # it signs from where it is
        keys.take_over(folder, found)
    return found


def _chain(tree: StoredTree, trusted: list[Verifier]) -> Chain:
    try:
        return chain_of(tree.rotations(), trusted)
    except NoteRefused as error:
        raise StorageCorrupt(f"a change of the journal's key does not hold: {error}") from error


def _see_that_it_is_the_same(folder: Path, signer: Signer, tree: StoredTree, chain: Chain) -> None:
    """Hold the record against the checkpoints that lie beside it."""
    for kept in last.remembered(folder, chain):
        _hold_against(folder, kept, tree, signer)
    (folder / last.SEEN).unlink(missing_ok=True)


def _hold_against(folder: Path, kept: Checkpoint, tree: StoredTree, signer: Signer) -> None:
    head = tree.first + tree.size - 1
    if kept.last_number > head:
        raise StorageCorrupt(
            f"the record in {folder} is older than it was: it was signed up to the event "
            f"{kept.last_number}, and ends at {head}"
        )
    own = tree.origin or signer.verifier.name
    if kept.origin != own or tree.growth(kept.size).root() != kept.root:
        raise StorageCorrupt(f"the record in {folder} is not the one that was signed last")


def _see_that_its_end_is_signed(folder: Path, tree: StoredTree, chain: Chain) -> None:
    """Refuse a last checkpoint that is not ours: what it covers would be taken for signed."""
    sealed = tree.newest_checkpoint()
    if sealed is None:
        return
    last_number = tree.first + sealed.size - 1
    try:
        said = Checkpoint.open(sealed.note, chain.at(last_number))
        why = "" if said.size == sealed.size else "it is an older one"
    except NoteRefused as error:
        why = str(error)
    if why:
        raise StorageCorrupt(
            f"the last checkpoint of the record in {folder}, over {last_number}, does not hold: "
            f"{why}"
        )


def _see_that_prunings_are_signed(folder: Path, tree: StoredTree) -> None:
    """Refuse to sign a pruning that was not signed when it was made: its events are destroyed."""
    if (number := tree.unsigned_pruning()) is not None:
        raise StorageCorrupt(
            f"the event {number} of the record in {folder} says that others were pruned, and "
            "nobody has signed it"
        )


def _damage(folder: Path, error: Exception) -> str | None:
    """Return what is damaged, in a sentence; None when it is not that."""
    told = isinstance(error, StorageFailed | JournalUnusable)
    cause, found = error.__cause__ if told else error, error
    if isinstance(cause, sqlite3.Error):
        # What our statements name was there: its name is damaged.
        is_unknown = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
        found = storage_failure(storage_damaged(str(cause)) if is_unknown else cause, folder)
    if isinstance(found, StorageFailed) and not isinstance(found, StorageCorrupt):
        return None
    if isinstance(error, JournalTooNew):
        return None
    return str(error if isinstance(error, JournalUnusable) else found)


def _signer(
    folder: Path, origin: str | None, failed: Callable[[JournalError], None]
) -> Signer | None:
    """Return the key that signs; make it for a folder that never had one.

    Without it, whatever became of it, a record that there is already goes on unsigned.
    """
    if origin is None:
        return None
    try:
        signer = keys.read(folder)
    except keys.KeyMissing as error:
        if not (folder / keys.PUBLIC).exists():
            if not keys.is_there(folder):
                return keys.make(folder, origin)
            if not (folder / layout.DATABASE).exists():
                raise
        failed(error)
        return None
    if signer.verifier.name != origin:
        raise WrongOrigin(
            f"the journal in {folder} belongs to {signer.verifier.name}, not to {origin}; name "
            "another folder, or put the site's id back"
        )
    try:
        if keys.publish(folder, signer):
            failed(
                JournalUnusable(
                    f"{folder / keys.PUBLIC} was damaged, and was written anew from {keys.PRIVATE}"
                )
            )
    except JournalUnusable as error:  # it signs all the same
        failed(error)
    return signer
