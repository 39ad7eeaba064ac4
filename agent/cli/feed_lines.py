"""What `armoury feed` writes: a line an event, and a loud one for what people must not miss."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Literal, cast

import click

from agent.cli.event_line import COLOURS, clean, event_line, local_time
from agent.monitor.said import LOUD, Matter, Said, numbered
from agent.site.texts import TEXTS, describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.monitor.feed import Feed
    from agent.monitor.site import SiteFeed

EVENTS = frozenset({Matter.EVENT, Matter.UNRECORDED})


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
        click.secho(clean(f"        {_now()}  {text}"), fg=None if up else "yellow", err=True)

    def end(self, feed: Feed, *, enough: bool) -> int:
        """Write how it ended; return the exit status."""
        lacks = list(self._lacking(feed, enough=enough))
        for text in lacks:
            click.secho(text, fg="red", err=True)
        if lacks:
            return 1
        if all(site.level for site in feed.sites.values()):
            click.secho(f"{self._events} events, nothing wrong", fg="green", err=True)
            return 0
        click.secho(f"{self._events} events, nothing wrong so far", fg="green", err=True)
        for name, site in feed.sites.items():
            if not site.level:
                click.secho(f"{name}: {_how_far(site)}: what is above is open", err=True)
        return 0

    def _lacking(self, feed: Feed, *, enough: bool) -> Iterator[str]:
        """Yield what was wrong, or has not come."""
        now_s = time.monotonic()
        if not feed.sites:
            yield "no site was heard of"
        for name, site in feed.sites.items():
            if spans := site.numbers.missing(now_s):
                yield f"{name}: still missing: {numbered(spans)}"
            if site.pulse.lost:
                yield f"{name}: no heartbeat comes any more"
            if not enough and not site.complete:
                yield f"{name}: {_how_far(site)}: not everything has come in time"
        for matter, count in sorted(self._wrong.items()):
            yield f"wrong: {matter} ({count})"
        if self._unprovable:
            yield "not verified: events that nobody can prove any more"

    def _event(self, said: Said) -> None:
        event = dict(said.data)
        line = self._prefix(said) + clean(self._words(event))
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
        line = self._prefix(said) + clean(line)
        click.secho(line, fg=style, bold=said.wrong, reverse=said.wrong)

    def _prefix(self, said: Said) -> str:
        return f"{said.site:<12} " if self._several else ""


def _object(said: Said) -> dict[str, object]:
    facts = {"event": dict(said.data)} if said.matter in EVENTS else dict(said.data)
    words = {"text": said.text} if said.text else {}
    return {"site": said.site, "is": said.matter, "wrong": said.wrong} | words | facts


def _how_far(site: SiteFeed) -> str:
    kept = site.witness.kept
    signed = kept.last_number if kept else 0
    bare = site.leafage.bare.numbers.spans
    but = f", only a hash is shown of {numbered(bare)}" if bare else ""
    heard = f"heard up to {site.numbers.newest}, signed up to {signed}"
    return f"{heard}, verified up to {site.verified}{but}"


def _now() -> str:
    return local_time(time.time_ns() // 1000).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
