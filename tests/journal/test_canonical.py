"""Canonical JSON against the rfc8785 package, and what it must refuse."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from agent.journal.canonical import MAX_BYTES, MAX_DEPTH, MAX_INT, encode
from agent.journal.errors import JournalMisused

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_writes_what_rfc_8785_writes(value: object) -> None:
    written = encode(value)
    assert written == rfc8785.dumps(value)  # type: ignore[arg-type]
    assert json.loads(written) == value


@given(st.characters(max_codepoint=0x2FF) | st.sampled_from("\u2028\u2029\ufeff\U0001f512"))
def test_writes_every_awkward_character_so(character: str) -> None:
    assert encode(character) == rfc8785.dumps(character)


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def nested_objects(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value


REFUSED = {
    "a float": ({"a": 1.0}, "a: float"),
    "not a number": ([float("nan")], "float cannot be recorded"),
    "too large": ({"a": {"b": MAX_INT + 1}}, "a: b: 9007199254740992"),
    "too small": (-MAX_INT - 1, "beyond"),
    "half a character": ({"a": "\ud800"}, "half a character"),
    "half a character in a key": ({"\udc00": 1}, "not ASCII"),
    "a key of two letters": ({"a": {"ñ": 1}}, "a: a key .* is not ASCII"),
    "a key of no letters": ({1: 1}, "is not a text"),
    "keys of both kinds": ({"a": 1, 1: 1}, "is not a text"),
    "bytes": (b"x", "bytes cannot be recorded"),
    "a tuple": ((1,), "tuple cannot be recorded"),
    "too deep": (nested(MAX_DEPTH + 1), f"deeper than {MAX_DEPTH}"),
    "objects too deep": (nested_objects(MAX_DEPTH + 1), f"deeper than {MAX_DEPTH}"),
    "too long": ("x" * MAX_BYTES, "too much"),
}


@pytest.mark.parametrize(("value", "said"), REFUSED.values(), ids=REFUSED)
def test_refuses(value: object, said: str) -> None:
    with pytest.raises(JournalMisused, match=said):
        encode(value)


def test_takes_the_extremes() -> None:
    for deepest in (nested(MAX_DEPTH), nested_objects(MAX_DEPTH)):
        assert json.loads(encode(deepest)) == deepest
    assert encode([MAX_INT, -MAX_INT]) == b"[9007199254740991,-9007199254740991]"
