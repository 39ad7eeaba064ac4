"""Checkpoints: what the record's tree was at a size, signed (C2SP tlog-checkpoint)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Self

from msgspec import Struct

from agent.journal.note import NoteRefused, Signer, Verifier, open_note, sign
from agent.journal.tree import HASH

# Eighteen digits: what is counted up to from there still fits into SQLite's integers.
_SUCCESSORS = re.compile("/from-([1-9][0-9]{0,17})$")
_SIZE = re.compile("0|[1-9][0-9]{0,17}")


class Checkpoint(Struct, frozen=True):
    """A tree at one size.

    Attributes:
        origin: which log it is; the name of its key.
        size: how many leaves it has.
        root: the hash over them.
    """

    origin: str
    size: int
    root: bytes

    @property
    def first_number(self) -> int:
        """Return the number of the first event that is covered."""
        begun = _SUCCESSORS.search(self.origin)
        return int(begun[1]) if begun else 1

    @property
    def last_number(self) -> int:
        """Return the number of the last event that is covered."""
        return self.first_number + self.size - 1

    def signed(self, *signers: Signer) -> str:
        """Return it as a signed note."""
        root = base64.b64encode(self.root).decode()
        return sign(f"{self.origin}\n{self.size}\n{root}\n", *signers)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a note's text; extension lines are passed over.

        Raises:
            NoteRefused: it is no checkpoint.
        """
        match text.split("\n"):
            case [origin, size, root, *extension, ""] if origin and all(extension):
                if _SIZE.fullmatch(size):
                    return cls(origin, int(size), _hash(root))
        raise NoteRefused("this note is not a checkpoint")

    @classmethod
    def open(cls, note: str, trusted: Iterable[Verifier]) -> Self:
        """Read a note that the log's own key, if we trust it, has signed.

        A record that succeeds a damaged one has a log of its own, "ORIGIN/from-NUMBER", which the
        same key signs under that name.

        Raises:
            NoteRefused: it is not signed so, or no checkpoint.
        """
        claimed = cls.parse(note.rpartition("\n\n")[0] + "\n")
        own = [key for key in trusted if first_origin(claimed.origin) == key.name]
        open_note(note, [Verifier(claimed.origin, key.key) for key in own])
        return claimed


def first_origin(origin: str) -> str:
    """Return the name of the log that began what this log, perhaps, continues."""
    return _SUCCESSORS.sub("", origin)


def _hash(written: str) -> bytes:
    try:
        root = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteRefused("a checkpoint's root is not base64") from error
    if len(root) != HASH:
        raise NoteRefused(f"a checkpoint's root has {HASH} bytes")
    return root
