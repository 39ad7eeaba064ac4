"""What the monitor's end says aloud, and which of it means that something is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

from msgspec import Struct, field

from agent.journal.ranges import Span

SPANS_MOST = 5  # are named


class Matter(StrEnum):
    """What is spoken of."""

    EVENT = "event"  # a numbered event, new to us
    UNRECORDED = "event-unrecorded"  # an alarm that has no number yet
    NUMBERED = "event-numbered"  # it has one now
    STATE = "state"  # a device, an area, the gateway's health, an answer
    ONLINE = "path-online"
    OFFLINE = "path-offline"
    LOST = "site-lost"
    ALIVE = "site-alive"
    MISSING = "events-missing"
    COME = "events-come"
    GONE = "events-not-kept"
    UNPROVABLE = "events-unprovable"
    KEY_PINNED = "key-pinned"
    KEY_ROTATED = "key-rotated"
    CHECKPOINT = "checkpoint"
    PROVEN = "events-proven"
    KEY_CHANGED = "key-changed"
    SIGNATURE_FALSE = "signature-false"
    ROLLED_BACK = "rolled-back"
    FORKED = "forked"
    NOT_CONTINUED = "not-continued"
    UNPROVED = "unproved"
    SUCCEEDED = "succeeded"
    EVENT_CHANGED = "event-changed"
    NOT_RECORDED = "events-not-the-record"
    DROPPED = "events-dropped"
    NUMBER_FORGED = "number-forged"
    HEARTBEAT_UNSIGNED = "heartbeat-unsigned"
    HEARTBEAT_FORGED = "heartbeat-forged"
    HEARTBEAT_REPLAYED = "heartbeat-replayed"
    UNREADABLE = "unreadable"


# What no honest gateway, broker and line bring about together: somebody must look.
WRONG = frozenset(
    {
        Matter.KEY_CHANGED,
        Matter.SIGNATURE_FALSE,
        Matter.ROLLED_BACK,
        Matter.FORKED,
        Matter.NOT_CONTINUED,
        Matter.UNPROVED,
        Matter.SUCCEEDED,
        Matter.EVENT_CHANGED,
        Matter.NOT_RECORDED,
        Matter.DROPPED,
        Matter.NUMBER_FORGED,
        Matter.HEARTBEAT_FORGED,
        Matter.HEARTBEAT_REPLAYED,
        Matter.UNREADABLE,
    }
)
# What people should not miss although it may come about by itself.
LOUD = frozenset(
    {
        Matter.LOST,
        Matter.MISSING,
        Matter.GONE,
        Matter.UNPROVABLE,
        Matter.KEY_PINNED,
        Matter.KEY_ROTATED,
        Matter.OFFLINE,
        Matter.HEARTBEAT_UNSIGNED,
    }
)


# What is spoken of, in a sentence, and for a script; before it is known of which site.
Word: TypeAlias = tuple[Matter, str, Mapping[str, Any]]


class Said(Struct, frozen=True):
    """One thing that is said.

    Attributes:
        site: of which site.
        matter: what is spoken of.
        text: in a sentence; of an event "".
        data: the same for a script; of an event the event itself.
    """

    site: str
    matter: Matter
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wrong(self) -> bool:
        return self.matter in WRONG


class Ask(Struct, frozen=True):
    """What is to be published to the gateway."""

    topic: str
    payload: bytes


def numbered(spans: Sequence[Span]) -> str:
    """Return numbers as people write them: "7, 12 to 14"."""
    named = [f"{first}" if first == last else f"{first} to {last}" for first, last in spans]
    more = f" and {len(named) - SPANS_MOST} more" if len(named) > SPANS_MOST else ""
    return ", ".join(named[:SPANS_MOST]) + more
