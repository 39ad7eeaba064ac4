"""What `armoury feed` writes: a line an event, and a loud one for what people must not miss."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Literal, cast

import click

from agent.cli.event_line import COLOURS, event_line, local_time
from agent.monitor.said import LOUD, Matter, Said, numbered
from agent.site.texts import TEXTS, describe

if TYPE_CHECKING:
    from agent.monitor.feed import Feed

EVENTS = frozenset({Matter.EVENT, Matter.UNRECORDED})
# Terminals obey what stands below these: nothing that came over a wire may.
SAFE = dict.fromkeys((*range(32), 127, *range(128, 160)), "?")


class Lines:
    """Writes and counts.

    Args:
        language: of whole sentences; None: columns, as `armoury events` has them.
        several: whether each line says which site it is of.
        as_json: one object a line instead.
        only_wrong: nothing else is shown.
    """

    def __init__(
        self, language: str | None, *, several: bool, as_json: bool, only_wrong: bool
    ) -> None:
        self._language = cast("Literal['en', 'es'] | None", language)
        self._several = several
        self._as_json = as_json
        self._only_wrong = only_wrong
        self._wrong: Counter[Matter] = Counter()
        self._unprovable = 0
        self._events = 0

    def show(self, said: Said) -> None:
        """Write one thing, if it is to be shown."""
        self._events += said.matter is Matter.EVENT
        self._unprovable += said.matter is Matter.UNPROVABLE
        if said.wrong:
            self._wrong[said.matter] += 1
        elif self._only_wrong and said.matter is not Matter.UNPROVABLE:
            return
        if self._as_json:
            click.echo(json.dumps(_object(said), ensure_ascii=False))
        elif said.matter in EVENTS:
            self._event(said)
        else:
            self._remark(said)

    def connection(self, text: str, *, up: bool) -> None:
        """Write how our own line to the broker is; not a word of any site."""
        click.secho(_clean(f"        {_now()}  {text}"), fg=None if up else "yellow", err=True)

    def end(self, feed: Feed, *, enough: bool) -> int:
        """Write how it ended; return the exit status."""
        missing = {
            name: spans
            for name, site in feed.sites.items()
            if (spans := site.numbers.missing(time.monotonic()))
        }
        for name, spans in missing.items():
            click.secho(f"{name}: still missing: {numbered(spans)}", fg="red", err=True)
        if not enough:
            _say_what_lacks(feed)
        for matter, count in sorted(self._wrong.items()):
            click.secho(f"wrong: {matter} ({count})", fg="red", err=True)
        if self._unprovable:
            click.secho("not verified: events that nobody can prove any more", fg="red", err=True)
        if enough and not (missing or self._wrong or self._unprovable):
            click.secho(f"{self._events} events, nothing wrong", fg="green", err=True)
            return 0
        return 1

    def _event(self, said: Said) -> None:
        event = dict(said.data)
        line = self._prefix(said) + _clean(self._words(event))
        alarm = event["severity"] == "alarm"
        click.secho(line, fg=COLOURS.get(event["severity"]), bold=alarm, reverse=alarm)

    def _words(self, event: dict[str, object]) -> str:
        line = event_line(event)
        kind = str(event["kind"])
        if self._language is None or kind not in TEXTS[self._language]:
            return line
        columns = line[: line.index(kind)]
        data = cast("dict[str, str]", event["data"])
        return columns + describe(kind, str(event["object"]), data, self._language)

    def _remark(self, said: Said) -> None:
        if said.wrong:
            line, style = f"  !!!   {_now()}  {said.matter.upper()}: {said.text}", "red"
        elif said.matter in LOUD:
            line, style = f"   !    {_now()}  {said.text}", "yellow"
        else:
            line, style = f"        {_now()}  {said.text}", "bright_black"
        line = self._prefix(said) + _clean(line)
        click.secho(line, fg=style, bold=said.wrong, reverse=said.wrong)

    def _prefix(self, said: Said) -> str:
        return f"{said.site:<12} " if self._several else ""


def _object(said: Said) -> dict[str, object]:
    facts = {"event": dict(said.data)} if said.matter in EVENTS else dict(said.data)
    words = {"text": said.text} if said.text else {}
    return {"site": said.site, "is": said.matter, "wrong": said.wrong} | words | facts


def _say_what_lacks(feed: Feed) -> None:
    if not feed.sites:
        click.secho("no site was heard of", fg="red", err=True)
    for name, site in feed.sites.items():
        if not site.complete:
            kept = site.witness.kept
            signed = kept.last_number if kept else 0
            text = (
                f"{name}: heard up to {site.numbers.head}, signed up to {signed}, verified up to "
                f"{site.leafage.proven or 0}: not everything has come in time"
            )
            click.secho(text, fg="red", err=True)


def _now() -> str:
    return local_time(time.time_ns() // 1000).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _clean(line: str) -> str:
    return line.translate(SAFE)
