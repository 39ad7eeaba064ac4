"""A heartbeat that the record's key alone can make: a C2SP signed note, its text canonical JSON.

What is signed is a note of two lines, each with its line end:

    armoury/v1/heartbeat
    <the heartbeat in canonical JSON (RFC 8785), without its `signature`>

and `signature` is that note's signature line, without its line end. The same key signs checkpoints
and statements about keys and records: their first line is the name of a log, `armoury/` and a
site's id, in which there is no slash. A command's first line is another one, too. So none of them
is ever read as a heartbeat, nor a heartbeat as one of them.
"""

from __future__ import annotations

from pydantic_core import from_json

from agent.journal.canonical import encode
from agent.journal.errors import JournalMisused
from agent.journal.note import NoteRefused, Signer
from agent.uplink.feed import ROOT, Heartbeat

KIND = f"{ROOT}/heartbeat"


def signed(beat: Heartbeat, signer: Signer | None) -> bytes:
    """Return a heartbeat as it travels: canonical JSON; not signed where there is no key."""
    said = beat.model_dump(exclude_none=True)
    if signer is None:
        return encode(said)
    said["origin"] = signer.verifier.name
    line = signer.line(_text(said)).removesuffix("\n")
    return encode(said | {"signature": line})


def note(payload: bytes) -> str:
    """Return a signed heartbeat as the note that it is; nothing of it is checked yet.

    Only the bytes that `signed` wrote are taken: two readers cannot read two things in them.

    Raises:
        NoteRefused: they are not, or there is no signature.
    """
    try:
        said = from_json(payload)
        if not isinstance(said, dict) or encode(said) != payload:
            raise NoteRefused("it is not in canonical JSON")
        signature = said.pop("signature", None)
        if not isinstance(signature, str) or "\n" in signature:
            raise NoteRefused("it has no signature")
        return f"{_text(said)}\n{signature}\n"
    except (ValueError, JournalMisused) as error:
        raise NoteRefused("it is not in canonical JSON") from error


def _text(said: dict[str, object]) -> str:
    return f"{KIND}\n{encode(said).decode()}\n"
