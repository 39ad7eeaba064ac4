"""What has come over the desk's sessions and waits to be taken: alarms before everything else."""

from __future__ import annotations

import itertools
import queue

from msgspec import Struct

ALARMS, REST = 0, 1  # which session; the first is served first


class Arrived(Struct, frozen=True):
    """One message as it came.

    Attributes:
        session: over which it came, and is acknowledged: `ALARMS` or `REST`.
        connection: the session's, whose number `mid` is.
    """

    session: int
    topic: str
    payload: bytes
    retained: bool
    again: bool
    mid: int
    connection: int


class Changed(Struct, frozen=True):
    """A session's connection has come about, failed or broken; the text says it in a sentence."""

    session: int
    up: bool
    text: str


class Inbox:
    """Filled on the sessions' threads, emptied on the desk's."""

    def __init__(self) -> None:
        self._items: queue.PriorityQueue[tuple[int, int, Arrived | Changed]]
        self._items = queue.PriorityQueue()
        self._numbers = itertools.count()  # those of one session stay in order

    def put(self, what: Arrived | Changed) -> None:
        self._items.put((what.session, next(self._numbers), what))

    def take(self, within_s: float) -> Arrived | Changed | None:
        """Return what is the most urgent now; wait for it, but not for longer than `within_s`."""
        try:
            return self._items.get(block=within_s > 0, timeout=within_s)[2]
        except queue.Empty:
            return None
