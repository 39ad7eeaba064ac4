"""Growing, jittered pauses between attempts, so that nothing retries in step or in a rush."""

from __future__ import annotations

from random import Random


class Pauses:
    """The pause before each next attempt.

    The first is short, since most failures are over at once; each next one is drawn from
    the upper half of a range that doubles up to `cap_s`.
    """

    def __init__(self, first_s: float, cap_s: float, random: Random) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._random = random
        self._range_s = first_s

    def next_s(self) -> float:
        """Return how long to wait now, and grow."""
        pause_s = self._random.uniform(self._range_s / 2, self._range_s)
        self._range_s = min(self._cap_s, self._range_s * 2)
        return pause_s

    def reset(self) -> None:
        """Begin again: it has worked for a good while."""
        self._range_s = self._first_s
