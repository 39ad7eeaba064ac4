"""The last checkpoint, kept beside the database: an older one put back is known by it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from agent.journal.checkpoint import Checkpoint
from agent.journal.note import NoteRefused, Verifier

NAME = "journal.last"


def remember(folder: Path, note: str) -> None:
    """Keep a note; not synced, for it may be an older one, but never one too new.

    A disk that refuses is met at the next commit; here it is passed over.
    """
    with contextlib.suppress(OSError):
        fd = os.open(folder / NAME, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, os.pwrite(fd, note.encode(), 0))
        finally:
            os.close(fd)


def remembered(folder: Path, trusted: Iterable[Verifier]) -> Checkpoint | None:
    """Return what was kept; None when there is nothing, or a power cut spoilt it."""
    try:
        return Checkpoint.open((folder / NAME).read_text(encoding="utf-8"), trusted)
    except (OSError, UnicodeDecodeError, NoteRefused):
        return None
