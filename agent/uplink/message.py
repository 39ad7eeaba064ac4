"""What is published, and what each kind of it is worth."""

from __future__ import annotations

from enum import IntEnum

from msgspec import Struct

from agent.journal.record import Lane
from agent.uplink.feed import Topic
from agent.uplink.ledger import Ledger, Parcel

WINDOW_MOST = 100  # paho's rate does not grow beyond it


class Rank(IntEnum):
    """What a message is worth; the first is sent first."""

    UNRECORDED = 0
    ALARM = 1
    CONTROL = 2  # status, device state, heartbeat
    ALARM_LATE = 3
    LIVE = 4
    BACKLOG = 5
    REPEAT = 6
    PROBE = 7  # an event that was not taken before, to see whether it is now


class Worth(Struct, frozen=True):
    """How messages of a rank travel.

    Attributes:
        most: how many may be on their way.
        topic: below the site, if it is always the same.
        lane: whose events they carry, if they are of the record.
        urgent: may use the slots that are kept free of everything else.
        late: read back from the journal, in batches.
    """

    most: int
    topic: Topic | None = None
    lane: Lane | None = None
    urgent: bool = False
    late: bool = False


WORTH = {
    Rank.UNRECORDED: Worth(WINDOW_MOST, Topic.UNRECORDED, urgent=True),
    Rank.ALARM: Worth(WINDOW_MOST, Topic.ALARM, Lane.ALARM, urgent=True),
    Rank.CONTROL: Worth(8),
    Rank.ALARM_LATE: Worth(4, Topic.ALARM_LATE, Lane.ALARM, late=True),
    Rank.LIVE: Worth(8, Topic.LIVE, Lane.REST),
    Rank.BACKLOG: Worth(4, Topic.BACKLOG, Lane.REST, late=True),
    Rank.REPEAT: Worth(2, Topic.REPEAT, late=True),
    Rank.PROBE: Worth(1),
}
FRESH = {Lane.ALARM: Rank.ALARM, Lane.REST: Rank.LIVE}


class Message(Struct, frozen=True, eq=False):
    """What is published.

    Attributes:
        expires_s: how long the broker keeps it for somebody who is away; None: for ever.
        apart: it stands beside what else is said on its topic, and does not replace it.
        parcel: the events it carries, if they are of the record ...
        ledger: ... and whose account they are on.
    """

    rank: Rank
    topic: str
    payload: bytes
    retain: bool = False
    zipped: bool = False
    expires_s: int | None = None
    apart: bool = False
    parcel: Parcel | None = None
    ledger: Ledger | None = None

    @property
    def seq(self) -> int | None:
        """Return the number of the last event in it, if there is one."""
        return self.parcel.last if self.parcel is not None else None
