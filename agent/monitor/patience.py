"""For how long the gateway could have shown something and has not. Pure.

A gateway that is away shows nothing, and one with a backlog to bring shows it late; neither is a
lie. So what has to be shown is waited for by a clock that stands while no heartbeat comes, and
goes slowly while a backlog comes in. It never stops for good while somebody pretends to be there.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct, field

THERE_S = 45.0  # a heartbeat comes every 30 s
SLOWLY = 0.1
STEP_S = 5.0  # more than this between two looks was our own doing
UNPROVED_S = 60.0
UNSIGNED_S = 180.0  # a checkpoint is made every 60 s


class Patience(Struct):
    """One site's.

    Attributes:
        spent_s: seconds so far.
    """

    spent_s: float = 0.0
    _last_s: float | None = None

    def tick(self, now_s: float, *, there: bool, behind: bool) -> float:
        """Let time pass; return `spent_s`.

        Args:
            now_s: the present.
            there: a heartbeat came within `THERE_S`.
            behind: a backlog comes in.
        """
        passed_s = 0.0 if self._last_s is None else min(now_s - self._last_s, STEP_S)
        self._last_s = now_s
        if there:
            self.spent_s += passed_s * (SLOWLY if behind else 1.0)
        return self.spent_s


class Overdue(Struct):
    """One thing that is waited for, by the patience of its site."""

    _what: object = None
    _since_s: float = 0.0

    def is_over(self, what: object, spent_s: float) -> bool:
        """Say whether it is waited for too long, and begin again.

        Args:
            what: is waited for; another one means progress, None that nothing is.
            spent_s: see `Patience`.
        """
        if what is None or what != self._what:
            self._what, self._since_s = what, spent_s
        over = what is not None and spent_s - self._since_s >= UNPROVED_S
        if over:
            self._since_s = spent_s
        return over


class Unsigned(Struct):
    """Events that came, and that no checkpoint covers yet."""

    _tops: deque[tuple[float, int]] = field(default_factory=deque)  # when, and up to which number

    def overdue(self, top: int, signed: int, spent_s: float) -> int | None:
        """Return the number of an event that was not covered for too long, and begin again.

        Args:
            top: the newest number that came.
            signed: up to which number a checkpoint was heard.
            spent_s: see `Patience`.
        """
        while self._tops and self._tops[0][1] <= signed:
            self._tops.popleft()
        if top > signed and (not self._tops or spent_s - self._tops[-1][0] >= STEP_S):
            self._tops.append((spent_s, top))
        if not self._tops or spent_s - self._tops[0][0] < UNSIGNED_S:
            return None
        _, number = self._tops[0]
        self._tops.clear()
        return number
