"""What is told of devices, areas and the gateway itself: the insides of the retained messages.

Whatever the gateway cannot know is left out. `trouble`, where it is there, is a sentence for
people: this part is not as it should be.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Utc = Annotated[int, Field(description="UTC, microseconds since 1970-01-01")]
Pct = Annotated[int, Field(description="percent")]


class Facts(BaseModel):
    """What all of them share."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)


class Birth(Facts):
    """What the gateway has and can do."""

    feed: Annotated[str, Field(description="version of this contract")]
    version: Annotated[str, Field(description="of the software")]
    name: Annotated[str, Field(description="of the site, for people")]
    boot: Annotated[str, Field(description="the present boot")]
    started: Utc
    vkey: Annotated[str | None, Field(description="the record's public key, C2SP")] = None
    rotations: Annotated[
        list[dict[str, Any]],
        Field(description="by which statement (`statement`) a key has signed, from which event on"),
    ] = []
    statement: Annotated[
        str | None, Field(description="what the record continues; a note signed under both names")
    ] = None
    capabilities: Annotated[
        list[str], Field(description="repeat, proof, leaves, commands: what may be asked")
    ] = []
    devices: Annotated[dict[str, str], Field(description="driver by device")] = {}
    areas: list[str] = []
    doors: Annotated[dict[str, str], Field(description="area by door; the others likewise")] = {}
    zones: dict[str, str] = {}
    panics: dict[str, str] = {}
    racks: dict[str, str] = {}
    cameras: dict[str, str] = {}


class DeviceFacts(Facts):
    """How one device is."""

    driver: str
    simulated: Annotated[bool, Field(description="there is no real one")]
    condition: Annotated[str, Field(description="starting, ready, lost, faulted or gone")]
    reason: Annotated[str, Field(description="why, unless it is ready")]
    since: Utc
    restarts: Annotated[int, Field(description="of its driver, since the gateway's start")]
    points: Annotated[dict[str, str], Field(description="state by point")]


class OpenAlarm(Facts):
    """One alarm that is not closed."""

    id: str
    cause: Annotated[str, Field(description="kind of the event that raised it")]
    object: str
    stage: Annotated[str, Field(description="raised, acknowledged, checked or restored")]
    raised_utc_us: Utc
    overdue: bool
    silent: bool
    hidden: Annotated[bool, Field(description="nobody on site may know of it")]


class AreaFacts(Facts):
    """How one area is."""

    mode: Annotated[str, Field(description="disarmed, exiting, armed or entering")]
    part: Annotated[str, Field(description="which part of it is armed; empty: all")]
    until: Annotated[Utc | None, Field(description="when the exit or entry delay ends")] = None
    alarm: Annotated[bool, Field(description="whether an alarm is open that may show on site")]
    alarms: list[OpenAlarm]
    not_ready: Annotated[
        dict[str, str], Field(description="what would keep it from being armed, and why")
    ]
    technician: bool
    walk: Annotated[bool, Field(description="a walk test is under way")]


class ClockFacts(Facts):
    """Whether the wall clock can be believed."""

    trusted: bool
    trouble: str | None = None


class DiskFacts(Facts):
    """Where the record lies."""

    free_bytes: int | None = None
    total_bytes: int | None = None
    used_pct: Pct | None = None
    record_bytes: int | None = None
    record_pct: Annotated[Pct | None, Field(description="of what the record may take")] = None
    trouble: str | None = None


class MemoryFacts(Facts):
    """What there is, and what the daemon takes."""

    pss_kib: Annotated[int | None, Field(description="the daemon's own")] = None
    rss_kib: int | None = None
    available_kib: int | None = None
    total_kib: int | None = None


class PowerFacts(Facts):
    """The board's supply, where the board says how it is."""

    undervoltage: bool
    trouble: str | None = None


class PathFacts(Facts):
    """One path, as the gateway sees it."""

    condition: str
    reason: str
    carries: bool
    last_ack_us: Utc | None = None
    trouble: str | None = None


class RecordFacts(Facts):
    """The record."""

    head: int
    waiting: Annotated[int, Field(description="events that are still to be delivered")]
    checkpoint: Annotated[int, Field(description="events that the newest checkpoint covers")] = 0
    trouble: str | None = None


class DevicesFacts(Facts):
    """How many devices are in each condition."""

    conditions: dict[str, int]
    trouble: str | None = None


class HealthFacts(Facts):
    """How the gateway itself is."""

    up_s: int
    clock: ClockFacts
    disk: DiskFacts
    memory: MemoryFacts
    milli_celsius: Annotated[dict[str, int], Field(description="by thermal zone")] = {}
    power: PowerFacts | None = None
    load_pct: Annotated[list[int], Field(description="of one core, over 1, 5 and 15 minutes")]
    paths: dict[str, PathFacts]
    record: RecordFacts
    devices: DevicesFacts
