"""Events that the monitor asks for again, because it misses some. Pure.

A broker may lose what it has acknowledged (its queue is full, its power fails). The monitor sees
the gap in the numbers and asks. What is repeated changes nothing in what counts as delivered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from agent.uplink import feed
from agent.uplink.ledger import STOCK_MOST, Gap, Parcel

ASKED_MOST = 32  # requests that wait; a monitor joins its gaps, or asks again


class Repeats:
    """What is to be repeated on one connection; lost with it, since the monitor asks again.

    Attributes:
        stock: batches that wait in memory; changed by this class only.
    """

    def __init__(self) -> None:
        self._asked: deque[Gap] = deque()
        self.stock: deque[Parcel] = deque()
        self._reading: Gap | None = None

    def ask(self, first: int, last: int, head: int) -> bool:
        """Take a request; return False when too many wait.

        Args:
            first: the first number wanted.
            last: the last one; beyond `head` it means `head`.
            head: the newest number there is.
        """
        if len(self._asked) >= ASKED_MOST:
            return False
        if first <= head:
            self._asked.append(Gap(None, (first, min(last, head))))
        return True

    def take_late(self) -> Parcel:
        """Return the next batch of what is in `stock`."""
        return self.stock.popleft()

    def wants(self) -> Gap | None:
        """Return the numbers to read next; None while the stock does, or nothing is asked for."""
        if self._reading is not None or not self._asked or len(self.stock) >= STOCK_MOST:
            return None
        self._reading = self._asked.popleft()
        return self._reading

    def stocked(self, gap: Gap, parcels: Sequence[Parcel], upto: int) -> None:
        """Take what was read; see `Ledger.stocked`. What is pruned is told as an empty batch."""
        if gap is not self._reading:
            return
        self._reading = None
        first, last = gap.span
        self.stock.extend(parcels or [Parcel((first, upto), upto, 0, feed.nothing(first, upto))])
        if upto < last:
            self._asked.appendleft(Gap(None, (upto + 1, last)))

    def unread(self, gap: Gap) -> None:
        """The journal could not be read now; it will be asked again."""
        if gap is self._reading:
            self._reading = None
            self._asked.appendleft(gap)

    def clear(self) -> None:
        """The connection is gone."""
        self._asked.clear()
        self.stock.clear()
        self._reading = None
