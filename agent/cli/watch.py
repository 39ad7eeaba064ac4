"""`armoury watch`: the site on the terminal, live."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import threading
import time
import tty
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group, RenderableType, RenderResult
from rich.live import Live
from rich.rule import Rule
from rich.segment import Segment
from rich.text import Text

from agent.cli import options
from agent.cli.asking import followed
from agent.cli.event_line import details, local_time
from agent.cli.picture import Halves, alarms, header
from agent.control import Client, ControlError, socket_path

EVENTS_KEPT = 100
EVENTS_ASKED = 40
EVENTS_LEAST = 4  # on the lowest terminal
TRY_AGAIN_S = 1.0
REDRAW_S = 1.0  # at least so often: "ready 3 min" grows older by itself
LEAVE = {"q", "Q", "\x04"}  # Ctrl-D; and Ctrl-C, which comes as a signal
STYLES = {"alarm": "bold red", "fault": "yellow", "access": "cyan", "info": "dim"}


@click.command()
@options.socket
def watch(socket: Path | None) -> None:
    """Show the site live on the terminal, and the last events.

    It redraws when something changes; q or Ctrl-C leaves. When the daemon goes away it stays and
    shows the site again once the daemon is back.

    \b
    Example:
      armoury watch
    """
    console = Console(highlight=False)
    if not (console.is_terminal and sys.stdin.isatty()):
        raise click.UsageError("watch needs a terminal; for a script: armoury status --json")
    if console.is_dumb_terminal:
        raise click.UsageError(
            f"watch draws, and this terminal cannot be drawn on (TERM={os.environ['TERM']}); use: "
            "armoury status, armoury events --follow"
        )
    path = socket_path(socket)
    with Client(path) as client:  # nobody there: say so and end, rather than wait
        view = View(client.ask("status"))
    view.follow(path)
    with (
        interrupts(view.leave),
        keys_unseen(),
        Live(view, console=console, screen=True, auto_refresh=False) as live,
    ):
        while not (view.left or _left(view.changed, REDRAW_S)):
            live.refresh()


class View:
    """What is shown: the newest status and the last events, as two threads bring them."""

    def __init__(self, status: dict[str, Any]) -> None:
        self._status = status
        self._events: deque[dict[str, Any]] = deque(maxlen=EVENTS_KEPT)
        self._damaged: list[Sequence[int]] = []
        self._absent: str | None = None
        self.left = False
        self.changed, self._wake = os.pipe()

    def follow(self, path: Path) -> None:
        """Keep up with the daemon from now on, over its restarts too."""
        newest = partial(followed, damaged=self._damaged, limit=EVENTS_ASKED, newest_first=True)
        for stream, take in (
            (lambda client: client.stream("watch"), self._take_status),
            (newest, self._take_event),
        ):
            threading.Thread(target=self._keep_up, args=(path, stream, take), daemon=True).start()

    def leave(self) -> None:
        """Ask to leave.

        What is being drawn is drawn first: cut off, it would keep back all that comes after it,
        and the terminal would stay as it is now.
        """
        self.left = True
        self._redraw()

    def _keep_up(self, path: Path, stream: Any, take: Any) -> None:
        while True:
            try:
                with Client(path, timeout_s=None) as client:
                    for item in stream(client):
                        take(item)
                        self._redraw()
            except ControlError as error:
                self._absent = str(error)
                self._redraw()
            time.sleep(TRY_AGAIN_S)

    def _take_status(self, status: dict[str, Any] | None) -> None:
        if status:
            self._status, self._absent = status, None

    def _take_event(self, event: dict[str, Any] | None) -> None:
        last = self._events[-1]["seq"] if self._events else 0
        if event and event["seq"] > last:
            self._events.append(event)

    def _redraw(self) -> None:
        os.write(self._wake, b".")

    def __rich_console__(self, console: Console, _options: Any) -> RenderResult:
        """Fill the terminal: the site first, but never so much that no event is seen."""
        events, damage = list(self._events), self._left_out()
        shown = min(len(events), EVENTS_LEAST) + len(damage)
        lines = console.render_lines(self._site(), console.options.update(height=None))
        most = max(1, console.height - shown - 2)
        cut, lines = len(lines) - most, lines[:most]
        for line in lines:
            yield from line
            yield Segment.line()
        rule = Text("events   q leaves", "dim")
        rule.append(f"   {cut} more lines above do not fit" if cut > 0 else "", "bold yellow")
        yield Rule(rule, align="left", style="dim")
        yield from damage
        room = max(0, console.height - len(lines) - len(damage) - 2)
        for event in events[-room:] if room else ():
            yield event_text(event)

    def _left_out(self) -> list[Text]:
        """Say which of the events below are damaged: what only looks whole would be worse."""
        if not self._damaged:
            return []
        from agent.journal.intact import left_out

        text = left_out(self._damaged)
        return [Text(text, "bold yellow", no_wrap=True, overflow="ellipsis")]

    def _site(self) -> RenderableType:
        absent = [Text(f"{self._absent}; trying again", "bold yellow")] if self._absent else []
        rule = Rule(style="dim")
        return Group(
            *absent, header(self._status), *alarms(self._status), rule, Halves(self._status)
        )


def event_text(event: dict[str, Any]) -> Text:
    """Write an event on one line, cut where the terminal ends."""
    time_of_day = local_time(event["at"]).strftime("%H:%M:%S.%f")[:-5]
    line = Text(
        f"{event.get('seq', '-'):>6} {time_of_day} ", "dim", no_wrap=True, overflow="ellipsis"
    )
    line.append(f"{event['kind']} {event['object']}", STYLES.get(event["severity"], ""))
    line.append(f"  {details(event)}", "dim")
    return line


def _left(changed: int, timeout_s: float) -> bool:
    """Wait for a key or a change; say whether the key was one to leave by."""
    ready, _, _ = select.select([sys.stdin, changed], [], [], timeout_s)
    if changed in ready:
        os.read(changed, 4096)
    if sys.stdin in ready:
        keys = os.read(sys.stdin.fileno(), 64).decode(errors="replace")
        return not keys or not LEAVE.isdisjoint(keys)
    return False


@contextmanager
def interrupts(leave: Callable[[], None]) -> Iterator[None]:
    """Take Ctrl-C as a wish to leave, not as an exception in the midst of whatever is done."""
    before = signal.signal(signal.SIGINT, lambda *_: leave())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def keys_unseen() -> Iterator[None]:
    """Get each key as it is pressed, unseen; the terminal is as before afterwards."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
