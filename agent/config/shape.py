"""Checks a table against the type it stands for: all of its mistakes, and a value to go on with.

What is wrong is mended with something that fits, so that the checks behind this one (one table
against another) see a whole value and can be run at once. What they then say about a mended
key is not the person's mistake: `Checked.mended` tells.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import date, time
from typing import Any, Generic, TypeVar

from msgspec import Struct
from pydantic import BaseModel, TypeAdapter, ValidationError

from agent.config.mending import Mending, is_below
from agent.config.mistakes import Finding
from agent.config.places import Path, value_at
from agent.config.schema import Schema

T = TypeVar("T")

NO_TEXT = [None]  # fits nowhere
ROUNDS = 6  # a mended key may show another mistake, and an example need not fit


class Checked(Struct, Generic[T], frozen=True):
    """What became of a table.

    Attributes:
        value: as typed; None when it cannot even be mended.
        data: the same as JSON, defaults written out.
        findings: what is wrong with the table.
        mended: where `value` is not what the file says.
        misspelt: keys that stand in the file under another name; `value` goes on without them.
    """

    value: T | None
    data: Any
    findings: tuple[Finding, ...]
    mended: frozenset[Path]
    misspelt: frozenset[Path] = frozenset()

    def is_doubtful(self, path: Path, text: str = "", by: Iterable[Path] = ()) -> bool:
        """Whether what is said about `path` may be said because of a mended key.

        Args:
            path: the key.
            text: what is said; it names the other key of the same table that it goes by.
            by: other keys that it goes by, wherever they are.
        """
        words = set(re.findall(r"\w+", text))
        wrong = self.mended | self.misspelt
        return (
            is_below(path, wrong, 0)
            or any(one[:-1] == path[:-1] and one[-1] in words for one in wrong)
            or any(map(self.is_mended, by))
        )

    def is_mended(self, path: Path) -> bool:
        """Whether what `value` has at a path is not, or not all, what the file says."""
        wrong = self.mended | self.misspelt
        return any(path[: len(one)] == one[: len(path)] for one in wrong)


class Shape(Generic[T]):
    """A type that tables are checked against.

    Args:
        kind: a pydantic model or a standard dataclass.
        beside: keys that others take out of the same table before; for "did you mean".
    """

    def __init__(self, kind: type[T], beside: Collection[str] = ()) -> None:
        if issubclass(kind, BaseModel):
            kind.model_rebuild()  # it is deferred; an adapter alone would build one of its own
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)
        # Our models say themselves how strict they are; a driver's dataclass cannot.
        self._strict = None if issubclass(kind, BaseModel) else True
        self._beside = beside

    def check(self, table: dict[str, Any], at: Path = ()) -> Checked[T]:
        """Check a table, as tomllib made it, that stands `at` a place of the document."""
        try:
            value = self._read(table)
        except ValidationError as error:
            return self._check_on(table, at, error)
        return Checked(value, self._dump(value), (), frozenset())

    def keys(self) -> list[str]:
        """Return the keys that a table can have."""
        return Schema(self._adapter.json_schema()).keys(())

    def _read(self, table: dict[str, Any]) -> T:
        value = self._read_json(table)
        # A date without quotes is no text, though as JSON it looks like one.
        if dates := [*_dates(table)]:
            made = self._adapter.dump_python(value)
            if texts := [one for one in dates if not isinstance(value_at(made, one), date)]:
                table = copy.deepcopy(table)
                for *above, key in texts:
                    value_at(table, tuple(above))[key] = NO_TEXT
                return self._read_json(table)
        return value

    def _read_json(self, table: dict[str, Any]) -> T:
        # As JSON, a text may stand for an enum and a list for a tuple, and strictly no more.
        text = json.dumps(table, default=str)
        return self._adapter.validate_json(text, strict=self._strict, extra="forbid")

    def _dump(self, value: T) -> Any:
        return self._adapter.dump_python(value, mode="json")

    def _check_on(self, table: dict[str, Any], at: Path, error: ValidationError) -> Checked[T]:
        mending = Mending(table, Schema(self._adapter.json_schema()), self._beside)
        findings: list[Finding] = []
        value: T | None = None
        for _ in range(ROUNDS):
            findings += mending.take(error)
            try:
                value = self._read(mending.data)
                break
            except ValidationError as again:
                error = again
        return Checked(
            value,
            None if value is None else self._dump(value),
            tuple(Finding((*at, *one.path), one.found, one.remedy) for one in findings),
            frozenset((*at, *path) for path in mending.paths),
            frozenset((*at, *path) for path in mending.misspelt),
        )


def _dates(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield where a date or a time stands that is not in quotes."""
    if isinstance(value, date | time):
        yield path
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _dates(inner, (*path, key))
