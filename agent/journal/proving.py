"""Proof of one event for somebody who has neither us nor the record: C2SP tlog-proof.

The file holds the event itself, the checkpoint that covers it and the hashes between them.
Whoever has the log's public key can check it, with these lines or with any program that knows
the format: the entry is the `extra` line, decoded; its hash is RFC 6962's, SHA-256(0 ‖ entry).
The entry is the event's salt, 16 bytes, and its canonical JSON.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from msgspec import Struct

from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import JournalError
from agent.journal.layout import SALT
from agent.journal.note import NoteRefused, Verifier
from agent.journal.reading import Reader
from agent.journal.tree import consistency, extends, includes, inclusion, leaf_hash

HEADER = "c2sp.org/tlog-proof@v1"


class CannotProve(JournalError):
    """The record does not hold what is asked for."""


class Proved(Struct, frozen=True):
    """An event that was shown to be in a signed record.

    Attributes:
        index: its place in the tree, from 0.
        body: its canonical JSON.
        checkpoint: what was signed.
    """

    index: int
    body: bytes
    checkpoint: Checkpoint


def prove(reader: Reader, seq: int) -> str:
    """Return the proof of an event.

    Raises:
        CannotProve: there is no such event, it was pruned, was taken over from an earlier record,
            or no checkpoint covers it yet.
    """
    with reader.tree() as tree:
        index = seq - tree.first
        sealed = tree.checkpoint_over(index + 1)
        entry = tree.entry(index)
        if entry is None:
            raise CannotProve(f"the journal holds no event {seq}, or holds only its hash")
        if index < 0:
            raise CannotProve(
                f"the event {seq} was taken over from an earlier record, and no checkpoint of this "
                "one covers it; prove it from that record: --data .../aside/TIME, or the backup's "
                "folder"
            )
        if sealed is None:
            raise CannotProve(f"no checkpoint covers the event {seq} yet; try again in a minute")
        path = inclusion(index, sealed.size, tree.subtree)
    lines = [HEADER, f"extra {_text(entry)}", f"index {index}", *map(_text, path)]
    return "\n".join(lines) + f"\n\n{sealed.note}"


def check(proof: str, trusted: Iterable[Verifier]) -> Proved:
    """Check a proof; needs nothing but the log's public key.

    Raises:
        NoteRefused: it does not prove what it says, or is no proof.
    """
    head, gap, note = proof.partition("\n\n")
    checkpoint = Checkpoint.open(note, trusted)
    match head.split("\n"):
        case [str(header), extra, place, *path] if gap and header == HEADER:
            entry, index = _bytes(_after("extra ", extra)), _number(_after("index ", place))
        case _:
            raise NoteRefused(f"this is not a proof of the kind {HEADER} with its entry")
    hashes = [_bytes(line) for line in path]
    if not includes(checkpoint.root, checkpoint.size, index, leaf_hash(entry), hashes):
        raise NoteRefused("the checkpoint does not cover this event: it, or the proof, was changed")
    return Proved(index, entry[SALT:], checkpoint)


def submission(reader: Reader, old: int) -> str | None:
    """Return the newest checkpoint as a witness takes it (C2SP tlog-witness, add-checkpoint).

    It proves that nothing the witness has seen was changed.

    Args:
        reader: of the record.
        old: the size of the last checkpoint that the witness has; 0 for none.

    Returns:
        None when there is no checkpoint yet, or none that is newer.

    Raises:
        CannotProve: the witness has seen more than there is: the record was rolled back.
    """
    with reader.tree() as tree:
        sealed = tree.newest_checkpoint()
        if old > (sealed.size if sealed else 0):
            raise CannotProve(
                f"a checkpoint over {old} events was signed, but the journal has only "
                f"{tree.size}: an older copy was put back"
            )
        if sealed is None or sealed.size == old:
            return None
        path = consistency(old, sealed.size, tree.subtree) if old else []
    return "".join(f"{line}\n" for line in (f"old {old}", *map(_text, path), "")) + sealed.note


def followed(said: str, kept: Checkpoint, trusted: Iterable[Verifier]) -> Checkpoint | None:
    """Read a submission as the witness that has kept a checkpoint.

    Returns:
        The newer checkpoint, shown to continue the one that was kept. None: it is for a witness
        that has kept another, and proves nothing to this one.

    Raises:
        NoteRefused: it does not continue the kept one, or is no submission.
    """
    head, gap, note = said.partition("\n\n")
    newer = Checkpoint.open(note, trusted)
    old, *path = head.split("\n")
    if not gap:
        raise NoteRefused("this is not a checkpoint as it is submitted to a witness")
    if _number(_after("old ", old)) != kept.size or newer.origin != kept.origin:
        return None
    if not kept.size:
        return newer
    if not extends(kept.root, kept.size, newer.root, newer.size, [_bytes(line) for line in path]):
        raise NoteRefused(
            f"the record of {newer.size} events does not continue the one of {kept.size} "
            "that was signed before"
        )
    return newer


def _after(prefix: str, line: str) -> str:
    if not line.startswith(prefix):
        raise NoteRefused(f"the proof has no line that begins with {prefix!r} in its place")
    return line.removeprefix(prefix)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and str(int(text)) == text):
        raise NoteRefused("the proof's index is no number")
    return int(text)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteRefused("a line of the proof is not base64") from error
