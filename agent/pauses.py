"""Pauses between attempts: growing, capped, and drawn so that nothing retries in step."""

from __future__ import annotations

from random import Random


class Pauses:
    """Each pause is drawn from a range that doubles up to a cap.

    Of the whole range (full jitter), a broker that comes back meets its gateways spread over all
    of it, and not in waves (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog,
    2015). With `least` of 0.5 it is the range's upper half: what fails at once is not started
    again at once.

    Args:
        first_s: the first range.
        cap_s: the longest.
        random: draws.
        least: the part of the range that every pause takes at the least.
    """

    def __init__(self, first_s: float, cap_s: float, random: Random, least: float = 0.0) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._random = random
        self._least = least
        self._range_s = first_s

    def next_s(self) -> float:
        """Return how long to wait now, and grow."""
        pause_s = self._random.uniform(self._least * self._range_s, self._range_s)
        self._range_s = min(self._cap_s, self._range_s * 2)
        return pause_s

    def reset(self) -> None:
        """Begin again: it has worked for a good while."""
        self._range_s = self._first_s
