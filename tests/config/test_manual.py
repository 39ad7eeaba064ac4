"""docs/site-file.md says of every key what it may be and what it is when left out."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agent.config.devices import DeviceTable
from agent.journal.policy import RecordOptions
from agent.site.plan import Plan
from agent.uplink.operators import OperatorOptions
from agent.uplink.options import PathOptions, TlsOptions

MANUAL = Path(__file__).parents[2] / "docs" / "site-file.md"
Rows = dict[str, tuple[str, str]]


def tables() -> dict[str, Rows]:
    """Return by heading, as the models have them: each key, what it may be, its default."""
    found = {"[site]": rows(Plan, "Site"), "[[device]]": rows(DeviceTable)}
    for name, part in schema_of(Plan)["properties"].items():
        if name not in ("site", "device"):
            single = "$ref" in part or "anyOf" in part
            found[f"[{name}]" if single else f"[[{name}]]"] = rows(Plan, name.capitalize())
    found["[record]"] = rows(RecordOptions)
    theirs = {"[[path]]": PathOptions, "[path.tls]": TlsOptions, "[[operator]]": OperatorOptions}
    return found | {heading: rows(model) for heading, model in theirs.items()}


@cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def rows(model: type[BaseModel], definition: str = "") -> Rows:
    schema = schema_of(model)
    table = schema["$defs"][definition] if definition else schema
    return {
        key: (may_be(part), left_out(key, part, table.get("required", [])))
        for key, part in table["properties"].items()
    }


def may_be(part: dict[str, Any]) -> str:
    part = next((one for one in part.get("anyOf", ()) if one.get("type") != "null"), part)
    if "enum" in part or "const" in part:
        return " ".join(f"`{value}`" for value in part.get("enum") or [part["const"]])
    match part.get("type"):
        case "integer":
            return f"{part['minimum']} to {part['maximum']}"
        case "boolean":
            return "`true` `false`"
        case "array":
            return f"list of {may_be(part.get('items') or part['prefixItems'][0])}"
        case "string" if part.get("format") == "date":
            return "dates"
        case "string" if "address" in part.get("description", ""):
            return "host"
        case "string" if "description" in part:
            return "device.point" if "." in part["description"] else "id"
        case "string":
            return "text"
    return "table"


def left_out(key: str, part: dict[str, Any], required: list[str]) -> str:
    if key in required:
        return "must be there"
    default = part.get("default")
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, list) and default:
        return " ".join(f"`{value}`" for value in default)
    return f"`{default}`" if default not in (None, [], {}, ()) else ""


def told() -> dict[str, Rows]:
    """Return the same as the manual has it."""
    found: dict[str, Rows] = {}
    heading = ""
    for line in MANUAL.read_text().splitlines():
        if headed := re.fullmatch(r"### `(\[.*\])`", line):
            heading = headed[1]
            found[heading] = {}
        elif row := re.match(r"\| `(\w+)` \| (.*?) \| (.*?) \|", line):
            found[heading][row[1]] = (row[2], row[3].strip())
    return found


@pytest.mark.parametrize("heading", tables())
def test_every_key_is_in_the_manual_as_it_is(heading: str) -> None:
    have, true = told().get(heading, {}), tables()[heading]
    wrong = [key for key in have | true if have.get(key) != true.get(key)]
    rows = [f"| `{key}` | {' | '.join(true[key])} | ... |" if key in true else key for key in wrong]
    assert not wrong, f"docs/site-file.md, {heading} should have, or not have:\n" + "\n".join(rows)


def test_the_manual_tells_of_nothing_else() -> None:
    assert set(told()) == set(tables())
