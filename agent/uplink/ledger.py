"""What of one lane is delivered, on its way, and still to come. Pure: no clock, no wire.

The record's numbers are cut at an *edge*. Above it everything is fresh: handed over right
after its commit, and sent from memory. Up to it, what is not yet delivered is late, and read
from the journal in batches. When fresh events pile up, or a connection is lost, the edge moves
up to the newest number: memory holds a bounded number of events, whatever happens outside.

A lane's events are some of the numbers only. A message therefore stands for a span of numbers:
all of the lane's events in it. So what is delivered stays one range while nothing is missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from msgspec import Struct

from agent.journal.ranges import Ranges, Span
from agent.journal.record import Lane, Recorded
from agent.uplink import feed

FRESH_MOST = 2000  # events that may pile up in memory, about 1 MiB
BATCH_EVENTS = 200
STOCK_MOST = 4  # batches read ahead


class Parcel(Struct, frozen=True, eq=False):
    """Events that travel as one message.

    Attributes:
        span: the numbers whose events of its lane it stands for.
        last: the last one's own number.
        events: how many there are.
        payload: as sent.
        zipped: whether the payload is compressed.
    """

    span: Span
    last: int
    events: int
    payload: bytes
    zipped: bool = False


class Gap(Struct, frozen=True, eq=False):
    """Numbers that a lane's late events must be read from; of both lanes when it is None."""

    lane: Lane | None
    span: Span


class Ledger:
    """One lane's account.

    Attributes:
        fresh: events that wait in memory.
        stock: late batches that do; both are changed by the ledger only.

    Args:
        lane: whose.
        delivered: what any path has delivered so far.
        head: the newest number in the record.
    """

    def __init__(self, lane: Lane, delivered: Ranges, head: int) -> None:
        self.lane = lane
        self.delivered = delivered
        self.head = head
        # A guess until all is out once; the rest's has the alarms of an outage among it.
        self.waiting = head - len(delivered) if lane is Lane.REST else 0
        self._flying: set[Parcel] = set()
        self._aside: set[Parcel] = set()
        self.fresh: deque[Recorded] = deque()
        self.stock: deque[Parcel] = deque()
        self._reading: Gap | None = None
        self._squared = False  # nothing below the edge is late, and `waiting` is certain
        self.rewind()

    # What is recorded

    def note(self, row: Recorded, lane: Lane, *, live: bool) -> None:
        """Take the next number of the record.

        Args:
            row: of any lane ...
            lane: ... which is this one.
            live: whether it may be sent from memory; otherwise it is late.
        """
        if row.seq <= self.head:
            return  # on the disk when we began, told only now: late, and known to be
        self.head = row.seq
        if lane is not self.lane:
            return
        self.waiting += 1
        if live and len(self.fresh) < FRESH_MOST:
            self.fresh.append(row)
        else:
            self._raise_edge()

    def _raise_edge(self) -> None:
        self.fresh.clear()
        self._edge = self._fresh_after = self.head
        self._squared = False

    # What is sent

    def take_fresh(self, most: int, limit_bytes: int) -> Parcel:
        """Return the next of the events that are `fresh`: one as it is recorded, or a batch.

        Args:
            most: events in the message.
            limit_bytes: size of the payload; a single event may be larger.
        """
        rows = [self.fresh.popleft()]
        size = len(rows[0].body) + feed.FRAME_BYTES
        while len(rows) < most and self.fresh and size + len(self.fresh[0].body) < limit_bytes:
            rows.append(self.fresh.popleft())
            size += len(rows[-1].body) + 1
        span = (self._fresh_after + 1, rows[-1].seq)
        self._fresh_after = span[1]
        payload = rows[0].body if len(rows) == 1 else feed.several(rows, historical=False)
        return self._send(Parcel(span, span[1], len(rows), payload))

    def take_late(self) -> Parcel:
        """Return the next batch of what is in `stock`."""
        return self._send(self.stock.popleft())

    def _send(self, parcel: Parcel) -> Parcel:
        self._flying.add(parcel)
        self._claimed |= Ranges((parcel.span,))
        return parcel

    # What is read from the journal

    def wants(self) -> Gap | None:
        """Return the numbers to read next; None while the stock does, or nothing is late."""
        if self._squared or self._reading is not None or len(self.stock) >= STOCK_MOST:
            return None
        span = next(self._claimed.gaps(1, self._edge), None)
        if span is None:
            if not self.stock:
                self._square()
            return None
        self._reading = Gap(self.lane, span)
        return self._reading

    def stocked(self, gap: Gap, parcels: Sequence[Parcel], upto: int) -> None:
        """Take what was read; nothing happens if it was asked for before a rewind.

        Args:
            gap: as asked for.
            parcels: of its events up to `upto`, in order, their spans without gaps.
            upto: how far of the gap was read.
        """
        if gap is not self._reading:
            return
        self._reading = None
        if upto >= gap.span[0]:
            self._claimed |= Ranges(((gap.span[0], upto),))
        if parcels:
            self.stock.extend(parcels)
        elif upto >= gap.span[0]:
            self.delivered |= Ranges(((gap.span[0], upto),))

    def unread(self, gap: Gap) -> None:
        """The journal could not be read now; it will be asked again."""
        if gap is self._reading:
            self._reading = None

    def _square(self) -> None:
        """Correct the count once it is known for certain."""
        flying = sum(parcel.events for parcel in self._flying | self._aside)
        self.waiting = len(self.fresh) + flying
        self._squared = True

    # What became of it

    def credit(self, parcel: Parcel) -> None:
        """A broker has taken it: it is delivered."""
        self._flying.discard(parcel)
        self.delivered |= Ranges((parcel.span,))
        self.waiting = max(0, self.waiting - parcel.events)

    def take_back(self, parcels: Iterable[Parcel]) -> None:
        """They were not taken; they are late now."""
        self._flying.difference_update(parcels)
        self.rewind()

    def set_aside(self, parcel: Parcel) -> None:
        """It is too large for this broker: go on without it, and keep it for the next one."""
        self._flying.discard(parcel)
        self._aside.add(parcel)

    def retry_aside(self) -> None:
        """Another broker, or the same with other limits: try again what was set aside."""
        self._aside.clear()
        self.rewind()

    def rewind(self) -> None:
        """Forget what waits in memory: what is neither delivered nor on its way is late."""
        self._raise_edge()
        self.stock.clear()
        self._reading = None
        spans = (parcel.span for parcel in self._flying | self._aside)
        self._claimed = self.delivered | Ranges.of(spans)


def lane_of(row: Recorded) -> Lane:
    """Return the lane that an event travels in."""
    return Lane.ALARM if row.severity == Lane.ALARM else Lane.REST
