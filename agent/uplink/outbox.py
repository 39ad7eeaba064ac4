"""What one path sends next, and what becomes of it. Pure: no wire; time is an argument.

One window, shared by worth: an alarm finds room whatever else is on its way, and the backlog
never has more than a few messages out. A topic that the broker does not take is held: tried
with one message after a growing pause, while the others go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from random import Random

from msgspec import Struct

from agent.journal.record import Lane, Recorded
from agent.uplink import reasons
from agent.uplink.caution import Caution
from agent.uplink.feed import Topics, several
from agent.uplink.forbidden import Forbidden
from agent.uplink.holds import Hold, Holds
from agent.uplink.ledger import BATCH_EVENTS, Ledger, Parcel, lane_of
from agent.uplink.message import FRESH, WINDOW_MOST, WORTH, Message, Rank
from agent.uplink.pace import Pace
from agent.uplink.repeats import Repeats

HEADROOM_BYTES = 256  # of a packet: header, topic and properties
UNRECORDED_MOST = 256


class Aside(Struct, frozen=True):
    """A message that is too large for the broker; `seq` is its event's number, if it has one."""

    topic: str
    size_bytes: int
    seq: int | None


class Outbox:
    """One path's outgoing side, over all of its connections.

    Attributes:
        pace: how large late batches may be on this connection.
        limit_bytes: how large a payload may be.
        repeats: what the monitor has asked for again.
        sources: what late events are read for.
        forbidden: what the broker's access list keeps back of all else.
        delivered: events that the path has delivered.
        aside: the first message that was too large for this connection's broker ...
        asides: ... and how many there are.

    Args:
        topics: of the site.
        random: for the pauses.
    """

    def __init__(self, topics: Topics, random: Random) -> None:
        self._where = {rank: topics.events(w.topic) for rank, w in WORTH.items() if w.topic}
        self._ledgers: Mapping[Lane, Ledger] = {}
        self._control: dict[str | Message, Message] = {}  # by topic; what stands apart by itself
        self.repeats = Repeats()
        self._unrecorded: deque[Message] = deque(maxlen=UNRECORDED_MOST)
        self._probe: deque[Message] = deque(maxlen=1)
        self._flying: dict[Rank, int] = dict.fromkeys(Rank, 0)
        self._holds = Holds(random)
        self.forbidden = Forbidden(random)
        self._supplies = tuple(self._supplied())
        self.sources: tuple[Ledger | Repeats, ...] = (self.repeats,)
        self._window = 0
        self._caution = Caution()
        self.limit_bytes = 0
        self.pace = Pace()
        self.delivered = 0
        self.aside: Aside | None = None
        self.asides = 0

    # The connection, and what it carries

    def opened(self, receive_maximum: int, packet_bytes: int) -> None:
        """Begin on a new connection, within what the broker allows on it."""
        self._window = min(WINDOW_MOST, receive_maximum)
        self.limit_bytes = packet_bytes - HEADROOM_BYTES
        self.pace = Pace()
        self.aside, self.asides = None, 0
        for ledger in self._ledgers.values():
            ledger.retry_aside()

    def closed(
        self, unanswered: Sequence[Message], *, objected: bool = False, steady: bool = True
    ) -> None:
        """Take back what no broker will answer any more; see `Caution.ended`."""
        self._caution.ended(unanswered, objected=objected, steady=steady)
        self._window = 0
        self._holds.clear()
        self._control.clear()
        self._probe.clear()
        self.repeats.clear()
        self._flying = dict.fromkeys(Rank, 0)
        self._put_back([message for message in unanswered if message.rank is Rank.UNRECORDED])
        for ledger in {message.ledger for message in unanswered if message.ledger}:
            ledger.take_back(m.parcel for m in unanswered if m.ledger is ledger and m.parcel)

    def carry(self, ledgers: Mapping[Lane, Ledger]) -> None:
        """Carry these lanes from now on; none, when another path does."""
        self._ledgers = ledgers
        self._supplies = tuple(self._supplied())
        self.sources = (*ledgers.values(), self.repeats)
        self._holds.clear()
        for ledger in ledgers.values():
            ledger.retry_aside()

    def _supplied(self) -> Iterator[tuple[Rank, Collection[object]]]:
        """Yield each rank that is sent here, the first to go first, with what waits of it."""
        for rank, worth in WORTH.items():
            ledger = self._ledgers.get(worth.lane) if worth.lane else None
            match rank:
                case Rank.UNRECORDED:
                    yield rank, self._unrecorded
                case Rank.CONTROL:
                    yield rank, self._control
                case Rank.REPEAT:
                    yield rank, self.repeats.stock
                case Rank.PROBE:
                    yield rank, self._probe
                case _ if ledger is not None:
                    yield rank, ledger.stock if worth.late else ledger.fresh

    # What is to be sent

    def note(self, rows: Iterable[Recorded], now_s: float) -> None:
        """Take the next rows of the record, in order, into the lanes that this path carries."""
        for row in rows:
            lane = lane_of(row)
            if lane is Lane.ALARM:
                self._holds.hurry(Rank.ALARM, Rank.ALARM_LATE)
            live = self._window > 0 and not self._holds.pausing(FRESH[lane], now_s)
            for ledger in self._ledgers.values():
                ledger.note(row, lane, live=live)

    def say(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool,
        expires_s: int | None = None,
        apart: bool = False,
    ) -> None:
        """Send this beside the events; it replaces what still waits for the same topic.

        What is said `apart` replaces nothing. What is `forbidden` is left out.
        """
        if topic not in self.forbidden:
            how = Rank.CONTROL, topic, payload, retain
            message = Message(*how, expires_s=expires_s, apart=apart)
            self._control[_place(message)] = message

    def unrecorded(self, body: bytes) -> None:
        """Send an alarm that the disk does not take; the newest ones are kept until taken."""
        where = self._where[Rank.UNRECORDED]
        self._unrecorded.append(Message(Rank.UNRECORDED, where, body))
        self._holds.hurry(Rank.UNRECORDED)

    def probe(self, topic: str, row: Recorded) -> None:
        """See whether an event is taken that was not; it is on nobody's account."""
        late = any(WORTH[rank].late for rank, where in self._where.items() if where == topic)
        payload = several((row,), historical=True) if late else row.body
        parcel = Parcel((row.seq, row.seq), row.seq, 1, payload)
        self._probe.append(Message(Rank.PROBE, topic, payload, parcel=parcel))

    # Sending

    def next(self, now_s: float) -> Message | None:
        """Return the most urgent message that may be sent now; `answered` must follow."""
        for rank, supply in self._supplies:
            while supply and self._has_room(rank, now_s):
                message = self._take(rank)
                if self._passes(message):
                    self._flying[rank] += 1
                    if WORTH[rank].late and message.parcel is not None:
                        self.pace.sent(message.parcel.events, now_s)
                    return message
                self._leave_out(message)
        return None

    @property
    def batch_bytes(self) -> int:
        """Return how large a payload with several events may be."""
        return min(self.limit_bytes, self.pace.batch_bytes, self._caution.batch_bytes)

    def due_s(self, now_s: float) -> float | None:
        """Return when to ask for the next message, if time alone may bring one."""
        times = [self._holds.due_s(now_s)]
        if self._window and any(source.stock for source in self.sources):
            times.append(self.pace.free_s())
        return min((time_s for time_s in times if time_s and time_s > now_s), default=None)

    def _has_room(self, rank: Rank, now_s: float) -> bool:
        if self._holds.pausing(rank, now_s) or (self._flying[rank] and rank in self._holds):
            return False
        if WORTH[rank].late and self.pace.free_s() > now_s:
            return False
        window = self._caution.window(self._window)
        reserve = 0 if WORTH[rank].urgent or window < 2 else max(1, window // 4)
        free = window - reserve - sum(self._flying.values())
        return free > 0 and self._flying[rank] < WORTH[rank].most

    def _take(self, rank: Rank) -> Message:
        """Take the first of what waits of a rank."""
        worth = WORTH[rank]
        if rank is Rank.CONTROL:
            return self._control.pop(next(iter(self._control)))
        if rank is Rank.UNRECORDED:
            return self._unrecorded.popleft()
        if rank is Rank.PROBE:
            return self._probe.popleft()
        ledger = self._ledgers[worth.lane] if worth.lane else None
        if ledger is None:
            parcel = self.repeats.take_late()
        else:
            parcel = ledger.take_late() if worth.late else self._take_fresh(rank, ledger)
        where, payload, zipped = self._where[rank], parcel.payload, parcel.zipped
        return Message(rank, where, payload, zipped=zipped, parcel=parcel, ledger=ledger)

    def _take_fresh(self, rank: Rank, ledger: Ledger) -> Parcel:
        """Take one event; or many, of what is no alarm, when they come faster than they go."""
        free = WORTH[rank].most - self._flying[rank]
        most = BATCH_EVENTS if rank is Rank.LIVE and len(ledger.fresh) > free else 1
        return ledger.take_fresh(most, self.batch_bytes if most > 1 else 0)

    def _passes(self, message: Message) -> bool:
        parcel = message.parcel if message.rank is not Rank.PROBE else None
        allowed = parcel is None or self._caution.allows(parcel)
        return allowed and len(message.payload) <= self.limit_bytes

    def _leave_out(self, message: Message) -> None:
        """Leave out a single event that the broker will never take; make batches anew."""
        parcel, ledger = message.parcel, message.ledger
        if parcel is not None and ledger is not None:
            if parcel.events > 1:
                ledger.take_back([parcel])
                return
            ledger.set_aside(parcel)
        self.asides += 1
        if self.aside is None:
            self.aside = Aside(message.topic, len(message.payload), message.seq)

    # What became of it

    def answered(self, message: Message, code: int, now_s: float, elapsed_s: float) -> bool:
        """Take the broker's answer; return whether it took the message.

        Args:
            message: which one is answered.
            code: MQTT 5 reason code.
            now_s: the present time.
            elapsed_s: since it was sent.
        """
        rank = message.rank
        self._flying[rank] -= 1
        self.pace.took(elapsed_s, now_s, late=WORTH[rank].late)
        if code >= 0x80 or (code == reasons.NO_SUBSCRIBER and rank is not Rank.CONTROL):
            if not self._is_forbidden(message, code, now_s):
                self._holds.refused(message, code, now_s)
                self._take_back(message)
            return False
        self._holds.taken(rank)
        self._caution.taken()
        if message.parcel is not None and message.ledger is not None:
            message.ledger.credit(message.parcel)
            self.delivered += message.parcel.events
        return True

    def _is_forbidden(self, message: Message, code: int, now_s: float) -> bool:
        """Leave out, for a while, what is no event and must not be published here."""
        if message.rank is not Rank.CONTROL or code != reasons.NOT_AUTHORISED:
            return False
        if not self.forbidden.refused(message.topic, now_s):
            return False
        for waits in [m for m in self._control.values() if m.topic in self.forbidden]:
            del self._control[_place(waits)]
        return True

    def _take_back(self, message: Message) -> None:
        if message.parcel is not None and message.ledger is not None:
            message.ledger.take_back([message.parcel])
        elif message.rank is Rank.UNRECORDED:
            self._put_back([message])
        elif message.rank is Rank.CONTROL:
            self._control.setdefault(_place(message), message)

    def _put_back(self, unrecorded: Iterable[Message]) -> None:
        """Have them sent again, before those that wait; where there are too many, the oldest go."""
        waiting = [*unrecorded, *self._unrecorded]
        self._unrecorded.clear()
        self._unrecorded.extend(waiting)

    def trouble(self) -> Hold | None:
        """Return why events stay behind although the broker is there, if they do."""
        return self._holds.trouble()


def _place(message: Message) -> str | Message:
    return message if message.apart else message.topic
