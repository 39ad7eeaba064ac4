"""A type's JSON schema, read: what may stand at a path, in words and as an example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from agent.config.places import Path

Part: TypeAlias = "dict[str, Any]"

EXAMPLES = ("x", "x.x", "0", "/x")  # one of these fits a text's pattern, as ours are


class Schema:
    """One schema, as pydantic makes it."""

    def __init__(self, root: Part) -> None:
        self._root = root

    def wanted(self, path: Path) -> str:
        """Say what may stand at `path`: 'an integer from 1 to 4 (left out: 2)'."""
        part = self._part(path)
        if self._is_tables(part):
            return f"a table headed [[{path[-1]}]] for each"
        if len(path) == 1 and self._table(part):
            return f"a table headed [{path[0]}]"
        words = self._words(part)
        default = part.get("default")
        if isinstance(default, bool | int | str):
            words += f" (left out: {_toml(default)})"
        return words

    def keys(self, path: Path) -> list[str]:
        """Return the keys that the table at `path` can have."""
        return list(self._table(self._part(path)).get("properties", {}))

    def keys_are(self, path: Path) -> str:
        """Say what a key of the open table at `path` must be, where its name is free."""
        table = self._table(self._part(path))
        names = table.get("propertyNames", {})
        for pattern in table.get("patternProperties", {}):
            names = {"type": "string", "pattern": pattern}
            # Of a key pydantic tells the pattern only; the same type stands elsewhere as a value.
            names |= next(_described(self._root, pattern), {})
        return self._words(names)

    def is_required(self, path: Path) -> bool:
        """Whether the table that holds `path` cannot be without it."""
        return path[-1] in self._table(self._part(path[:-1])).get("required", ())

    def example(self, path: Path) -> Any:
        """Return a value that fits at `path`."""
        return self._example(self._part(path))

    def _part(self, path: Path) -> Part:
        part = self._root
        for step in path:
            inner: Any
            if isinstance(step, int):
                inner = next((x["items"] for x in self._choices(part) if "items" in x), {})
            else:
                inner = self._table(part).get("properties", {}).get(step) or self._free(part)
            part = inner if isinstance(inner, dict) else {}
        return self._resolved(part)

    def _free(self, part: Part) -> Any:
        """Return what stands under every key of an open table."""
        table = self._table(part)
        of_pattern = next(iter(table.get("patternProperties", {}).values()), None)
        return of_pattern or table.get("additionalProperties")

    def _resolved(self, part: Part) -> Part:
        """Follow a reference; what stands beside it (a default) goes along."""
        if "$ref" not in part:
            return part
        target = self._root["$defs"][part["$ref"].rpartition("/")[2]]
        return {**target, **{key: value for key, value in part.items() if key != "$ref"}}

    def _choices(self, part: Part) -> list[Part]:
        """Return what a part can be. TOML has no null: leaving a key out is not a choice."""
        part = self._resolved(part)
        choices: list[Part] = part.get("anyOf") or part.get("oneOf") or [part]
        return [self._resolved(one) for one in choices if one.get("type") != "null"]

    def _table(self, part: Part) -> Part:
        return next((one for one in self._choices(part) if one.get("type") == "object"), {})

    def _is_tables(self, part: Part) -> bool:
        lists = [one for one in self._choices(part) if one.get("type") == "array"]
        return bool(lists) and bool(self._table(lists[0].get("items", {})))

    def _words(self, part: Part) -> str:
        return " or ".join(dict.fromkeys(self._phrase(choice) for choice in self._choices(part)))

    def _phrase(self, part: Part) -> str:
        if "enum" in part or "const" in part:
            return " or ".join(map(_toml, part.get("enum") or [part["const"]]))
        match part.get("type"):
            case "integer":
                return "an integer" + _bounds(part)
            case "number":
                return "a number" + _bounds(part)
            case "boolean":
                return "true or false"
            case "string" if part.get("format") == "date":
                return "a date such as 2026-01-31"
            case "string":
                return _text(part)
            case "array":
                return f"a list, each of it {self._words(part.get('items', {}))}"
            case "object":
                return "a table"
        return "something else"

    def _example(self, part: Part) -> Any:
        part = next(iter(self._choices(part)), {})
        if "enum" in part or "const" in part:
            return (part.get("enum") or [part["const"]])[0]
        match part.get("type"):
            case "integer" | "number":
                return part.get("minimum", part.get("maximum", 0))
            case "boolean":
                return False
            case "string":
                return _fitting(part)
            case "array":
                return [self._example(part.get("items", {}))] * part.get("minItems", 0)
            case "object":
                needed = part.get("required", ())
                return {key: self._example(part["properties"][key]) for key in needed}
        return None


def _described(part: Any, pattern: str) -> Iterator[Part]:
    """Yield the texts of a pattern that a schema describes in words."""
    if isinstance(part, dict) and part.get("pattern") == pattern and "description" in part:
        yield part
    for inner in part.values() if isinstance(part, dict) else part:
        if isinstance(inner, dict | list):
            yield from _described(inner, pattern)


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _bounds(part: Part) -> str:
    low, high = part.get("minimum"), part.get("maximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" of at least {low}"
    return f" of at most {high}" if high is not None else ""


def _text(part: Part) -> str:
    if "description" in part:
        return str(part["description"])
    low, high = part.get("minLength", 0), part.get("maxLength")
    if high is not None:
        return f"a text of {low} to {high} characters"
    if low:
        return f"a text of at least {low} characters" if low > 1 else "a text that is not empty"
    return f"a text like {part['pattern']}" if "pattern" in part else "a text"


def _fitting(part: Part) -> str:
    pattern = part.get("pattern", "")
    text = next((one for one in EXAMPLES if re.search(pattern, one)), EXAMPLES[0])
    return text.ljust(part.get("minLength", 0), "x")
