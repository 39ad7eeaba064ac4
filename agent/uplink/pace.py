"""How much of the line the late events may take. Pure."""

from __future__ import annotations

LEAST_BYTES = 2_048
FIRST_BYTES = 32_768
MOST_BYTES = 131_072
SLOW_S = 0.25  # an alarm may wait so long behind one late batch
QUICK_S = 0.05
BRIEF_S = 0.01  # not worth waiting for
MOST_PER_S = 30_000  # events
BURST_S = 0.05  # what was not used is kept for so long: a short outage is over at once


class Pace:
    """Keeps late events from getting in an alarm's way, in size and in number.

    Size: what a batch takes beyond the line's shortest round trip is the time for which it
    blocks the line. Over `SLOW_S`, batches shrink to half; under `QUICK_S`, they double.

    Number: for as long as a batch has blocked the line, the next one waits: half of a line that
    is slow, or of a broker that is busy, is left to others. On a quick one a broker acknowledges
    what it has queued, not what the monitor has read, and there is no window between those two.
    Measured on loopback: unpaced, 200,000 events a second went out, a subscriber that wrote
    70,000 a second had a queue of half a second, and an alarm was at its end. A monitor that is
    slower still hears alarms in a session of their own (docs/feed.md).
    """

    def __init__(self) -> None:
        self.batch_bytes = FIRST_BYTES
        self._shortest_s = float("inf")
        self._free_s = 0.0

    def took(self, elapsed_s: float, now_s: float, *, late: bool) -> None:
        """Learn how long a message took to be acknowledged, and whether it was a late batch."""
        self._shortest_s = min(self._shortest_s, elapsed_s)
        if not late:
            return
        blocked_s = elapsed_s - self._shortest_s
        if blocked_s > BRIEF_S:
            self._free_s = max(self._free_s, now_s + blocked_s)
        if blocked_s > SLOW_S:
            self.batch_bytes = max(LEAST_BYTES, self.batch_bytes // 2)
        elif blocked_s < QUICK_S:
            self.batch_bytes = min(MOST_BYTES, self.batch_bytes * 2)

    def sent(self, events: int, now_s: float) -> None:
        """Take note of late events that leave."""
        self._free_s = max(self._free_s, now_s - BURST_S) + events / MOST_PER_S

    def free_s(self) -> float:
        """Return from when on late events may leave."""
        return self._free_s
