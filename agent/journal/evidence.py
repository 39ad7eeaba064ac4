"""Pictures and clips beside the record: files named by their SHA-256, which events bear.

An event `evidence.kept` carries the digest ("sha256") of a file; the log covers the event, and
so the file: another in its place, or none, is found. A file is whole and on the disk before its
digest is handed out; what no event names was left by a crash, and is cleaned away.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from msgspec import Struct

from agent.journal import layout
from agent.journal.errors import JournalError
from agent.journal.reading import Reader
from agent.journal.surplus import Item

FOLDER = "evidence"
KEPT = "evidence.kept"
DROPPED = "evidence.dropped"  # the kind that says which files were given up, and why
# The record's: no evidence is kept with less than this free on the disk, and some is given up
# with less than twice as much.
FREE_LEAST = 64 << 20
ROOM_PCT = 90  # of the quota is what is gone down to
ORPHAN_S = 3600.0  # a file without its event may be one whose event is about to come
_NAME = re.compile("[0-9a-f]{64}")


class EvidenceFull(JournalError):
    """The space for evidence is used up."""


class EvidenceUnkept(JournalError):
    """The disk refused a file."""


class Kept(Struct, frozen=True):
    """A file that is on the disk.

    Attributes:
        sha256: its digest in hex, for the event's data.
        size: in bytes.
    """

    sha256: str
    size: int


class Fault(Struct, frozen=True):
    """A file that is not what its event says.

    Attributes:
        seq: the event's number.
        sha256: the file's digest as recorded.
        what: "missing", "changed", or "unreadable" and why.
    """

    seq: int
    sha256: str
    what: str


class Evidence:
    """The evidence of one data folder.

    Args:
        folder: the data folder.
        quota: bytes that all files together may take.

    Attributes:
        quota: may be changed.
    """

    def __init__(self, folder: Path, quota: int) -> None:
        self.quota = quota
        self._root = folder / FOLDER
        self._unnamed: set[str] = set()  # kept by us, and no event named them when we looked last

    def keep(self, content: Iterable[bytes]) -> Kept:
        """Put a file onto the disk, and see it there.

        Raises:
            EvidenceFull: it does not fit; nothing was kept. Older files must go first.
            EvidenceUnkept: the disk refused.
        """
        half = self._root / f"{secrets.token_hex(8)}.part"
        try:
            self._root.mkdir(mode=0o700, exist_ok=True)
            if self._free() < FREE_LEAST:
                raise EvidenceFull(f"the disk of {self._root} is full: the record comes first")
            kept = self._write(half, content, self.quota - self.used())
        except OSError as error:
            raise EvidenceUnkept(f"{self._root} cannot be written: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                half.unlink()
        self._unnamed.add(kept.sha256)
        return kept

    def is_there(self) -> bool:
        """Say whether any was ever kept here."""
        return self._root.is_dir()

    def path(self, digest: str) -> Path:
        """Return where the file with this digest lies, or would.

        Raises:
            ValueError: it is no digest.
        """
        if not _NAME.fullmatch(digest):
            raise ValueError(f"not a SHA-256 in hex: {digest!r}")
        return self._root / digest[:2] / digest

    def used(self) -> int:
        """Return how many bytes all files together take."""
        return sum(path.stat().st_size for path in self._files())

    def items(self, reader: Reader) -> list[Item]:
        """Return the files that events name and that are there, the oldest first."""
        found = []
        for seq, digest, event in _named(reader):
            with contextlib.suppress(OSError):
                size = self.path(digest).stat().st_size
                found.append(Item(seq, event["at"], digest, size, event["data"]))
        return found

    def short(self) -> int:
        """Return how many bytes must go to have room for what comes next; none or less: enough."""
        over = self.used() - self.quota * ROOM_PCT // 100
        return max(over, 2 * FREE_LEAST - self._free())

    def remove(self, items: Iterable[Item]) -> None:
        """Remove files; what cannot be removed is an orphan from now on."""
        for item in items:
            with contextlib.suppress(OSError):
                self.path(item.sha256).unlink()

    def disk_is_full(self) -> bool:
        """Return whether the record may soon lack the room that is its own."""
        return self._free() < FREE_LEAST

    def _free(self) -> int:
        disk = os.statvfs(self._root if self._root.is_dir() else self._root.parent)
        return disk.f_bavail * disk.f_frsize

    def verify(self, reader: Reader) -> list[Fault]:
        """Return each file that is not there, or not what was recorded.

        Args:
            reader: of the record; what it says is believed (see `verification`).
        """
        faults = [
            Fault(seq, digest, what)
            for seq, digest, _ in _named(reader)
            if (what := self._fault(digest))
        ]
        # What the daemon gave up meanwhile was recorded as dropped before it went.
        gone = _dropped(reader) if faults else {}
        return [fault for fault in faults if fault.seq > gone.get(fault.sha256, 0)]

    def _fault(self, digest: str) -> str | None:
        """Say what is wrong with a file; None: nothing."""
        try:
            with self.path(digest).open("rb") as file:
                found = file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return "missing"
        except OSError as error:
            return f"unreadable ({error.strerror})"
        return None if found == digest else "changed"

    def clean(self, reader: Reader) -> list[str]:
        """Remove what a crash left: files, an hour old, that no event names, or that were dropped.

        Not what we kept ourselves: its event may wait for a disk that refuses, for hours.

        Returns:
            Their names.
        """
        named = {digest for _, digest, _ in _named(reader)}
        self._unnamed -= named
        spared = named | self._unnamed
        before = time.time() - ORPHAN_S
        gone = []
        for path in [*self._files(), *self._root.glob("*.part")]:
            with contextlib.suppress(FileNotFoundError):
                if path.name not in spared and path.stat().st_mtime < before:
                    path.unlink()
                    gone.append(path.name)
        return gone

    def link_unnamed(self, reader: Reader, aside: Path) -> None:
        """Give each file that no event names a second name, below a folder where all is kept.

        Raises:
            OSError: the disk refused; or it knows no second names.
        """
        named = {digest for _, digest, _ in _named(reader)}
        for path in self._files():
            if path.name not in named:
                place = aside / FOLDER / path.parent.name
                for folder in (place.parent, place):
                    folder.mkdir(mode=0o700, exist_ok=True)
                    layout.hand_over(folder)
                (place / path.name).hardlink_to(path)

    def _files(self) -> Iterator[Path]:
        return (path for path in self._root.glob("??/*") if _NAME.fullmatch(path.name))

    def _write(self, half: Path, content: Iterable[bytes], room: int) -> Kept:
        digest, size = sha256(), 0
        with os.fdopen(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            for piece in content:
                size += len(piece)
                if size > room:
                    raise EvidenceFull(
                        f"evidence takes up its {self.quota >> 20} MiB; older files must go first"
                    )
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        path = self.path(digest.hexdigest())
        path.parent.mkdir(mode=0o700, exist_ok=True)
        half.rename(path)
        layout.sync(path.parent)
        layout.sync(self._root)
        return Kept(digest.hexdigest(), size)


def _named(reader: Reader) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield number, digest and whole event of everything that was kept and not dropped."""
    dropped = _dropped(reader)
    for seq, event in _events(reader, KEPT):
        digest = event.get("data", {}).get("sha256")
        if isinstance(digest, str) and _NAME.fullmatch(digest) and seq > dropped.get(digest, 0):
            yield seq, digest, event


def _dropped(reader: Reader) -> dict[str, int]:
    """Return by their digests up to which number the files were given up.

    The same picture may have been kept again since: of a dark room many are the same.
    """
    dropped: dict[str, int] = {}
    for seq, event in _events(reader, DROPPED):
        files = event.get("data", {}).get("files", ())
        dropped |= {digest: seq for digest in files if isinstance(digest, str)}
    return dropped


def _events(reader: Reader, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for row in reader.query(kind=kind):
        with contextlib.suppress(ValueError):  # a damaged row: not ours to say
            event = json.loads(row.body)
            if isinstance(event, dict) and isinstance(event.get("data"), dict):
                yield row.seq, event
