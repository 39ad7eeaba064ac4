"""Copies of the record: made while it is being written, and worth nothing until verified."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from agent.journal import keys, layout
from agent.journal.errors import JournalError, JournalUnusable, StorageFailed, storage_failure
from agent.journal.lock import FolderLock
from agent.journal.note import Verifier
from agent.journal.succession import JournalSucceeded, finish, succeed
from agent.journal.verification import Verdict, verify

# SQLite's answers that only the copy can cause: what is copied is not written.
_UNWRITTEN = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_FSYNC,
}


class BackupBad(JournalError):
    """The copy does not verify; the text has the first finding."""


def backup(folder: Path, target: Path) -> Verdict:
    """Copy the record as it is at this instant, and verify the copy.

    The daemon goes on recording meanwhile. The private key is not copied: it belongs into
    other hands than the record. A copy in part is removed.

    Args:
        folder: the data folder.
        target: a folder that is not there yet; it gets `journal.db` and `journal.vkey`.

    Raises:
        JournalUnusable: there is nothing to copy, or nowhere to put it.
        StorageFailed: what is copied cannot be read.
        BackupBad: what was copied is damaged; the copy stays, for whoever wants to look.
    """
    trusted = keys.public(folder)
    try:
        target.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise JournalUnusable(f"{target} is there already; name a folder that is not") from error
    except OSError as error:
        raise JournalUnusable(f"no backup can be put into {target}: {error.strerror}") from error
    try:
        _fill(folder, target)
    except BaseException:  # Ctrl-C too
        shutil.rmtree(target, ignore_errors=True)
        raise
    try:
        return checked(target, trusted)
    except JournalUnusable as error:
        shutil.rmtree(target, ignore_errors=True)
        why = "see that the medium has room: reading it takes a little, too"
        raise JournalUnusable(f"the copy in {target} cannot be read back; {why}") from error


def _fill(folder: Path, target: Path) -> None:
    """Put the record's public key and its database into a new folder."""
    try:
        if (folder / keys.PUBLIC).exists():
            shutil.copy2(folder / keys.PUBLIC, target)
        copied(folder, target / layout.DATABASE)
    except OSError as error:
        raise JournalUnusable(f"no backup can be put into {target}: {error.strerror}") from error
    except StorageFailed as error:
        cause = error.__cause__
        if getattr(cause, "sqlite_errorcode", None) not in _UNWRITTEN:
            raise
        remedy = "it takes as much room as the record, and the medium must take so large a file"
        raise JournalUnusable(f"no backup can be put into {target}: {cause}; {remedy}") from error


def restore(
    folder: Path, source: Path, agreed: Callable[[], object] = lambda: None
) -> JournalSucceeded:
    """Continue with the events and the state of a backup.

    The numbers go on above every one that was given; what the folder holds is set aside.

    Args:
        folder: the data folder, with the key; its daemon does not run.
        source: the backup.
        agreed: called once all is seen to be as it must, before anything is changed; what it
            raises ends it there.

    Returns:
        What to report.

    Raises:
        JournalLocked: the daemon runs.
        BackupBad: the backup is damaged; nothing was changed.
        StorageFailed: it cannot be read to its end; nothing was changed.
        JournalUnusable: there is no key, or the folder cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FolderLock(folder)
        try:
            signer = keys.read(folder)
            checked(source, keys.known(folder, signer))
            agreed()
            finish(folder)
            return succeed(folder, signer, f"the backup {source} was restored", source)
        finally:
            lock.release()
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise JournalUnusable(f"{folder} cannot be restored into: {why}") from error


def copied(folder: Path, target: Path) -> None:
    """Copy a folder's database into a new file, as it is at this instant.

    Raises:
        JournalUnusable: there is none.
        StorageFailed: it cannot be read, or the copy not written.
        OSError: the copy cannot be made.
    """
    if not (folder / layout.DATABASE).exists():
        raise JournalUnusable(f"there is no journal in {folder}; name the daemon's data folder")
    try:
        connection = layout.connect_beside(folder)
        try:
            layout.copy_to(connection, target)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise storage_failure(error, folder) from error


def checked(folder: Path, trusted: list[Verifier]) -> Verdict:
    """Return the verdict on a copy.

    Raises:
        BackupBad: it is not good.
    """
    verdict = verify(folder, trusted)
    if verdict.findings:
        found = verdict.findings[0]
        raise BackupBad(
            f"the copy in {folder} is damaged at the event {found.first}: {found.what}; the "
            "journal that it was made from is, too"
        )
    return verdict
