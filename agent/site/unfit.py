"""What is wrong with a command's parameters, for whoever gave them: each key, and what is right.

What was given is never repeated: it may be a PIN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agent.site.table import AlarmNumber, Id, Ref, Serial, Table

MOST = 3  # mistakes that are told
LONGEST = 40  # of a key that nobody knows
# Where pydantic says which branch of a type it tried ("constrained-str"), that is no key.
KEY = re.compile(r"[a-z_]+")
MOMENT = "a time with its zone, such as 2026-01-31T08:00+01:00"
# Words for what pydantic finds, by its name for it.
WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "string_type": "a text",
    "string_too_long": "at most {max_length} letters",
    "string_too_short": "a text that is not empty",
    "tuple_type": "a list",
    "too_short": "at least {min_length}",
    "too_long": "at most {max_length}",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "model_type": "a table of keys",
    "literal_error": "one of {expected}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "timezone_aware": MOMENT,
    "datetime_type": MOMENT,
    "datetime_parsing": MOMENT,
    "datetime_from_date_parsing": MOMENT,
}


def why(params: type[Table], error: ValidationError) -> str:
    """Return it in one sentence: "roles: at least 1; part: an id: small letters ..."."""
    told: dict[tuple[str, ...], str] = {}
    for one in error.errors():
        told.setdefault(_key(one), _right(params, one))
    deepest = [key for key in told if not any(key == other[: len(key)] != other for other in told)]
    return "; ".join(": ".join(filter(None, (".".join(k), told[k]))) for k in deepest[:MOST])


def _key(error: ErrorDetails) -> tuple[str, ...]:
    if error["type"] == "extra_forbidden":
        return tuple(str(step)[:LONGEST] for step in error["loc"])
    loc = error["loc"]
    return tuple(str(step) for step in loc if isinstance(step, int) or KEY.fullmatch(step))


def _right(params: type[Table], error: ErrorDetails) -> str:
    match error["type"]:
        case "extra_forbidden":
            return _known(params, str(error["loc"][0])) if len(error["loc"]) == 1 else "not known"
        case "string_pattern_mismatch":
            return _described().get(error["ctx"]["pattern"], error["msg"])
        case "value_error":
            return error["msg"].removeprefix("Value error, ")
        case kind if kind in WORDS:
            return WORDS[kind].format(**error.get("ctx", {}))
        case _:
            return error["msg"]


def _known(params: type[Table], unknown: str) -> str:
    from difflib import get_close_matches  # for a command with a mistake in it

    if near := get_close_matches(unknown, params.model_fields, 1):
        return f"not known; did you mean {near[0]}?"
    return f"not known; known here: {', '.join(params.model_fields) or 'nothing'}"


@cache
def _described() -> Mapping[str, str]:
    """Return what the patterns of the tables' types mean, in words."""
    fields = [get_args(kind)[1] for kind in (AlarmNumber, Id, Ref, Serial)]
    return {field.metadata[0].pattern: field.description for field in fields}
