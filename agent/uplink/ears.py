"""What somebody else publishes to us: requests and commands. A flood is stopped at the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

MOST_PER_S = 200  # a monitor sends a few messages a minute
DEAF_S = 10.0


class Line(Protocol):
    """A connection, as far as hearing goes."""

    def subscribe(self, topics: list[str]) -> None: ...

    def unsubscribe(self, topics: list[str]) -> None: ...


class Ears:
    """Hands messages to who is meant. All methods are the loop's.

    Attributes:
        ignored: messages that made no sense, or were too many.

    Args:
        meant: who takes a topic's messages; says whether one made sense.
        loop: runs it all.
    """

    def __init__(
        self, meant: Mapping[str, Callable[[bytes], bool]], loop: asyncio.AbstractEventLoop
    ) -> None:
        self.ignored = 0
        self._meant = meant
        self._loop = loop
        self._line: Line | None = None
        self._second = 0
        self._heard = 0
        self._deaf: asyncio.TimerHandle | None = None

    def open(self, line: Line) -> None:
        """Listen on a new connection."""
        self._line = line
        self._listen()

    def close(self) -> None:
        """The connection is gone."""
        self._line = None
        if self._deaf is not None:
            self._deaf.cancel()
            self._deaf = None

    def hear(self, topic: str, payload: bytes) -> None:
        """Take one message."""
        if self._deaf is not None or self._line is None:
            return
        second = int(self._loop.time())
        if second != self._second:
            self._second, self._heard = second, 0
        self._heard += 1
        if self._heard > MOST_PER_S:
            self.ignored += 1
            self._line.unsubscribe(list(self._meant))
            self._deaf = self._loop.call_later(DEAF_S, self._listen)
        elif topic not in self._meant or not self._meant[topic](payload):
            self.ignored += 1

    def _listen(self) -> None:
        self._deaf = None
        if self._line is not None:
            self._line.subscribe(list(self._meant))
