"""The journal's files and tables.

    FOLDER/journal.db          the record; while it is in use, -wal and -shm beside it
    FOLDER/journal.lock        which daemon holds the folder
    FOLDER/journal.key, .vkey  what checkpoints are signed with; what shows that they were
    FOLDER/journal.last        the last checkpoint: an older database is known by it
    FOLDER/journal.reserve     disk space for alarms
    FOLDER/backups/            one copy before every migration; *.part: until that is done
    FOLDER/aside/              what a damaged record was replaced for

Its tables are in `schema`.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from agent.journal.errors import JournalTooNew, JournalUnusable, StorageCorrupt, storage_damaged
from agent.journal.schema import READING, STEPS, TABLES, VERSION, Step, acting

DATABASE = "journal.db"
BACKUPS = "backups"
HALF = ".part"  # a backup's name ends so until the migration that it was made for is done
APPLICATION = 0x41524D59  # "ARMY": what `file` and we recognise the database by
SALT = 16  # bytes; 128 bits are not guessed
PAGE = 2048  # see docs/adr/0005-journal.md for the measurement
BUSY_S = 1.0
WORK = 200_000  # SQLite's instructions between two signs of progress: some milliseconds
COPIED_PAGES = 1024  # ... and pages


def connect(folder: Path, mode: str) -> sqlite3.Connection:
    """Open an existing database.

    Args:
        folder: where it lies.
        mode: `rw`; `ro`; or `ro&immutable=1` where not even a shared-memory file can be made.

    Raises:
        sqlite3.Error: as it comes.
    """
    connection = sqlite3.connect(
        f"file:{quote(str((folder / DATABASE).absolute()))}?mode={mode}",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -1024")
        connection.execute("PRAGMA schema_version").fetchone()  # shows whether it can be read
        if mode == "rw":
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")  # what is pruned is gone
            connection.execute("PRAGMA wal_autocheckpoint = 0")  # the writer does it when idle
            connection.execute("PRAGMA journal_size_limit = 8388608")
        else:  # not where we write: a view of one's own costs every commit some microseconds
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version in READING:
                connection.execute(READING[version])
    except sqlite3.Error:
        connection.close()
        raise
    except UnicodeDecodeError as error:  # of what SQLite says of it, which quotes what is there
        connection.close()
        raise storage_damaged("the names of its tables are damaged") from error
    return connection


def connect_beside(folder: Path) -> sqlite3.Connection:
    """Open beside the daemon; or, on a medium that nobody can write, as a file that rests.

    Raises:
        sqlite3.Error: as it comes.
    """
    try:
        return connect(folder, "ro")
    except sqlite3.OperationalError:
        if (folder / f"{DATABASE}-wal").exists():
            raise  # what the WAL holds would be left out
        return connect(folder, "ro&immutable=1")


def file_id(path: str) -> tuple[int, int] | None:
    """Return what tells the file at a path from any other; None: there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - before every commit: Path takes four times as long
    except OSError:
        return None
    return found.st_dev, found.st_ino


