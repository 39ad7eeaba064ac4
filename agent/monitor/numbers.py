"""Which events have come, which are missing, and when to ask for them. Pure.

A number is missing when the gateway says that nothing waits any more and it has not come; or
when a heartbeat counted it half a minute ago and no backlog is coming in. Alarms overtake, so
that a hole alone means nothing yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

from agent.journal.ranges import Ranges, Span
from agent.monitor.pulse import LOST_S

SETTLED_S = 30.0
DRAINED_S = 10.0
ASK_NUMBERS, ASK_SPANS = 1000, 8  # in one request, and requests at once
ASK_AGAIN_S = (5.0, 60.0)
# An event is counted by the next heartbeat, half a minute later. But an alarm comes in a session of
# its own, and the heartbeats that wait in the other one, up to 90 s old, do not know of it.
AHEAD_S = 180.0
# Pieces in which they have come: alarms overtake, so there are some; but whoever makes numbers up
# can make more of them than a desk, which keeps them all on its disk, has time for.
SPANS_MOST = 20_000

_NONE = Ranges()


class Numbers:
    """One site's.

    Attributes:
        came: numbers whose events have come.
        gone: numbers of which the gateway says that it keeps no event.
        first: what is below is not missed; None until it is known.
        head: the newest number, as the last heartbeat had it ...
        heard: ... or as an event had it that had come by then.

    Args:
        first: number from which on everything is wanted; None: from the first that comes. What
            comes from below by itself is wanted with all that follows it.
        came: before a restart of ours.
        gone: before a restart of ours.
    """

    def __init__(
        self, first: int | None = None, came: Ranges = _NONE, gone: Ranges = _NONE
    ) -> None:
        self.came = came
        self.gone = gone
        self.first = first
        self.head = self.heard = 0
        self._head_s = float("-inf")
        self._settled = 0  # up to here everything should have come
        self._counted = 0  # by a heartbeat of half a minute ago
        self._heads: deque[tuple[float, int]] = deque(maxlen=100)
        self._historical_s = float("-inf")
        self._ahead: dict[int, float] = {}
        self._told = Ranges()
        self._asked = Ranges()
        self._ask_s = float("-inf")
        self._pause_s = ASK_AGAIN_S[0]

    def take(self, numbers: Iterable[int], now_s: float, *, historical: bool) -> None:
        """Take note of events that have come.

        Args:
            numbers: theirs.
            now_s: the present.
            historical: they had to wait: a backlog is coming in.
        """
        new = [number for number in numbers if number not in self.came]
        if not new:
            return
        self.came |= Ranges.of((number, number) for number in new)
        self._ahead.update((number, now_s) for number in new if number > self.head)
        self._bound()
        if historical:
            self._historical_s = now_s
        self.first = min([*new, self.first or new[0]])
        self._pause_s, self._ask_s = ASK_AGAIN_S[0], min(self._ask_s, now_s + 1.0)

    def _bound(self) -> None:
        """Forget the highest that came in too many pieces: true ones will be asked for again."""
        if len(self.came.spans) > SPANS_MOST:
            self.came = Ranges(self.came.spans[: SPANS_MOST // 2])
            self._ahead = {n: at for n, at in self._ahead.items() if n in self.came}

    def counted(self, head: int, waiting: int, now_s: float) -> list[int]:
        """Take a heartbeat's word; return numbers that have come and that it does not reach.

        Args:
            head: the newest number there is.
            waiting: events still to come.
            now_s: the present.
        """
        if self.first is None:
            self.first = max(1, head + 1 - waiting)  # copies that wait count as well
        self.head, self._head_s = head, now_s
        self._heads.append((now_s, head))
        if not waiting:
            self._settled = max(self._settled, head)
        self._ahead = {number: at for number, at in self._ahead.items() if number > head}
        forged = [number for number, at in self._ahead.items() if now_s - at >= AHEAD_S]
        for number in forged:
            del self._ahead[number]
        self.came -= Ranges.of((number, number) for number in forged)
        self.heard = self.newest
        return forged

    @property
    def newest(self) -> int:
        """Return the newest number that was heard of, unless it is known to be forged."""
        return max([self.head, *self._ahead])

    def fresh_head(self, now_s: float, within_s: float = LOST_S) -> int | None:
        """Return the newest number, if a heartbeat has said it within this time."""
        return self.head if now_s - self._head_s <= within_s else None

    def is_behind(self, now_s: float) -> bool:
        """Return whether a backlog is coming in."""
        return now_s - self._historical_s < DRAINED_S

    @property
    def top(self) -> int:
        """Return the newest number that has come, of those that heartbeats count."""
        return min(self.came.spans[-1][1], self.head) if self.came.spans else 0

    def answered(self, span: Span, numbers: Iterable[int]) -> list[Span]:
        """Take an answer to a request; return which numbers are not kept any more.

        Of what was not asked for it says nothing: anybody may answer without a question, for
        numbers that there will be.

        Args:
            span: the numbers for which it answers.
            numbers: those of the events in it.
        """
        here = Ranges.of((number, number) for number in numbers) | self.came | self.gone
        gone = (self._asked & Ranges((span,))) - here
        self._asked -= Ranges((span,))
        self.gone |= gone
        return list(gone.spans)

    def missing(self, now_s: float) -> list[Span]:
        """Return what should have come and has not."""
        if self.first is None:
            return []
        while self._heads and now_s - self._heads[0][0] >= SETTLED_S:
            self._counted = self._heads.popleft()[1]
        if not self.is_behind(now_s):
            self._settled = max(self._settled, self._counted)
        return list((self.came | self.gone).gaps(self.first, self._settled))

    def news(self, missing: list[Span]) -> tuple[list[Span], bool]:
        """Return what is missing and was not told yet, and whether all that was told has come."""
        found = Ranges.of(missing)
        new = [gap for span in found.spans for gap in self._told.gaps(*span)]
        over = bool(self._told.spans) and not missing
        self._told = Ranges() if over else self._told | found
        return new, over

    def asks(self, missing: list[Span], now_s: float) -> list[Span]:
        """Return what to ask for now."""
        if not missing or now_s < self._ask_s:
            return []
        self._ask_s = now_s + self._pause_s
        self._pause_s = min(2 * self._pause_s, ASK_AGAIN_S[1])
        found = chunks(missing)
        self._asked |= Ranges.of(found)
        return found

    def complete_to(self, first: int) -> int:
        """Return up to which number everything from `first` on has come or is not kept."""
        return (self.came | self.gone).complete_to(first)


def chunks(spans: Iterable[Span]) -> list[Span]:
    """Return the first of these numbers as requests of a size that is fair to the gateway."""
    parts = (
        (start, min(last, start + ASK_NUMBERS - 1))
        for first, last in spans
        for start in range(first, last + 1, ASK_NUMBERS)
    )
    return list(islice(parts, ASK_SPANS))
