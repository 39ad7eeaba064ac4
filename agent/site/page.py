"""The page about every kind of event, as written from the table: `docs/events.md`.

python -m agent.site.page > docs/events.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import groupby

from agent.site.kinds import COMMON, CONTACT_ID_READ, KINDS, SIA_READ, Kind
from agent.site.texts import EN, ES

HEAD = """\
# Events

Written from `agent/site/kinds.py` and `agent/site/texts.py` by `python -m agent.site.page`; do
not edit it by hand.

The object comes first, then what happened to it. *Severity* is the lane to the monitor and what
is asked of people: `alarm` (somebody must go and look), `fault` (something cannot be seen or
done), `access` (who came and went, what was armed), `info`. A kind marked **raises** opens an
alarm, which then lives on its own (`alarm.*`) until it was acknowledged, checked on site,
restored and closed. Contact ID is the three-digit code; *restores* is told with qualifier 3,
everything else with 1. SIA is the two-letter code of DC-03. A kind without a code is told in the
feed only. A code with a `?` was written from memory: hold it against your receiver's own list.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_common(), *_groups()]) + "\n"


def _common() -> Iterator[str]:
    yield "Any event may have the fields " + _fields(COMMON) + ".\n"


def _groups() -> Iterator[str]:
    for noun, kinds in groupby(KINDS, key=lambda kind: kind.partition(".")[0]):
        yield f"## {noun}\n"
        yield "| kind | severity | Contact ID | SIA | fields |"
        yield "|---|---|---|---|---|"
        named = list(kinds)
        yield from (_row(kind, KINDS[kind]) for kind in named)
        yield ""
        yield from (f"- `{kind}`: {EN[kind]} / {ES[kind]}" for kind in named)
        yield ""


def _row(name: str, kind: Kind) -> str:
    severity = f"{kind.severity}, **raises**" if kind.raises else str(kind.severity)
    contact_id = _code(kind.contact_id, CONTACT_ID_READ) + (" restores" if kind.restores else "")
    sia = _code(kind.sia, SIA_READ)
    return f"| `{name}` | {severity} | {contact_id} | {sia} | {_fields(kind.fields)} |"


def _code(code: str, read: frozenset[str]) -> str:
    return code if not code or code in read else f"{code}?"


def _fields(fields: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}` {kind}" for name, kind in fields.items())


if __name__ == "__main__":
    sys.stdout.write(page())
