"""The contract with the monitor: topics and payloads. Version 1 of the feed; see docs/feed.md.

Readers must let pass what they do not know: fields and topics are added within a version.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field

from agent.journal.record import Recorded
from agent.uplink.facts import AreaFacts, Birth, DeviceFacts, HealthFacts, Utc

ROOT = "armoury/v1"
FEED_VERSION = "1.2.0"
FRAME_BYTES = 96  # what `several` puts around its events, at most
ZLIB_LEVEL = 3  # a fifth of the size at a third of level 6's time, on events

Us = Annotated[int, Field(description="microseconds")]


class Topic(StrEnum):
    """Where each kind of event message goes, below the site. Numbers rise inside a topic."""

    UNRECORDED = "event/unrecorded"
    ALARM = "event/alarm"
    ALARM_LATE = "event/alarm/late"
    LIVE = "event/live"
    BACKLOG = "event/backlog"
    REPEAT = "event/repeat"


class Topics(Struct, frozen=True):
    """The topics of one site."""

    site: str

    def events(self, topic: Topic) -> str:
        return f"{ROOT}/{self.site}/{topic}"

    def status(self, path: str) -> str:
        """Retained; one a path, since a spare path's will must not overwrite the live one."""
        return f"{ROOT}/{self.site}/status/{path}"

    def heartbeat(self, path: str) -> str:
        return f"{ROOT}/{self.site}/heartbeat/{path}"

    @property
    def checkpoint(self) -> str:
        """Retained: the newest C2SP checkpoint of the record, a signed note and no JSON."""
        return f"{ROOT}/{self.site}/checkpoint"

    def device(self, device: str) -> str:
        """Retained."""
        return f"{ROOT}/{self.site}/device/{device}"

    def area(self, area: str) -> str:
        """Retained."""
        return f"{ROOT}/{self.site}/area/{area}"

    @property
    def health(self) -> str:
        """Retained."""
        return f"{ROOT}/{self.site}/health"

    @property
    def command(self) -> str:
        """Where signed commands come in."""
        return f"{ROOT}/{self.site}/command"

    def answer(self, command: str) -> str:
        """Where a command is answered, by the id that its sender gave it."""
        return f"{ROOT}/{self.site}/answer/{command}"

    @property
    def repeat_request(self) -> str:
        """Where the monitor asks for events again."""
        return f"{ROOT}/{self.site}/request/repeat"

    @property
    def proof_request(self) -> str:
        """Where the monitor asks for the newest checkpoint, proved from one that it has."""
        return f"{ROOT}/{self.site}/request/proof"

    @property
    def proof(self) -> str:
        """Where that is answered: the body of C2SP tlog-witness, add-checkpoint."""
        return f"{ROOT}/{self.site}/proof"

    @property
    def leaves_request(self) -> str:
        """Where the monitor asks what shows that events are leaves of the record's tree."""
        return f"{ROOT}/{self.site}/request/leaves"

    @property
    def leaves(self) -> str:
        """Where that is answered."""
        return f"{ROOT}/{self.site}/leaves"


def kind_of(topic: str) -> str:
    """Return what a topic of a site is for: "event" of armoury/v1/SITE/event/alarm."""
    return topic.split("/")[3]


