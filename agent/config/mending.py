"""Mending a table that does not fit its type: what is told of it, and what it goes on with."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator
from typing import Any, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agent.config.mistakes import Finding, nearest, shown
from agent.config.places import Path
from agent.config.schema import Schema

_Errors: TypeAlias = "dict[Path, ErrorDetails]"

UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")


class Mending:
    """A copy of a table on its way to fit."""

    def __init__(self, table: dict[str, Any], schema: Schema, beside: Collection[str]) -> None:
        self._schema = schema
        self._beside = beside
        self.data = copy.deepcopy(table)
        self.paths: set[Path] = set()
        self.misspelt: set[Path] = set()

    def take(self, error: ValidationError) -> list[Finding]:
        """Mend what an error names; return what the person does not know yet."""
        errors = _placed(self.data, error.errors())
        news = {path: one for path, one in errors.items() if not is_below(path, self.paths, 0)}
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
            if near and near not in _at(self.data, tuple(table)):
                self.misspelt.add(meant)
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
    hollow = {path for path in short if any(is_below(other, {path}) for other in found)}
    found = {path: error for path, error in found.items() if path not in hollow}
    return {path: error for path, error in found.items() if not is_below(path, set(found))}


def _place(data: Any, error: ErrorDetails) -> Path:
    """Return where in the data an error lies.

    pydantic's own location also names the members of unions and "[key]", which no file shows.
    """
    path: Path = ()
    step: Any
    for step in error["loc"]:
        steps = range(len(data)) if isinstance(data, list) else data
        if not isinstance(data, dict | list) or step not in steps:
            return (*path, step) if error["type"] == "missing" else path
        data = data[step]
        path = (*path, step)
    return path


def _is_of_key(error: ErrorDetails) -> bool:
    """Whether an error is about a key, not about what stands under it."""
    return error["type"] in UNKNOWN_KEY or error["loc"][-1:] == ("[key]",)


def is_below(path: Path, others: Collection[Path], least: int = 1) -> bool:
    """Whether `path` lies at least so many steps below one of `others`."""
    return any(path[:length] in others for length in range(len(path) - least + 1))


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data
