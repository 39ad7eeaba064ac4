"""Where each key of a TOML text stands: what tomllib does not tell.

The text is known to be valid when it comes here, so this reads only as much of the grammar
(TOML 1.0.0) as it takes to step over values. It is used only once there is a mistake to place.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import Any, TypeAlias

# The way to a value in the document: keys of tables and indices of arrays.
Path: TypeAlias = "tuple[str | int, ...]"


def value_at(tree: Any, path: Path) -> Any:
    """Return what stands at a path; None: nothing."""
    try:
        for step in path:
            tree = tree[step]
    except (LookupError, TypeError):
        return None
    return tree


_FILLING = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANKS = re.compile(r"[ \t]*")
_KEY_PART = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|[A-Za-z0-9_-]+')
# A run of three quotes or more ends a multi-line string; up to two of them belong to it.
_TEXT = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:\\.|[^"\\])*"' r"|'[^']*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\n]*")


class Places:
    """The line of every key, table and array element of a valid TOML text."""

    def __init__(self, text: str) -> None:
        self._lines = _Reader(text).read()

    def line(self, path: Path) -> int:
        """Return the line, from 1, of the value at `path`, or of what it is missing from."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return 1


class _Reader:
    """Reads one text from its start to its end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[Path, int] = {}
        self._tables: dict[Path, int] = {}  # arrays of tables: how many there are yet

    def read(self) -> dict[Path, int]:
        table: Path = ()
        while self._next():
            if self._take("[["):
                table = self._array_header()
            elif self._take("["):
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _next(self) -> str:
        """Step over white space, line ends and comments; return the next character, if any."""
        self._step(_FILLING)
        return self._text[self._at : self._at + 1]

    def _step(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"not TOML at line {self._line()}")
        self._at = match.end()
        return match.group()

    def _take(self, mark: str) -> bool:
        if not self._text.startswith(mark, self._at):
            return False
        self._at += len(mark)
        return True

    def _line(self) -> int:
        return bisect_right(self._breaks, self._at - 1) + 1

    def _header(self) -> Path:
        line = self._line()
        path = self._inside(self._keys())
        self._take("]")
        self._lines[path] = line  # a header of its own beats being implied by [path.more]
        return path

    def _array_header(self) -> Path:
        line = self._line()
        *keys, last = self._keys()
        self._take("]]")
        array = (*self._inside(keys), last)
        path = (*array, self._tables.setdefault(array, 0))
        self._tables[array] += 1
        self._lines.setdefault(array, line)
        self._lines[path] = line
        return path

    def _inside(self, keys: list[str]) -> Path:
        """Return the path of a header's keys: an array of tables means its last element."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            self._lines.setdefault(path, self._line())
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
        return path

    def _keys(self) -> list[str]:
        """Read a key, which may be dotted."""
        keys = []
        while True:
            self._step(_BLANKS)
            part = self._step(_KEY_PART)
            keys.append(_unquoted(part) if part[0] in "\"'" else part)
            self._step(_BLANKS)
            if not self._take("."):
                return keys

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for key in self._keys():
            path = (*path, key)
            self._lines.setdefault(path, line)
        self._take("=")
        self._step(_BLANKS)
        self._value(path)

    def _value(self, path: Path) -> None:
        start = self._text[self._at]
        if start == "[":
            self._array(path)
        elif start == "{":
            self._inline_table(path)
        else:
            self._step(_TEXT if start in "\"'" else _PLAIN)

    def _array(self, path: Path) -> None:
        self._take("[")
        index = 0
        while self._next() != "]":
            self._lines[*path, index] = self._line()
            self._value((*path, index))
            self._next()
            self._take(",")
            index += 1
        self._take("]")

    def _inline_table(self, path: Path) -> None:
        self._take("{")
        while self._next() != "}":
            self._pair(path)
            self._next()
            self._take(",")
        self._take("}")


def _unquoted(key: str) -> str:
    value: str = tomllib.loads(f"key = {key}")["key"]
    return value
