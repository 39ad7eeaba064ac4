"""Checks a table against the type it stands for: all of its mistakes, and a value to go on with.

What is wrong is mended with something that fits, so that the checks behind this one (one table
against another) see a whole value and can be run at once. What they then say about a mended
key is not the person's mistake: `Checked.mended` tells.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from agent.config.mistakes import Finding, nearest, shown
from agent.config.places import Path
from agent.config.schema import Schema

T = TypeVar("T")
_Errors: TypeAlias = "dict[Path, ErrorDetails]"

UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
ROUNDS = 6  # a mended key may show another mistake, and an example need not fit


@dataclass(frozen=True, slots=True)
class Checked(Generic[T]):
    """What became of a table.

    Attributes:
        value: as typed; None when it cannot even be mended.
        data: the same as JSON, defaults written out.
        findings: what is wrong with the table.
        mended: where `value` is not what the file says.
    """

    value: T | None
    data: Any
    findings: tuple[Finding, ...]
    mended: frozenset[Path]

    def is_doubtful(self, path: Path, text: str = "") -> bool:
        """Whether what is said about `path` may be said because of a mended key.

        Args:
            path: the key.
            text: what is said; it names the other key of the same table that it goes by.
        """
        words = set(re.findall(r"\w+", text))
        return _below(path, self.mended, 0) or any(
            mended[:-1] == path[:-1] and mended[-1] in words for mended in self.mended
        )


class Shape(Generic[T]):
    """A type that tables are checked against.

    Args:
        kind: a pydantic model or a standard dataclass.
        beside: keys that others take out of the same table before; for "did you mean".
    """

    def __init__(self, kind: type[T], beside: Collection[str] = ()) -> None:
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

    def _read(self, table: dict[str, Any]) -> T:
        # As JSON, a text may stand for an enum and a list for a tuple, and strictly no more.
        text = json.dumps(table, default=str)
        return self._adapter.validate_json(text, strict=self._strict, extra="forbid")

    def _dump(self, value: T) -> Any:
        return self._adapter.dump_python(value, mode="json")

    def _check_on(self, table: dict[str, Any], at: Path, error: ValidationError) -> Checked[T]:
        mending = _Mending(table, Schema(self._adapter.json_schema()), self._beside)
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
        )


class _Mending:
    """A copy of a table on its way to fit."""

    def __init__(self, table: dict[str, Any], schema: Schema, beside: Collection[str]) -> None:
        self._schema = schema
        self._beside = beside
        self.data = copy.deepcopy(table)
        self.paths: set[Path] = set()

    def take(self, error: ValidationError) -> list[Finding]:
        """Mend what an error names; return what the person does not know yet."""
        errors = _placed(self.data, error.errors())
        news = {path: one for path, one in errors.items() if not _below(path, self.paths, 0)}
        findings = [*self._unknown(news), *self._unfit(news), *self._missing(news)]
        for path, one in errors.items():
            self._mend(path, one)
        return findings

    def _unknown(self, news: _Errors) -> Iterator[Finding]:
        for path in [path for path, error in news.items() if _is_of_key(error)]:
            *table, key = path
            known = [*self._schema.keys(tuple(table)), *(() if table else self._beside)]
            near = nearest(str(key), known)
            # A misspelt key is one mistake: the key it should be is not missing as well.
            if (meant := (*table, near or "")) in news and news[meant]["type"] == "missing":
                del news[meant]
            remedy = f"did you mean {near}?" if near else f"known here: {', '.join(sorted(known))}"
            if not known:
                remedy = f"write {self._schema.keys_are(tuple(table))}"
            yield Finding(path, "an unknown key" if known else f"the key {shown(key)}", remedy)

    def _unfit(self, news: _Errors) -> Iterator[Finding]:
        for path, error in news.items():
            if error["type"] == "value_error":  # a validator of ours, in words of its own
                remedy = error["msg"].removeprefix("Value error, ")
                yield Finding(path, shown(_at(self.data, path)), remedy)
            elif error["type"] != "missing" and not _is_of_key(error):
                yield Finding(path, shown(_at(self.data, path)), self._remedy(path))

    def _missing(self, news: _Errors) -> Iterator[Finding]:
        for path, error in news.items():
            if error["type"] == "missing":
                yield Finding(path, "nothing", self._remedy(path))

    def _remedy(self, path: Path) -> str:
        return f"write {self._schema.wanted(path)}"

    def _mend(self, path: Path, error: ErrorDetails) -> None:
        """Leave a key out, or, where that cannot be, put an example there.

        An example that does not fit either takes the table around it along.
        """
        while path in self.paths:
            path = path[:-1]
        if not path:
            return
        self.paths.add(path)
        table: Any = _at(self.data, path[:-1])
        key: Any = path[-1]
        dispensable = _is_of_key(error) or not self._schema.is_required(path)
        if isinstance(table, dict) and dispensable:
            table.pop(key, None)
        else:
            table[key] = self._schema.example(path)


def _placed(data: Any, errors: list[ErrorDetails]) -> _Errors:
    """Return the errors by where in the data they lie.

    Of several at one place (a union's members) the first is kept, and what lies below another
    is left out; but a list that is too short only because its items are wrong is not wrong.
    """
    found = {_place(data, error): error for error in reversed(errors)}
    short = {path for path, error in found.items() if error["type"] == "too_short"}
    hollow = {path for path in short if any(_below(other, {path}) for other in found)}
    found = {path: error for path, error in found.items() if path not in hollow}
    return {path: error for path, error in found.items() if not _below(path, set(found))}


def _place(data: Any, error: ErrorDetails) -> Path:
    """Return where in the data an error lies.

    pydantic's own location also names the members of unions and "[key]", which no file shows.
    """
    path: Path = ()
    for step in error["loc"]:
        known = (
            data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
        )
        if step not in known:
            return (*path, step) if error["type"] == "missing" else path
        data = data[step]
        path = (*path, step)
    return path


def _is_of_key(error: ErrorDetails) -> bool:
    """Whether an error is about a key, not about what stands under it."""
    return error["type"] in UNKNOWN_KEY or error["loc"][-1:] == ("[key]",)


def _below(path: Path, others: Collection[Path], least: int = 1) -> bool:
    """Whether `path` lies at least so many steps below one of `others`."""
    return any(path[:length] in others for length in range(len(path) - least + 1))


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data
