"""Topics that the broker does not take just now, and when each is tried again. Pure."""

from __future__ import annotations

from random import Random

from msgspec import Struct

from agent.pauses import Pauses
from agent.uplink.message import Message, Rank

PROBE_S = (0.5, 10.0)  # first and longest range of the pauses


class Hold(Struct):
    """Why a topic is held, and until when of the caller's clock."""

    topic: str
    code: int
    until_s: float
    pauses: Pauses
    seq: int | None  # of the event that was refused, if it was one of the record


class Holds:
    """The ranks that are held. While one is, a single message at a time tries its topic."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._holds: dict[Rank, Hold] = {}

    def __contains__(self, rank: Rank) -> bool:
        return rank in self._holds

    def pausing(self, rank: Rank, now_s: float) -> bool:
        """Return whether the topic must not even be tried."""
        return rank in self._holds and self._holds[rank].until_s > now_s

    def refused(self, message: Message, code: int, now_s: float) -> None:
        """Hold a topic because of this answer, or go on holding it for longer."""
        rank = message.rank
        if self.pausing(rank, now_s):
            return  # one more of those that were on their way together
        before = self._holds.get(rank)
        pauses = before.pauses if before else Pauses(*PROBE_S, self._random)
        until_s = now_s + pauses.next_s()
        self._holds[rank] = Hold(message.topic, code, until_s, pauses, message.seq)

    def taken(self, rank: Rank) -> None:
        """Let a topic go: the broker took a message."""
        self._holds.pop(rank, None)

    def hurry(self, *ranks: Rank) -> None:
        """Have these topics tried at once."""
        for rank in ranks:
            if rank in self._holds:
                self._holds[rank].until_s = 0.0

    def due_s(self, now_s: float) -> float | None:
        """Return when the next pause ends."""
        ends = [hold.until_s for hold in self._holds.values() if hold.until_s > now_s]
        return min(ends, default=None)

    def clear(self) -> None:
        self._holds.clear()

    def trouble(self) -> Hold | None:
        """Return why events stay behind although the broker is there, if they do.

        A fresh topic that is held is no trouble: its events go on as late ones.
        """
        if not self._holds:
            return None
        ranks = (Rank.ALARM_LATE, Rank.BACKLOG, Rank.UNRECORDED, Rank.CONTROL)
        return next((self._holds[rank] for rank in ranks if rank in self._holds), None)
