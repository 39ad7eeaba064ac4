"""What can go wrong with the record, and in whose words it is told."""

from __future__ import annotations

import sqlite3
from pathlib import Path


# Errors. Every text is one sentence or two for a technician: what happened, where, what to
# do. Misuse (`JournalMisused`) is ours and is raised where it is made. Opening may find a
# folder that cannot serve (`JournalUnusable` and below). Once open, only the disk can fail
# (`StorageFailed` and below): those are reported, and tried again until they pass. A fault of
# our own ends the writer for good (`JournalDied`); so it must end the daemon.
class JournalError(Exception):
    """Base of everything that the journal raises or reports."""


class JournalMisused(JournalError):
    """What was handed in cannot be recorded; nothing of it was taken."""


class JournalDied(JournalError):
    """The writer ended by a fault of our own; nothing is recorded any more."""


class JournalRolledBack(JournalError):
    """Somebody else has a checkpoint of ours that the record does not continue."""


class JournalDamaged(JournalError):
    """What was read of the record is not what was written; the next opening begins another."""


class JournalUnusable(JournalError):
    """The folder cannot hold a journal, or not this one."""


class JournalLocked(JournalUnusable):
    """Another process records into this folder."""


class JournalTooNew(JournalUnusable):
    """A newer version of the software wrote it."""


class StorageFailed(JournalError):
    """The disk refused; what was submitted stays queued."""


class StorageFull(StorageFailed):
    """No space is left."""


class StorageReadOnly(StorageFailed):
    """Nothing may be written."""


class StorageBusy(StorageFailed):
    """Another program holds the database."""


class StorageUprooted(StorageFailed):
    """Files of the open database were taken away; it is safe, but must be opened anew."""


class StorageCorrupt(StorageFailed):
    """What is on the disk is not what was written."""


def storage_damaged(what: str) -> sqlite3.DatabaseError:
    """Say as SQLite would that a database is damaged, where it cannot say so itself."""
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_CORRUPT, "SQLITE_CORRUPT"
    return error


_ANSWERS: dict[int, tuple[type[StorageFailed], str]] = {
    sqlite3.SQLITE_FULL: (
        StorageFull,
        "no space is left for the journal in {where}; free some",
    ),
    sqlite3.SQLITE_READONLY: (
        StorageReadOnly,
        "{where} cannot be written ({error}); make it writable",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StorageReadOnly,
        "{where} cannot be opened ({error}); see that the disk is mounted and the folder is "
        "the daemon's",
    ),
    sqlite3.SQLITE_BUSY: (
        StorageBusy,
        "another program keeps the journal in {where} locked; end it",
    ),
    sqlite3.SQLITE_CORRUPT: (
        StorageCorrupt,
        "the journal in {where} is damaged ({error}); keep the files, and see: armoury journal "
        "verify",
    ),
}
_ANSWERS[sqlite3.SQLITE_NOTADB] = _ANSWERS[sqlite3.SQLITE_CORRUPT]
_ANSWERS[sqlite3.SQLITE_LOCKED] = _ANSWERS[sqlite3.SQLITE_BUSY]
_OTHERWISE = StorageFailed, "the disk under {where} failed ({error}); see the kernel's log"


def storage_failure(error: sqlite3.Error, where: Path, then: str = "") -> StorageFailed:
    """Say in our words what SQLite says in its own.

    Args:
        error: as raised by the standard library's connection.
        where: the journal's folder.
        then: how it goes on.
    """
    code = getattr(error, "sqlite_errorcode", None)
    if code is None and isinstance(error, sqlite3.OperationalError):  # Python's own, and quotes it
        return storage_failure(storage_damaged("a text in it is none"), where, then)
    kind, text = _ANSWERS.get(code & 0xFF if code else 0, _OTHERWISE)
    name = getattr(error, "sqlite_errorname", "")
    return kind(text.format(where=where, error=f"{error}, {name}" if name else error) + then)
