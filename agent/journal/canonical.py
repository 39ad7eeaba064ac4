"""Canonical JSON: the one way to write a value down, so that its hash means something.

RFC 8785 for a model without its pitfalls: ASCII keys, integers within ±(2^53 - 1), strings
that UTF-8 can carry, no floats. Within that model the standard library's encoder with sorted
keys writes the same bytes, at a seventh of the time; whatever lies outside is refused.
"""

from __future__ import annotations

import json

from agent.journal.errors import JournalMisused

MAX_INT = 2**53 - 1  # RFC 8785, section 3.2.2.3: beyond it IEEE doubles lose integers
MAX_DEPTH = 16
MAX_BYTES = 65_536  # one value; an event is some 300 bytes

_write = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
).encode


def encode(value: object) -> bytes:
    """Return the canonical JSON of `value`.

    Raises:
        JournalMisused: it lies outside the model; the text names the place.
    """
    _check(value, "", MAX_DEPTH)
    try:
        written = _write(value).encode()
    except UnicodeEncodeError as error:
        raise JournalMisused(f"a text has half a character at {error.start}") from error
    if len(written) > MAX_BYTES:
        raise JournalMisused(f"{len(written)} bytes are too much for one value (max {MAX_BYTES})")
    return written


def _check(value: object, path: str, depth: int) -> None:
    """Refuse what is outside the model; strings are checked when they are encoded."""
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if not -MAX_INT <= value <= MAX_INT:
            raise JournalMisused(f"{path or 'value'}: {value} is beyond 2^53 - 1")
        return
    if depth == 0:
        raise JournalMisused(f"{path}: deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, inner in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise JournalMisused(f"{path or 'value'}: the key {key!r} is not ASCII text")
            _check(inner, f"{path}.{key}" if path else key, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, path, depth - 1)
    else:
        raise JournalMisused(
            f"{path or 'value'}: {type(value).__name__} cannot be recorded (only texts, integers, "
            "booleans, null, lists and objects)"
        )
