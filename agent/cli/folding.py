"""Repeats folded into the last of them: a panic that nobody acknowledges must not crowd a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

# What is told again and again, and what begins it anew.
REPEATS: Mapping[str, str] = {"panic.repeated": "panic.raised"}


class Line(NamedTuple):
    """An event, and how many like it before it are left out."""

    event: Mapping[str, Any]
    folded: int


def fold(events: Iterable[Mapping[str, Any]]) -> list[Line]:
    """Return the events, of each run of repeats about one thing the last one only."""
    lines: dict[int, Line] = {}
    last: dict[tuple[str, str], int] = {}  # where the last repeat of a run stands
    for number, event in enumerate(events):
        kind, about = event["kind"], event["object"]
        folded = 0
        if kind in REPEATS:
            before = lines.pop(last.get((kind, about), -1), None)
            folded = before.folded + 1 if before else 0
            last[kind, about] = number
        for repeat in (repeat for repeat, anew in REPEATS.items() if anew == kind):
            last.pop((repeat, about), None)
        lines[number] = Line(event, folded)
    return list(lines.values())
