"""The demo's screen: the site above, what the monitor hears below, and keys to play with."""

from __future__ import annotations

import math
import os
import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.rule import Rule
from rich.text import Text

from agent.cli.picture import Halves, alarms, header
from agent.cli.watch import event_text, keys_unseen
from simulators.armoury import Armoury
from simulators.control import SimulatorError
from simulators.night import NightError

LOOK_EVERY_S = 0.25
RESTART_S = 1.0  # systemd/armoury-agent.service
LEAVE = "q"


class Play:
    """What the keys do; each switches between two states of one thing."""

    def __init__(self, house: Armoury) -> None:
        self._house = house
        self._on: set[str] = set()
        self._ended_s = math.inf  # when the daemon was found to have ended
        self.said = ""
        simulate = self._simulate
        self.keys: Mapping[str, tuple[str, Callable[[], None]]] = {
            "p": ("panic", lambda: simulate("p", "press guard-room", "release guard-room")),
            "1": ("finger of p-1", lambda: simulate("", "finger store-reader 1")),
            "x": ("unknown finger", lambda: simulate("", "finger store-reader unknown")),
            "d": ("door", lambda: simulate("d", "open store", "close store")),
            "c": ("cover lens", lambda: simulate("c", "scene hall hand", "scene hall empty")),
            "m": ("walk in", lambda: simulate("m", "scene hall person", "scene hall empty")),
            "b": ("broker", self._broker),
            "k": ("kill -9 the daemon", self._kill),
        }

    def do(self, key: str) -> None:
        """Do what a key stands for; whatever fails is said on the screen."""
        if key in self.keys:
            self.said = self.keys[key][0]
            try:
                self.keys[key][1]()
            except (NightError, SimulatorError) as error:
                self.said = str(error)

    def _simulate(self, key: str, first: str, second: str = "") -> None:
        words = second if second and key in self._on else first
        self._on ^= {key}
        self.said = f"armoury simulate {words}"
        self._house.armoury("simulate", *words.split())

    def end(self) -> None:
        """Put back what was taken away, so that all that happened can still be told."""
        if "b" in self._on:
            self._broker()
        self.see_to_daemon(now=True)

    def see_to_daemon(self, *, now: bool = False) -> None:
        """Start the daemon anew where it has ended, as systemd would, and no more often."""
        if self._house.daemon is not None and self._house.daemon.poll() is None:
            self._ended_s = math.inf
            return
        self._ended_s = min(self._ended_s, time.monotonic())
        if now or time.monotonic() >= self._ended_s + RESTART_S:
            self._ended_s = math.inf
            self._house.start_daemon()
            self.said = "died, and started anew"  # as systemd would; no more fits on 80 columns

    def _broker(self) -> None:
        stopped = "b" in self._on
        self._on ^= {"b"}
        self.said = "the broker is back" if stopped else "the broker is gone"
        self._house.broker_do("start" if stopped else "kill")

    def _kill(self) -> None:
        self._house.kill_daemon()
        self._house.start_daemon()
        self.said = "killed, and started as systemd would"


class Screen:
    """The newest picture of both ends."""

    def __init__(self, house: Armoury, play: Play) -> None:
        self._house = house
        self._play = play
        self._status: dict[str, Any] = house.ask("status")
        self._silent = False

    def look(self) -> None:
        """Ask again; a daemon that is just starting leaves the picture as it was."""
        try:
            self._status, self._silent = self._house.ask("status"), False
        except SimulatorError:
            self._silent = True

    def __rich_console__(self, console: Console, _options: Any) -> Iterator[RenderableType]:
        silent = [Text("the daemon does not answer; this was before", "bold yellow")]
        upper = [
            *(silent if self._silent else ()),
            header(self._status),
            *alarms(self._status),
            Rule(style="dim"),
        ]
        upper += [Halves(self._status), Rule("what the monitor hears", align="left", style="dim")]
        yield from upper
        options = console.options.update(height=None)
        taken = sum(len(console.render_lines(part, options)) for part in upper)
        room = max(0, console.height - taken - 4)
        heard = list(self._house.monitor.events().values())
        for event in heard[-room:] if room else ():
            yield event_text(event)
        yield Text("\n" * max(0, room - len(heard) - 1))
        yield Rule(style="dim")
        yield self._keys()

    def _keys(self) -> Text:
        line = Text()
        for key, (what, _) in self._play.keys.items():
            line.append(f" {key} ", "bold reverse")
            line.append(f" {what}  ")
        line.append(f" {LEAVE} ", "bold reverse")
        line.append(" leave  ")
        line.append(self._play.said, "cyan")
        return line


def stay(house: Armoury) -> None:
    """Show both ends and do what the keys say, until the person leaves."""
    console = Console(highlight=False)
    play = Play(house)
    screen = Screen(house, play)
    with (
        suppress(KeyboardInterrupt),
        keys_unseen(),
        Live(screen, console=console, screen=True, auto_refresh=False) as live,
    ):
        while (key := _key(LOOK_EVERY_S)) != LEAVE:
            play.do(key)
            play.see_to_daemon()
            screen.look()
            live.refresh()
    play.end()


def _key(timeout_s: float) -> str:
    """Return the key that was pressed, "" if there was none in time."""
    if not select.select([sys.stdin], [], [], timeout_s)[0]:
        return ""
    return os.read(sys.stdin.fileno(), 16).decode(errors="replace")[:1] or LEAVE
