"""What is wrong in a site file, for the person who has to mend it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, time
from pathlib import Path as FilePath
from typing import Any

from msgspec import Struct

from agent.config.places import Path

LONGEST_SHOWN = 48


class Finding(Struct, frozen=True):
    """A mistake before it has a line: where in the document, what is there, what to do."""

    path: Path
    found: str
    remedy: str


class SiteFileMistake(Struct, frozen=True):
    """One mistake in a site file.

    Attributes:
        file: the file, as it was given.
        line: from 1; 0 when there is no line to show.
        key: dotted, tables by their id: "door.store.people"; "" for the file as a whole.
        found: what stands there.
        remedy: what would be right.
    """

    file: FilePath
    line: int
    key: str
    found: str
    remedy: str

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        key = f" {self.key}:" if self.key else ""
        return f"{self.file}{line}:{key} found {self.found}; {self.remedy}"


# The configuration's one error: a site file is right, or it is told all that is wrong with it.
class SiteFileMistakes(Exception):
    """A site file that cannot be used; its text has one line a mistake."""

    def __init__(self, mistakes: Sequence[SiteFileMistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


def shown(value: Any) -> str:
    """Say what stands in the file, as short as a line needs it."""
    match value:
        case None:
            return "nothing"
        case date() | time():
            return str(value)
        case dict():
            return "a table"
        case list() if any(isinstance(item, dict | list) for item in value):
            return "a list of tables or lists"
    return short(json.dumps(value, ensure_ascii=False, default=str))


def short(text: str) -> str:
    """Cut a text to what a line needs of it."""
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 4] + " ..."


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that was probably meant, if any is near enough."""
    import difflib  # for a file with a mistake in it

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return near[0] if near else None


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return the remedy for a wrong name: the nearest right one, or else `otherwise`."""
    near = nearest(word, known)
    return f'did you mean "{near}"?' if near else otherwise
