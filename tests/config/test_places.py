"""The line of every key of a TOML text."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.places import Path, Places

TEXT = '''\
# a comment = with [signs] {of} "TOML"
title = "one"

[site]
id = "x" # trailing [comment]
note = """
not = "a key"
[not.a.table]
""" # the end
"quoted.key" = 1
a.b = 1
a . "c" = 2

[[device]]
id = "board"
[device.inputs]
one = { pin = 1, pull = "up" }
two = { pin = [
    2,
    3, # comment, with ] and ,
  ], pull = { a.b = 'x}' } }

[[device]]
id = "second"
  [[device.part]]
  n = 1
  [[device.part]]
  n = 2
  [device.part.deep]
  when = 1979-05-27 07:32:00

[x.y]
words = ['single', """multi
line""", "with \\" quote", \'\'\'it's
over\'\'\'\'\', "last"]
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("site",), 4),
        (("site", "id"), 5),
        (("site", "note"), 6),
        (("site", "quoted.key"), 10),
        (("site", "a", "b"), 11),
        (("site", "a", "c"), 12),
        (("device",), 14),
        (("device", 0), 14),
        (("device", 0, "inputs"), 16),
        (("device", 0, "inputs", "one", "pull"), 17),
        (("device", 0, "inputs", "two", "pin", 1), 20),
        (("device", 0, "inputs", "two", "pull", "a", "b"), 21),
        (("device", 1, "id"), 24),
        (("device", 1, "part", 1, "n"), 28),
        (("device", 1, "part", 1, "deep", "when"), 30),
        (("x",), 32),
        (("x", "y", "words", 1), 33),
        (("x", "y", "words", 2), 34),
        (("x", "y", "words", 4), 35),
    ],
)
def test_each_key_is_on_its_line(path: Path, line: int) -> None:
    tomllib.loads(TEXT)
    assert Places(TEXT).line(path) == line


def test_what_is_missing_is_placed_at_what_it_is_missing_from() -> None:
    places = Places(TEXT)
    assert places.line(("device", 1, "driver")) == 23
    assert places.line(("device", 0, "inputs", "one", "bounce")) == 17
    assert places.line(("nothing", "at", "all")) == 1


def test_lines_are_counted_the_same_with_carriage_returns() -> None:
    dos = TEXT.replace("\n", "\r\n")
    assert Places(dos).line(("x", "y", "words", 4)) == 35


# Any valid TOML: built from a drawn document by a writer that draws the spelling too.
KEYS = st.text(max_size=6) | st.sampled_from(["a", "b", "a.b", "id", "-", "1"])
SCALARS = (
    st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(['"""', "'''", "]", "}", "#", "a = 1", "\n[x]\n", "\\", "\t"])
    | st.datetimes()
    | st.dates()
    | st.times()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)


def quoted(text: str, draw: Any) -> str:
    """Write a text in one of TOML's four ways that can hold it."""
    plain = all(c >= " " and c != "\x7f" for c in text)
    ways = ["basic", "long"]
    if plain and "'" not in text:
        ways += ["literal", "long literal"]
    way = draw(st.sampled_from(ways))
    escaped = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    if way == "basic":
        return escaped
    if way == "long":
        start = draw(st.sampled_from(["", "\n", "\\\n   "]))
        return f'"""{start if text and not text[0].isspace() else ""}{escaped[1:-1]}"""'
    return f"'{text}'" if way == "literal" else f"'''{text}'''"


def key(text: str, draw: Any) -> str:
    bare: bool = text.isascii() and text.replace("_", "").replace("-", "a").isalnum()
    if bare and draw(st.booleans()):
        return text
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def written(value: Any, draw: Any) -> str:
    filling = draw(st.sampled_from(["", " ", "\n", " # ] } , = \n", "\r\n\t"]))
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return quoted(value, draw)
        case list():
            inner = f",{filling}".join(written(item, draw) for item in value)
            return f"[{filling}{inner}{filling}]"
        case dict():
            pairs = (f"{key(k, draw)} = {written(v, draw)}" for k, v in value.items())
            return "{ " + ", ".join(pairs) + " }"
        case _:
            return value.isoformat()


def document(tree: dict[str, Any], draw: Any, header: tuple[str, ...] = ()) -> Iterator[str]:
    """Write a document: scalars first, then tables as headers where the draw says so."""
    tables = []
    for name, value in tree.items():
        is_table = isinstance(value, dict)
        is_array = isinstance(value, list) and value and all(isinstance(x, dict) for x in value)
        if (is_table or is_array) and draw(st.booleans()):
            tables.append((name, value))
        else:
            yield f"{key(name, draw)} = {written(value, draw)}\n"
    for name, value in tables:
        path = (*header, key(name, draw))
        for table in value if isinstance(value, list) else [value]:
            dotted = draw(st.sampled_from([".", " . "])).join(path)
            yield f"[[{dotted}]]\n" if isinstance(value, list) else f"[{dotted}] # [x]\n"
            yield from document(table, draw, path)


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for step, item in inner:
        yield from leaves(item, (*path, step))


@given(st.data())
def test_no_valid_document_is_too_odd(data: st.DataObject) -> None:
    tree = data.draw(DOCUMENTS)
    text = "".join(document(tree, data.draw))
    places = Places(text)
    known = set(places._lines)
    lines = text.split("\n")
    for path in leaves(tomllib.loads(text)):
        assert path in known
        assert 1 <= places.line(path) <= len(lines)


@given(st.dictionaries(KEYS, SCALARS, min_size=1, max_size=8), st.data())
def test_a_key_is_where_it_was_written(tree: dict[str, Any], data: st.DataObject) -> None:
    text, lines = "", {}
    for name, value in tree.items():
        lines[name] = text.count("\n") + 1
        text += f"{key(name, data.draw)} = {written(value, data.draw)}\n"
    places = Places(text)
    assert {name: places.line((name,)) for name in tree} == lines


EDITS = st.lists(
    st.tuples(
        st.integers(0, len(TEXT)),
        st.integers(0, 3),
        st.sampled_from(["", '"', "'", '"""', "[", "]", "{", "}", "#", "\n", ",", "=", ".", "a"]),
    ),
    max_size=3,
)


@given(EDITS)
def test_whatever_tomllib_takes_is_read(edits: list[tuple[int, int, str]]) -> None:
    text = TEXT
    for at, length, instead in edits:
        text = text[:at] + instead + text[at + length :]
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    places = Places(text)
    assert set(leaves(tree)) <= set(places._lines)
