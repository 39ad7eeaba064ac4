"""`armoury feed`: what a desk with only a broker hears of its sites, live and verified."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from agent.cli import options
from agent.cli.feed_lines import Lines

if TYPE_CHECKING:
    from agent.journal.note import Verifier
    from agent.monitor.feed import Feed
    from agent.monitor.inbox import Arrived, Changed
    from agent.monitor.sessions import Sessions
    from agent.monitor.store import Store

KEEP_S = 30 * 86_400
WITHIN_S = 120.0
TICK_S = 0.5
MESSAGES_AT_ONCE = 500
PORT, PORT_TLS = 1883, 8883


@click.command()
@click.option(
    "--broker",
    metavar="HOST[:PORT]",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen; the port is 8883 with --ca, else 1883.",
)
@click.option(
    "--site",
    "sites",
    multiple=True,
    metavar="ID",
    help="Only this site; several may be given [every site that is heard of].",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="VKEY|FILE",
    help="The record's public key (journal.vkey), for one --site; one of them is enough where it "
    "was changed. Without it the first one that is seen counts from then on.",
)
@click.option(
    "--after",
    type=options.after_number,
    metavar="NUMBER",
    help="Also have told what came after this number, before we listened; but for what an earlier "
    "run has shown.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="What is kept over a restart [~/.local/state/armoury/feed-BROKER-SITE.json].",
)
@click.option("--once", is_flag=True, help="End when everything has come and is verified.")
@click.option(
    "--until",
    type=options.event_number,
    metavar="NUMBER",
    help="End when all up to it have come and are verified.",
)
@click.option("--check", is_flag=True, help="As --once, and show only what is wrong.")
@click.option(
    "--within",
    type=click.FloatRange(1),
    default=WITHIN_S,
    show_default=True,
    metavar="SECONDS",
    help="How long --once, --until and --check wait.",
)
@click.option("--language", type=click.Choice(["en", "es"]), help="Events as sentences.")
@click.option("--client", metavar="ID", help="Under which the broker keeps our sessions.")
@click.option("--username", metavar="NAME", help="The password is read from $ARMOURY_PASSWORD.")
@click.option("--ca", type=click.Path(path_type=Path, exists=True), help="TLS: whom to believe.")
@click.option("--cert", type=click.Path(path_type=Path, exists=True), help="TLS: who we are.")
@click.option("--cert-key", type=click.Path(path_type=Path, exists=True), help="TLS: its key.")
@options.as_json
def feed(
    broker: str,
    sites: tuple[str, ...],
    keys: tuple[str, ...],
    after: int | None,
    state: Path | None,
    until: int | None,
    within: float,
    language: str | None,
    client: str | None,
    username: str | None,
    ca: Path | None,
    cert: Path | None,
    cert_key: Path | None,
    *,
    once: bool,
    check: bool,
    as_json: bool,
) -> int:
    """Listen to sites as the monitor does, and verify every word.

    It needs the broker alone. Events are shown as they come, and alarms first: they have a session
    of their own, under the client id with -alarms at its end. Repeats are dropped, and what is
    missing is asked for again. Every event's number, every checkpoint's signature, that each
    checkpoint continues the last, and that the events are what is signed: all of it is checked,
    and said aloud when it is not so. It says, too, when a site is silent for 90 s; heartbeats
    count when they are signed by the site's key, and new.

    What it has heard it keeps, and so does the broker for thirty days: a restart loses nothing.

    Ctrl-C ends it, and says up to where all is verified. Exit status 1: something was wrong, or
    has not come.

    \b
    Examples:
      armoury feed --broker monitor.example:8883 --ca ca.pem --cert desk.pem --cert-key desk.key
      armoury feed --site quito-07 --key journal.vkey
      armoury feed --site quito-07 --check --json
    """
    from agent.monitor.feed import Feed, MemoryUnusable
    from agent.monitor.inbox import REST
    from agent.monitor.line import Broker, LineUnusable
    from agent.monitor.sessions import Sessions
    from agent.monitor.store import Store

    pinned = _pinned(keys, sites)
    stopped = _Stopped()
    host, port = _address(broker, tls=ca is not None)
    named = "-".join(sites) or "all"
    lines = Lines(language, several=len(sites) != 1, as_json=as_json, only_wrong=check)
    kept = state or _default_state(f"feed-{host}-{port}-{named}.json")
    password = os.environ.get("ARMOURY_PASSWORD")
    first = None if after is None else after + 1
    try:
        with Store(kept) as store:
            memory = store.read()
            name = client or f"armoury-feed-{socket.gethostname()}-{named}-{store.own()}"
            reach = Broker(host, port, name, KEEP_S, username, password, ca, cert, cert_key)
            try:
                heard = Feed(time.monotonic(), sites, pinned, first, memory)
            except MemoryUnusable as error:
                raise MemoryUnusable(f"{kept}: {error}") from error

            def changed(what: Changed) -> None:
                if what.up and what.session == REST:
                    heard.listening(time.monotonic())
                lines.connection(what.text, up=what.up)

            with Sessions(reach, sites, changed) as sessions:
                done = _enough(heard, once=once or check, until=until)
                ended = _listen(sessions, heard, store, lines, done, within, stopped)
    except (MemoryUnusable, LineUnusable) as error:
        raise click.ClickException(str(error)) from error
    return lines.end(heard, enough=ended)


def _listen(
    sessions: Sessions,
    feed: Feed,
    store: Store,
    lines: Lines,
    done: Callable[[], bool] | None,
    within_s: float,
    stopped: _Stopped,
) -> bool:
    """Hear and show until it is enough, or a signal comes; say whether it was enough."""
    deadline = time.monotonic() + within_s
    while not stopped:
        taken = _hear(sessions, feed, lines)
        for said in feed.tick(time.monotonic()):
            lines.show(said)
        if taken:
            store.write(feed.memory())
            sessions.settle(taken)
        if done is not None and (done() or time.monotonic() > deadline):
            return done()
        if sessions.connected:
            sessions.publish(feed.asks(time.monotonic()))
    return True


def _hear(sessions: Sessions, feed: Feed, lines: Lines) -> list[Arrived]:
    """Show what comes, one message after the other, so that an alarm is the next at any time."""
    taken: list[Arrived] = []
    while len(taken) < MESSAGES_AT_ONCE:
        one = sessions.arrived(0.0 if taken else TICK_S)
        if one is None:
            break
        now_s = time.monotonic()
        for said in feed.take(
            one.topic, one.payload, now_s, retained=one.retained, again=one.again
        ):
            lines.show(said)
        taken.append(one)
    return taken


class _Stopped:
    """Becomes true with SIGINT or SIGTERM."""

    def __init__(self) -> None:
        self._stopped = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopped = True

    def __bool__(self) -> bool:
        return self._stopped


def _enough(feed: Feed, *, once: bool, until: int | None) -> Callable[[], bool] | None:
    """Return what says that all that was wanted has come; None: nothing ever does."""
    if until is not None:
        return lambda: (
            bool(feed.sites) and all(site.verified >= until for site in feed.sites.values())
        )
    if once:
        return lambda: bool(feed.sites) and all(site.complete for site in feed.sites.values())
    return None


def _address(broker: str, *, tls: bool) -> tuple[str, int]:
    host, colon, port = broker.rpartition(":")
    if not colon or broker.endswith("]"):
        return broker.strip("[]"), PORT_TLS if tls else PORT
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise click.UsageError(f"{broker!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def _pinned(given: tuple[str, ...], sites: tuple[str, ...]) -> Mapping[str, Verifier]:
    if not given:
        return {}
    if len(sites) != 1:
        raise click.UsageError("--key is one site's: name it with --site")
    keys = {key for one in given for key in _read(one)}
    if len(keys) > 1:
        # Which of them signs from when on, only the record can say; it does, and both sign that.
        raise click.UsageError(
            f"--key: these are {len(keys)} keys; give the newest alone: from it the record leads "
            "to all before, by statements that both keys have signed"
        )
    return dict.fromkeys(sites, keys.pop())


def _read(given: str) -> list[Verifier]:
    """Return the keys that are given, or that a file has, one a line."""
    from agent.journal.note import NoteRefused, Verifier

    try:
        text = given if "+" in given else Path(given).read_text(encoding="utf-8")
        lines = [line for line in text.split("\n") if line.strip()]
        return [Verifier.parse(line) for line in lines or [text]]
    except OSError as error:
        raise click.UsageError(f"{given}: {error.strerror}") from error
    except (NoteRefused, UnicodeDecodeError) as error:
        raise click.UsageError(f"--key: {error}") from error


def _default_state(name: str) -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(base) / "armoury" / name