def prepare(
    folder: Path,
    *,
    first: int = 1,
    version: int = VERSION,
    steps: Mapping[int, tuple[Step, ...]] = STEPS,
    progress: Callable[[], None] = lambda: None,
) -> None:
    """Make the folder's database ready: create, or migrate after a backup.

    Args:
        folder: an existing, writable folder, locked by us.
        first: the number of a new record's first event.
        version: the schema that this software needs.
        steps: the way there from older ones.
        progress: called now and then while migrating gets on.

    Raises:
        JournalTooNew: a newer version of the software wrote it.
        JournalUnusable: it is not a journal.
        StorageCorrupt: an older one is damaged so that it cannot be migrated; or there is what
            would act by itself on what we write.
        sqlite3.Error: the disk failed.
        OSError: the disk failed.
    """
    os.close(os.open(folder / DATABASE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    hand_over(folder / DATABASE)
    connection = _connect_ours(folder)
    try:
        found = _version(connection, folder)
        if found is None:
            _create(connection, folder, version, first)
        elif found > version:
            raise JournalTooNew(
                f"the journal in {folder} has schema {found}, this software knows {version}; "
                "install the newer software again, or restore a backup"
            )
        elif others := acting(connection):
            raise StorageCorrupt(
                f"somebody has put the {', '.join(sorted(others))} into the journal in {folder}, "
                "which changes what is read or written; keep the files, and see: armoury journal "
                "verify"
            )
        elif found < min(steps, default=version):
            raise StorageCorrupt(
                f"the journal in {folder} has schema {found}, which there never was"
            )
        elif found < version:
            _migrate(connection, folder, found, version, steps, progress)
    finally:
        connection.close()
    _name_copies(folder / BACKUPS)


def _connect_ours(folder: Path) -> sqlite3.Connection:
    try:
        return connect(folder, "rw")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_NOTADB:
            raise
        raise JournalUnusable(_not_ours(folder)) from error


def _version(connection: sqlite3.Connection, folder: Path) -> int | None:
    """Return the schema's version; None when there is nothing at all yet."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application == APPLICATION:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    if application or connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise JournalUnusable(_not_ours(folder))
    return None


def _not_ours(folder: Path) -> str:
    return f"{folder / DATABASE} is not an armoury journal; move it away, or name another folder"


def _create(connection: sqlite3.Connection, folder: Path, version: int, first: int) -> None:
    connection.execute(f"PRAGMA page_size = {PAGE}")
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise JournalUnusable(f"{folder} lies on a file system without shared memory; use another")
    log = os.urandom(16).hex()
    _apply(
        connection,
        version,
        (
            *TABLES,
            # Leaf 0 of the tree is the event `first`; `log` tells this journal from any other.
            f"INSERT INTO meta VALUES ('log', '{log}'), ('first', '{first}')",  # noqa: S608
            f"PRAGMA application_id = {APPLICATION}",
        ),
    )


def _migrate(
    connection: sqlite3.Connection,
    folder: Path,
    found: int,
    version: int,
    steps: Mapping[int, tuple[Step, ...]],
    progress: Callable[[], None],
) -> None:
    copies = folder / BACKUPS
    copies.mkdir(mode=0o700, exist_ok=True)
    hand_over(copies)
    copy = copies / f"journal-v{found}{HALF}"
    _discard(copy)  # of an attempt that was cut short
    try:
        copy_to(connection, copy, progress)
        hand_over(copy)
        connection.set_progress_handler(progress, WORK)
        way = (step for older in range(found, version) for step in steps[older])
        _apply(connection, version, tuple(way))
    except (OSError, sqlite3.Error, StorageCorrupt):
        _discard(copy)  # nothing was changed: its space is the disk's again
        raise


def _discard(copy: Path) -> None:
    for path in copy.parent.glob(f"{copy.name}*"):  # SQLite may have left a journal beside it
        path.unlink()


def _name_copies(copies: Path) -> None:
    """Give the copy from before a migration its name, now that it is the only one of its kind."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for copy in copies.glob(f"*{HALF}"):
        copy.rename(copy.with_name(f"{copy.stem}-{stamp}.db"))
        sync(copies)


def _apply(connection: sqlite3.Connection, version: int, steps: tuple[Step, ...]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps:
            if isinstance(step, str):
                connection.execute(step)
            else:
                step(connection)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")
    except (sqlite3.Error, StorageCorrupt):
        if connection.in_transaction:  # some errors end it by themselves
            connection.execute("ROLLBACK")
        raise


def copy_to(
    connection: sqlite3.Connection, target: Path, progress: Callable[[], None] | None = None
) -> None:
    """Copy the database as it is at this instant into one new file, and see it to the disk.

    Args:
        connection: to what is copied.
        target: the new file.
        progress: called now and then, where nobody else writes meanwhile: then it is copied in
            pieces, and a piece that somebody changed would be the first one again.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    copy = sqlite3.connect(target, isolation_level=None)
    try:
        if progress is None:
            connection.backup(copy)
        else:
            connection.backup(copy, pages=COPIED_PAGES, progress=lambda *_: progress(), sleep=0)
    finally:
        copy.close()
    sync(target)
    sync(target.parent)


def hand_over(path: Path) -> None:
    """Let what root makes in a folder be the folder's owner's, who could not open it otherwise."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def sync(path: Path) -> None:
    """See a file's content, or a folder's names, to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
