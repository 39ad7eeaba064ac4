"""Pauses between attempts: growing, capped, and drawn so that a thousand gateways spread."""

from __future__ import annotations

from random import Random


class Pauses:
    """Full jitter: each pause is drawn from zero to a range that doubles up to a cap.

    A broker that comes back meets its gateways spread over the whole range, and not in waves
    (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015).
    """

    def __init__(self, first_s: float, cap_s: float, random: Random) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._random = random
        self._range_s = first_s

    def next_s(self) -> float:
        """Return how long to wait now, and grow."""
        pause_s = self._random.uniform(0, self._range_s)
        self._range_s = min(self._cap_s, self._range_s * 2)
        return pause_s

    def reset(self) -> None:
        """Begin again: it has worked for a good while."""
        self._range_s = self._first_s
