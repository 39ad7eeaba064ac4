"""Leaves of which only the hash was shown. Pure.

That is how a gateway shows an event whose content it has given up; then a `system.pruned` event,
which is signed like all others, names its number. It is as well how somebody who can make up
hashes hides that he has changed or dropped an event; then none does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from msgspec import Struct

from agent.journal.ranges import Ranges, Span
from agent.journal.record import PRUNED

TOGETHER_S = 60.0  # what is shown within this time is judged together
# Until a heartbeat that counts was made after they were shown: it may be 90 s old when we hear it,
# and we may have heard it 90 s ago.
COUNTED_S = 180.0
_MARK = b'"kind":"%b"' % PRUNED.encode()


class _Shown(Struct):
    """What was shown at about one time.

    Attributes:
        numbers: of the events.
        since_s: when the first of them was.
        due: whatever has given them up has no higher number; None while that is not clear.
    """

    numbers: Ranges
    since_s: float
    due: int | None = None


class BareLeaves:
    """One record's, as far as nothing signed says why there is no more of them.

    Args:
        numbers: before a restart of ours.
        now_s: the present.
    """

    def __init__(self, numbers: Ranges, now_s: float) -> None:
        self._shown = [_Shown(numbers, now_s)] if numbers.spans else []

    @property
    def numbers(self) -> Ranges:
        """Return the numbers that nothing explains yet."""
        return Ranges.of(span for one in self._shown for span in one.numbers.spans)

    def take(self, numbers: Ranges, now_s: float) -> None:
        """Take note of what was shown so."""
        new = numbers - self.numbers
        if not new.spans:
            return
        last = self._shown[-1] if self._shown else None
        if last is not None and last.due is None and now_s - last.since_s <= TOGETHER_S:
            last.numbers |= new
        else:
            self._shown.append(_Shown(new, now_s))

    def explain(self, pruned: Ranges) -> Ranges:
        """Let go of what a signed event names as given up; return what of it was here."""
        if not pruned.spans or not self._shown:
            return Ranges()
        before = self.numbers
        for one in self._shown:
            one.numbers -= pruned
        self._shown = [one for one in self._shown if one.numbers.spans]
        return before - self.numbers

    def overdue(self, now_s: float, head: int | None, proven: int) -> Ranges:
        """Let go of what nothing will explain any more, and return it.

        Args:
            now_s: the present.
            head: the newest number, of a heartbeat of the last 90 s; None without one.
            proven: up to which number everything is shown.
        """
        for one in self._shown:
            if one.due is None and now_s - one.since_s >= TOGETHER_S + COUNTED_S:
                one.due = head
        ripe = [one for one in self._shown if one.due is not None and one.due <= proven]
        self._shown = [one for one in self._shown if one not in ripe]
        return Ranges.of(span for one in ripe for span in one.numbers.spans)


def given_up(body: bytes) -> Iterator[Span]:
    """Yield the numbers whose content an event says was given up; of most events none."""
    if _MARK not in body:
        return
    event = json.loads(body)
    ranges = event["data"].get("ranges")
    if event["kind"] != PRUNED or not isinstance(ranges, list):
        return
    for span in ranges:
        match span:
            case [int(first), int(last)] if first <= last:
                yield first, last
