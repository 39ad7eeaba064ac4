"""The last checkpoint, kept beside the database: an older one put back is known by it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from agent.journal.checkpoint import Checkpoint
from agent.journal.note import NoteRefused
from agent.journal.rotation import Chain
from agent.journal.stored import StoredTree

NAME = "journal.last"
SEEN = "journal.seen"  # one that came back from a monitor, and shows that the record is older


def remember(folder: Path, note: str, name: str = NAME) -> None:
    """Keep a note; not synced, for it may be an older one, but never one too new.

    A disk that refuses is met at the next commit; here it is passed over.
    """
    with contextlib.suppress(OSError):
        fd = os.open(folder / name, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, os.pwrite(fd, note.encode(), 0))
        finally:
            os.close(fd)


def remembered(folder: Path, chain: Chain) -> list[Checkpoint]:
    """Return what was kept, and whole; a power cut may have spoilt it."""
    found = []
    for name in (NAME, SEEN):
        with contextlib.suppress(OSError, UnicodeDecodeError, NoteRefused):
            found.append(_opened((folder / name).read_text(encoding="utf-8"), chain))
    return found


def contradiction(note: str, chain: Chain, tree: StoredTree, origin: str) -> str | None:
    """Say in what a checkpoint of ours shows that the record was rolled back; None: in nothing.

    Args:
        note: as somebody kept it.
        chain: the keys of the record.
        tree: as it is now.
        origin: the log's own name.

    Raises:
        NoteRefused: it is not one of ours.
    """
    said = _opened(note, chain)
    head = tree.first + tree.size - 1
    if said.origin != origin:
        gone = said.last_number >= tree.first
    elif said.size > tree.size:
        gone = True
    elif tree.growth(said.size).root() == said.root:
        return None
    else:
        return f"the monitor has a checkpoint over {said.last_number} of another past than this"
    if not gone:
        return None
    return (
        f"the record is older than it was: the monitor has a checkpoint over {said.last_number}, "
        f"and it ends at {head}"
    )


def _opened(note: str, chain: Chain) -> Checkpoint:
    """Read a checkpoint that the key of its time has signed.

    Raises:
        NoteRefused: it is none.
    """
    said = Checkpoint.open(note, chain.everybody())
    return Checkpoint.open(note, chain.ever(said.last_number))
