"""How much of the line the backlog may take. Pure."""

from __future__ import annotations

LEAST_BYTES = 2_048
FIRST_BYTES = 32_768
MOST_BYTES = 131_072
SLOW_S = 0.25  # an alarm may wait so long behind one late batch
QUICK_S = 0.05


class Pace:
    """Fits the size of late batches to the line, so that an alarm never waits long behind one.

    What a batch takes beyond the line's shortest round trip is the time for which it blocks the
    line: over `SLOW_S`, batches shrink to half; under `QUICK_S`, they double.
    """

    def __init__(self) -> None:
        self.batch_bytes = FIRST_BYTES
        self._shortest_s = float("inf")

    def took(self, elapsed_s: float, *, late: bool) -> None:
        """Learn how long a message took to be acknowledged, and whether it was a late batch."""
        self._shortest_s = min(self._shortest_s, elapsed_s)
        if not late:
            return
        blocked_s = elapsed_s - self._shortest_s
        if blocked_s > SLOW_S:
            self.batch_bytes = max(LEAST_BYTES, self.batch_bytes // 2)
        elif blocked_s < QUICK_S:
            self.batch_bytes = min(MOST_BYTES, self.batch_bytes * 2)
