"""Canonical JSON: the one way to write a value down, so that its hash means something.

RFC 8785 for a model without its pitfalls: ASCII keys, integers within ±(2^53 - 1), strings
that UTF-8 can carry, no floats. Whatever lies outside is refused while it is written.
"""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import Any

from msgspec.json import Encoder

from agent.journal.errors import JournalMisused

quoted = encode_basestring  # escapes as RFC 8785, section 3.2.2.2, wants
MAX_INT = 2**53 - 1  # RFC 8785, section 3.2.2.3: beyond it IEEE doubles lose integers
_ENCODER = Encoder(
    order="sorted"
)  # writes the same bytes for what is plain, in a third of the time
MAX_DEPTH = 16
MAX_BYTES = 65_536  # one value; an event is some 300 bytes


def encode(value: object) -> bytes:
    """Return the canonical JSON of `value`.

    Raises:
        JournalMisused: it lies outside the model; the text names the place.
    """
    return as_bytes(text(value))


def text(value: object, depth: int = MAX_DEPTH) -> str:
    """Return the canonical JSON of `value`, before it is known whether UTF-8 can carry it.

    Raises:
        JournalMisused: it lies otherwise outside the model; the text names the place.
    """
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int):
        return number(value)
    if value is None:
        return "null"
    if depth == 0:
        raise JournalMisused(f"deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return _object(value, depth)
    if isinstance(value, list):
        return "[" + ",".join([text(inner, depth - 1) for inner in value]) + "]"
    raise JournalMisused(
        f"{type(value).__name__} cannot be recorded (only texts, integers, booleans, null, lists "
        "and objects)"
    )


def number(value: int) -> str:
    """Return an integer or a boolean as JSON.

    Raises:
        JournalMisused: it is too large.
    """
    if value is True:
        return "true"
    if value is False:
        return "false"
    if not -MAX_INT <= value <= MAX_INT:
        raise JournalMisused(f"{value} is beyond 2^53 - 1")
    return f"{value:d}"


def as_bytes(written: str) -> bytes:
    """Return JSON as the bytes that are stored and hashed.

    Raises:
        JournalMisused: half a character is in it, or it is too long.
    """
    try:
        found = written.encode()
    except UnicodeEncodeError as error:
        place = written[max(0, error.start - 20) : error.start]
        raise JournalMisused(f"half a character after {place!r}") from error
    if len(found) > MAX_BYTES:
        raise JournalMisused(f"{len(found)} bytes are too much for one value (max {MAX_BYTES})")
    return found


def _object(value: dict[str, Any], depth: int) -> str:
    if _is_plain(value, depth):
        try:
            return _ENCODER.encode(value).decode()
        except UnicodeEncodeError:
            pass  # `as_bytes` says where half a character is
    return _members(value, depth)


def _is_plain(value: dict[str, Any], depth: int) -> bool:
    """Return whether it is certain to fit the model, so that it can be written at once."""
    for inner in value.values():
        kind = type(inner)
        if kind is int:
            if not -MAX_INT <= inner <= MAX_INT:
                return False
        elif kind is dict:
            if depth == 1 or not _is_plain(inner, depth - 1):
                return False
        elif kind is not str and kind is not bool and inner is not None:
            return False
    try:
        return "".join(value).isascii()
    except TypeError:
        return False


def _members(value: dict[str, Any], depth: int) -> str:
    try:
        if not "".join(value).isascii():
            raise JournalMisused(f"a key of {list(value)} is not ASCII")
    except TypeError as error:
        raise JournalMisused(f"a key of {list(value)} is not a text") from error
    members = []
    for key in sorted(value):
        try:
            members.append(f"{quoted(key)}:{text(value[key], depth - 1)}")
        except JournalMisused as error:
            raise JournalMisused(f"{key}: {error}") from error
    return "{" + ",".join(members) + "}"