class Payload(BaseModel):
    """What all payloads share: JSON objects, known by their topic."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    def encode(self) -> bytes:
        """Return the payload as it travels."""
        return self.model_dump_json(exclude_none=True).encode()


class Happened(Payload):
    """What every event says."""

    at: Utc
    trusted: Annotated[bool, Field(description="whether the clock was synchronised")]
    mono: Us
    boot: Annotated[str, Field(description="the boot that `mono` counts from")]
    kind: Annotated[str, Field(description='what happened: "door.forced"')]
    severity: Annotated[str, Field(description="alarm, fault, access or info")]
    object: Annotated[str, Field(description="what it is about: the id of a door, an area ...")]
    device: Annotated[str | None, Field(description="the device that showed it")] = None
    data: Annotated[dict[str, Any], Field(description="the kind's own fields; see events.md")]


class Event(Happened):
    """One event of the record, in canonical JSON (RFC 8785), as its hash was taken."""

    seq: Annotated[int, Field(ge=1, description="its number: from 1, without gaps")]
    ref: Annotated[str | None, Field(description="its name while it was unrecorded")] = None


class UnrecordedEvent(Happened):
    """An alarm that the disk does not take just now; it is recorded and numbered later."""

    ref: Annotated[str, Field(description="its name; its numbered event bears it too")]


class Events(Payload):
    """Several events in one message, in order of their numbers.

    On `event/repeat`, `first` to `last` is the part of what was asked for that this message
    answers: a number in it whose event is not here is not kept any more, or was never given.
    """

    events: list[Event]
    first: Annotated[int, Field(description="number of the first one; or of what is answered")]
    historical: Annotated[bool, Field(description="whether they had to wait for the line")]
    last: Annotated[int, Field(description="number of the last one; or of what is answered")]


class Status(Payload):
    """Whether the gateway is there on this path: birth, goodbye, or what the broker says for us.

    `birth` is what the gateway has and can do; it comes with `online`.
    """

    site: str
    path: str
    online: bool
    clean: Annotated[bool | None, Field(description="said goodbye; false: vanished")] = None
    run: Annotated[int | None, Field(description="as heartbeats have it; with `online`")] = None
    at: Utc | None = None
    birth: Birth | None = None


class Heartbeat(Payload):
    """The gateway lives; signed by the record's key, and every one differs.

    90 s without one on any path is the loss of the site. A gateway that has lost its key lives
    on: its heartbeats have neither `origin` nor `signature` then.
    """

    site: str
    path: str
    run: Annotated[
        int,
        Field(
            description="the newest event's number when the process began: a later one's is higher"
        ),
    ]
    number: Annotated[int, Field(description="rises by one while the process lives")]
    nonce: Annotated[str, Field(description="64 random bits in hex")]
    at: Utc
    boot: Annotated[str | None, Field(description="the boot that `mono` counts from")] = None
    mono: Us | None = None
    head: Annotated[int, Field(description="the newest event's number")]
    waiting: Annotated[int, Field(description="events still to come")]
    origin: Annotated[
        str | None, Field(description="of the log whose key signs, as its checkpoints have it")
    ] = None
    signature: Annotated[
        str | None,
        Field(
            description="the signature line of a C2SP signed note over all the rest: "
            "`armoury/v1/heartbeat`, and the heartbeat without it in canonical JSON"
        ),
    ] = None


class DeviceState(Payload):
    """How one device is now."""

    site: str
    device: str
    state: DeviceFacts


class AreaState(Payload):
    """How one area is now: armed or not, what is open in it."""

    site: str
    area: str
    state: AreaFacts


class Health(Payload):
    """How the gateway itself is: clock, disk, memory, temperature, power, paths, record."""

    site: str
    at: Utc
    state: HealthFacts


class CommandState(StrEnum):
    """What became of a command."""

    ACCEPTED = "accepted"  # its signatures are good; the site decides now
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # nobody can tell; look before it is given again


class CommandAnswer(Payload):
    """What became of a command; `accepted` is followed by another."""

    at: Utc
    command: Annotated[str, Field(description="the id that its sender gave it")]
    data: dict[str, Any]
    reason: Annotated[str, Field(description="why, unless it is done")]
    state: CommandState


class RepeatRequest(Payload):
    """The monitor misses events and asks for them again; both ends are included."""

    first: Annotated[int, Field(ge=1, strict=True)]
    last: Annotated[int, Field(ge=1, strict=True)]


class ProofRequest(Payload):
    """The monitor asks for the newest checkpoint, proved from one that it has kept."""

    old: Annotated[int, Field(ge=0, strict=True, description="how many events that one covers")]


class LeavesRequest(Payload):
    """The monitor asks what shows that events are the record's; both ends are included."""

    first: Annotated[int, Field(ge=1, strict=True)]
    last: Annotated[int, Field(ge=1, strict=True)]


Hash = Annotated[str, Field(description="32 bytes in base64")]


class LeafProofs(Payload):
    """What shows that events are leaves of the record's tree: as many as fit, from `first` on.

    A leaf is SHA-256(0 | salt | event), the event in the bytes in which it is told.
    """

    origin: Annotated[str, Field(description="of the log, as its checkpoints have it")]
    first: Annotated[int, Field(description="number of the first one's event")]
    last: Annotated[int, Field(description="of the last one's; below `first`: there is none")]
    before: Annotated[
        list[Hash],
        Field(description="roots of the perfect subtrees left of `first`, the largest first"),
    ]
    proofs: Annotated[
        list[str],
        Field(
            description="base64, one an event: its salt, 16 bytes, and the first 8 of its leaf; "
            "or of an event whose content was given up the whole leaf, 32 bytes"
        ),
    ]


def several(
    rows: Sequence[Recorded], *, historical: bool, span: tuple[int, int] | None = None
) -> bytes:
    """Return an `Events` payload; canonical, with the bodies' bytes unchanged.

    Args:
        rows: at least one.
        historical: whether they had to wait.
        span: the numbers of which these are all that is kept; None: just theirs.
    """
    first, last = span or (rows[0].seq, rows[-1].seq)
    return b'{"events":[%b],"first":%d,"historical":%b,"last":%d}' % (
        b",".join([row.body for row in rows]),
        first,
        b"true" if historical else b"false",
        last,
    )


def nothing(first: int, last: int) -> bytes:
    """Return the `Events` payload which says that none of these numbers is kept any more."""
    return b'{"events":[],"first":%d,"historical":true,"last":%d}' % (first, last)


def zipped(payload: bytes) -> bytes:
    """Return a payload as it travels with the content type `application/zlib` (RFC 6713)."""
    return zlib.compress(payload, ZLIB_LEVEL)
