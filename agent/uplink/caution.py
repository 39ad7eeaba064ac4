"""What to do about a broker that hangs up over a message. Pure.

Some brokers take only messages up to a size that they do not tell, and end the connection over
a larger one; it would be the first to be sent on the next, and nothing would pass any more. So
after a connection that ended early, or with an objection, the next one begins with one message
at a time. When that one is objected to, it is known which it was: batches become smaller, and a
single event is left out, until a connection has gone well.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.uplink.ledger import Parcel
from agent.uplink.message import Message
from agent.uplink.pace import MOST_BYTES

CAREFUL_MESSAGES = 20  # taken one by one, they end the care


class Caution:
    """Remembers over a path's connections what its broker did not take.

    Attributes:
        batch_bytes: how large a message with several events may be.
    """

    def __init__(self) -> None:
        self.batch_bytes = MOST_BYTES
        self._barred: set[int] = set()
        self._careful = 0

    def window(self, full: int) -> int:
        """Return how many messages may be on their way."""
        return 1 if self._careful else full

    def allows(self, parcel: Parcel) -> bool:
        """Return whether a message may be tried."""
        return parcel.events > 1 or parcel.last not in self._barred

    def taken(self) -> None:
        """The broker has taken a message."""
        self._careful = max(0, self._careful - 1)

    def ended(self, unanswered: Sequence[Message], *, objected: bool, steady: bool) -> None:
        """A connection has ended.

        Args:
            unanswered: what was on its way.
            objected: the broker ended it because of something that it was sent.
            steady: it had stood for a while.
        """
        if objected and len(unanswered) == 1:
            self._blame(unanswered[0])
        elif steady and not objected:
            self.batch_bytes = MOST_BYTES
            self._barred.clear()
        suspect = objected or (bool(unanswered) and not steady)
        self._careful = CAREFUL_MESSAGES if suspect else 0

    def _blame(self, message: Message) -> None:
        if message.parcel is None:
            return
        if message.parcel.events > 1:
            self.batch_bytes = len(message.payload) // 2
        else:
            self._barred.add(message.parcel.last)
