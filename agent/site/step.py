"""What the site decides on one input: events, actions, changed state, answers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from agent.site.inputs import Json
from agent.site.moment import Moment


class Severity(StrEnum):
    """How much an event matters. `alarm` has a lane of its own to the monitor."""

    ALARM = "alarm"  # somebody must go and look
    FAULT = "fault"  # the system cannot see or do something
    ACCESS = "access"  # who came and went, and what was armed
    INFO = "info"  # everything else


class Event(Struct, frozen=True, gc=False):
    """A fact with a meaning; the journal gives it its number.

    Attributes:
        kind: a row of the table in `agent.site.kinds`.
        object: what it is about: the id of a door, area, zone, rack, person, device ...
        at: when it happened (the reading's own instant, not the commit's).
        device: the device that showed it, or "".
        data: the kind's fields; ASCII keys, integers within ±(2^53 - 1), no floats.
    """

    kind: str
    object: str
    severity: Severity
    at: Moment
    device: str = ""
    data: Mapping[str, Json] = field(default_factory=dict)


class Release(StrEnum):
    """When an action may leave for its driver."""

    NOW = "now"  # relocking, silencing: never waits
    RECORDED = "recorded"  # after its commit; cancelled when that comes too late
    ALARM = "alarm"  # after its commit, or after 500 ms without one


class Action(Struct, frozen=True, gc=False):
    """What the site asks a driver to do (see `drivers.contract.Action`)."""

    id: int
    device: str
    verb: str
    target: str
    args: Mapping[str, Json]
    release: Release


UNRECORDABLE = "journal-unavailable"  # why somebody or something is refused


class Answer(Struct, frozen=True):
    """What a command's sender is told."""

    command: str
    accepted: bool
    reason: str = ""
    data: Mapping[str, Json] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Return whether it is told after its record; that there is none would wait for ever."""
        return self.reason != UNRECORDABLE


class Step(Struct):
    """Everything that one input led to, in order.

    `changes` holds the saved state that differs now, by key ("door/store"), as canonical JSON;
    None: forgotten, though it may have come and gone within the step, and never been saved. It is
    committed in the same transaction as `events`.
    """

    events: list[Event] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    changes: dict[str, bytes | None] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
