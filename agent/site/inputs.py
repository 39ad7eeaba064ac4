"""What reaches the site: facts from drivers, news of devices and paths, commands, time.

All are frozen; `at_us` is CLOCK_MONOTONIC in microseconds at the fact's own instant, which
may lie a little before the moment at which the site is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field

if TYPE_CHECKING:
    from agent.site.plan import Plan

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"


class PointState(StrEnum):
    """EN 50131's states of a supervised input, and `unknown` before the first reading."""

    NORMAL = "normal"
    ALARM = "alarm"
    OPEN = "open"
    SHORT = "short"
    UNKNOWN = "unknown"


class Condition(StrEnum):
    """What became of a device, or of a path to the monitor."""

    READY = "ready"
    LOST = "lost"  # cannot be seen any more
    FAULTED = "faulted"  # its driver failed, or it says what it must not
    ABSENT = "absent"  # a path's broker is there, but nobody listens behind it


class Outcome(StrEnum):
    """How an action ended; `cancelled`: the daemon never sent it (its commit came late)."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


class Origin(StrEnum):
    """Where a command came from."""

    LOCAL = "local"  # the control socket on the gateway
    MONITOR = "monitor"  # signed, over the uplink


class PointRead(Struct, frozen=True, gc=False):
    """`device.point` is in `state` since `at_us`."""

    device: str
    point: str
    state: PointState
    at_us: int
    detail: Mapping[str, Json] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        """Return the point's name in the site file."""
        return f"{self.device}.{self.point}"


class CredentialRead(Struct, frozen=True):
    """Something was presented at a reader; `reference` is None when the module knows it not."""

    device: str
    kind: str
    reference: str | None
    at_us: int
    score: int | None = None


class DeviceNews(Struct, frozen=True):
    """A device came, went or failed. On `ready`, every point's state follows as readings."""

    device: str
    condition: Condition
    at_us: int
    reason: str = ""
    identity: Mapping[str, Json] = field(default_factory=dict)


class DeviceFlooded(Struct, frozen=True):
    """A device reports faster than it is listened to; `dropped` readings were not looked at.

    The last state of each point is never among them.
    """

    device: str
    point: str
    dropped: int
    at_us: int


class ActionAnswered(Struct, frozen=True, gc=False):
    """What became of the action with this id; `data`: what was got by it."""

    action: int
    outcome: Outcome
    at_us: int
    reason: str = ""
    data: Mapping[str, Json] = field(default_factory=dict)


class Commanded(Struct, frozen=True):
    """A person asks for something.

    Attributes:
        command: id that the answer bears.
        name: what is asked, in the imperative ("alarm.acknowledge").
        by: operator's id, or "uid:1000" from the control socket.
        second: the other operator's id, where two have signed it.
        refusal: why nobody may even look at it (`agent.uplink.commands.REFUSALS`); "" otherwise.
            What it asks for is then no more than somebody's word.
    """

    command: str
    name: str
    params: Mapping[str, Json]
    by: str
    origin: Origin
    at_us: int
    second: str = ""
    refusal: str = ""


class PathNews(Struct, frozen=True):
    """A path to the monitor came back, was lost, or has nobody listening at its end.

    `FAULTED`: it works, but for what `reason` says.
    """

    path: str
    condition: Condition
    at_us: int
    reason: str = ""


class PathCarries(Struct, frozen=True):
    """The record is sent on this path from now on."""

    path: str
    at_us: int


class PathTested(Struct, frozen=True):
    """A path's heartbeat was sent, and somebody has it; acknowledged after `took_ms`."""

    path: str
    took_ms: int
    at_us: int


class CertificateRead(Struct, frozen=True):
    """A certificate that a path needs ends at `ends_us` (wall time).

    Attributes:
        whose: "own", "broker" or "authority".
    """

    path: str
    whose: str
    ends_us: int
    at_us: int


PathInput: TypeAlias = PathNews | PathCarries | PathTested | CertificateRead


class StorageNews(Struct, frozen=True):
    """The record cannot be written, or can be again.

    Attributes:
        condition: `FAULTED` from the first commit that fails, `READY` with the next that passes.
    """

    condition: Condition
    at_us: int
    reason: str = ""


class RecordTrouble(StrEnum):
    """What can ail the record itself.

    Attributes:
        REPLACED: another record was begun, for what was there is damaged, lost or older than it
            was, or a backup was restored.
        DOUBTFUL: events in it were recorded without its key.
        KEY_MISSING: the key that signs it is missing.
    """

    REPLACED = "system.record_replaced"
    DOUBTFUL = "system.record_doubtful"
    KEY_MISSING = "system.key_missing"


class RecordNews(Struct, frozen=True):
    """Something about the record itself that somebody must see to.

    Attributes:
        what: its value is the kind of the event that tells it.
        reason: what is known of it.
    """

    what: RecordTrouble
    reason: str
    at_us: int


class RecordOverflowed(Struct, frozen=True):
    """While the disk refused, more happened than could wait for it; it is over.

    Attributes:
        info: how many events of this severity were left out.
        access: of this.
        fault: of this; no alarm ever is.
        from_us: when the first of them happened (UTC).
        to_us: when the last did.
    """

    info: int
    access: int
    fault: int
    from_us: int
    to_us: int
    at_us: int


class StorageFilled(Struct, frozen=True):
    """How full something is that the record needs.

    Attributes:
        what: `record`, of its quota; `disk`, whoever fills it.
        used_pct: how full, as measured; over 100 where what must be kept is more than the quota.
    """

    what: str
    used_pct: int
    at_us: int


class ClockStepped(Struct, frozen=True):
    """The wall clock jumped, or began to be trusted."""

    before_us: int
    after_us: int
    at_us: int


class Started(Struct, frozen=True):
    """The daemon starts. The first input of every run.

    Attributes:
        version: of the software.
        last_utc_us: wall time of the newest record before, None on the first run ever.
        clean: whether the run before ended with `Stopping`.
        config: digest of the site file; "" when it is not told.
        last_trusted: whether the clock that dated the newest record was synchronised.
        paths: ids of the ways to the monitor; None when they are not told.
    """

    version: str
    at_us: int
    last_utc_us: int | None = None
    clean: bool = True
    config: str = ""
    last_trusted: bool = False
    paths: tuple[str, ...] | None = None


class Configured(Struct, frozen=True):
    """Somebody wants another site file to hold, which was checked and has no mistake.

    Attributes:
        command: id that the answer bears.
        by: who, as in `Commanded`.
        config: digest of the site file.
        weaker: the keys of what protects less than the present one.
        paths: ids of the ways to the monitor.
    """

    command: str
    by: str
    plan: Plan
    config: str
    weaker: tuple[str, ...]
    paths: tuple[str, ...]
    at_us: int


class Stopping(Struct, frozen=True):
    """The daemon is asked to stop. The last input of a run that ends well."""

    reason: str
    at_us: int


class Tick(Struct, frozen=True):
    """Nothing happened; a timer may be due."""

    at_us: int


Input: TypeAlias = (
    PointRead
    | CredentialRead
    | DeviceNews
    | DeviceFlooded
    | ActionAnswered
    | Commanded
    | PathInput
    | StorageNews
    | StorageFilled
    | RecordNews
    | RecordOverflowed
    | ClockStepped
    | Started
    | Configured
    | Stopping
    | Tick
)
