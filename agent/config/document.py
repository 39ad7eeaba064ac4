"""The site file as a document: read, and parsed as TOML."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct

from agent.config.mistakes import SiteFileMistake, SiteFileMistakes, short

UNFOUND = "name one: config/minimal.toml is a start"
LARGEST = 4 << 20  # bytes; the reference armoury has some thousand

# What tomllib says at its first mistake (it stops there), and what the person can do.
_REMEDIES = {
    "Expected '='": "write key = value",
    "Invalid statement": "write key = value, or a table's name in [ ]",
    "Invalid initial": "put a key with other signs than letters, digits, - and _ in quotes",
    "Invalid value": "put a text in quotes; write a number, true or false without",
    "Invalid date": "write a date as 2026-01-31, and a text in quotes",
    "Invalid hex": "write \\u and four hexadecimal digits",
    "Unterminated": "close the quotes",
    "Illegal": "close the quotes before the end of the line",
    "Unclosed array": "close the list with ]",
    "Unclosed inline": "close the table with }, on one line",
    "Expected ']": "close the table's name with as many ] as it has [",
    "Unescaped": "write a backslash twice, or the text in single quotes",
    "Cannot overwrite": "it stands there twice: leave one out",
    "Cannot declare": "it stands there twice: leave one out, or write [[ ]] for one of several",
    "Cannot mutate": "its table is complete already: write the key there",
    "Cannot redefine": "its table is complete already: write the key there",
    "Duplicate": "it stands there twice: leave one out",
}

_QUOTED = re.compile(r""""[^"]*"|'[^']*'|#.*""")
_LONG = re.compile(r"(0[xob])?[0-9a-fA-F_]{16,}")


class Document(Struct, frozen=True):
    """A TOML file's text, and what it says."""

    text: str
    tree: dict[str, Any]


def read(path: Path) -> Document:
    """Read a TOML file.

    Raises:
        SiteFileMistakes: it cannot be read, or is not TOML; always a single mistake.
    """
    text = _text(path)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SiteFileMistakes([_syntax(path, text, str(error))]) from error
    except ValueError as error:  # Python reads no number of thousands of digits
        raise SiteFileMistakes([_number(path, text)]) from error
    except RecursionError as error:
        mistake = SiteFileMistake(path, 1, "", "lists in lists in lists", "nest them less")
        raise SiteFileMistakes([mistake]) from error
    if not _fits(tree):
        raise SiteFileMistakes([_number(path, text)])
    return Document(text, tree)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)  # of /dev/zero there is no end
        if len(data) > LARGEST:
            found = f"more than {LARGEST >> 20} MiB, which is no site file"
            raise SiteFileMistakes([SiteFileMistake(path, 0, "", found, "name another one")])
        # As tomllib does: a line ends with \n, and \r\n is one end. Some editors put a mark of
        # their own before the first letter.
        return data.decode().removeprefix("\ufeff").replace("\r\n", "\n")
    except OSError as error:
        found = f"no site file that can be read ({error.strerror})"
        denied = isinstance(error, PermissionError)
        remedy = "join the group armoury, or use sudo" if denied else UNFOUND
        mistake = SiteFileMistake(path, 0, "", found, remedy)
        raise SiteFileMistakes([mistake]) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{data[error.start]:02x}, which is not UTF-8"
        mistake = SiteFileMistake(path, line, "", found, "save the file as UTF-8")
        raise SiteFileMistakes([mistake]) from error


def _syntax(path: Path, text: str, said: str) -> SiteFileMistake:
    problem, _, where = said.rpartition(" (at ")
    number = re.match(r"line (\d+)", where)
    lines = text.rstrip().split("\n")
    line = int(number[1]) if number else len(lines)
    remedies = [remedy for start, remedy in _REMEDIES.items() if problem.startswith(start)]
    remedy = remedies[0] if remedies else problem
    found = f"`{short(lines[min(line, len(lines)) - 1].strip())}`"
    return SiteFileMistake(path, line, "", found, f"{remedy} (nothing else was checked)")


def _fits(value: Any) -> bool:
    """Say whether all numbers are as TOML allows them, which Python's reader does not see to."""
    if isinstance(value, dict):
        return all(map(_fits, value.values()))
    if isinstance(value, list):
        return all(map(_fits, value))
    return not isinstance(value, int) or -(1 << 63) <= value < 1 << 63


def _number(path: Path, text: str) -> SiteFileMistake:
    lines = [_QUOTED.sub("", line) for line in text.split("\n")]
    at = next((at for at, line in enumerate(lines, 1) if _LONG.search(line)), 1)
    found = f"`{short(lines[at - 1].strip())}`"
    remedy = "write a number of at most 18 digits (nothing else was checked)"
    return SiteFileMistake(path, at, "", found, remedy)
