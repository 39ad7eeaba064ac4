"""The contract between the daemon and a driver. Standard library only.

A driver is plain blocking code in a process of its own (its *host*). It is a class

    class MyDriver:
        Options = Options                       # see below
        def __init__(self, device: str, options: Options) -> None: ...
        def run(self, link: Link) -> None: ...

`run` opens the hardware, calls `link.ready(...)`, and from then on reports what it sees
with `link.report(...)` and does what `link.next_action(...)` hands it, until that raises
`Stopped`. The rules:

* A driver reports facts; it decides nothing.
* After every proven contact with the hardware it calls `link.alive()`. A driver that does
  not do so within the device's supervision interval is killed and started again.
* It catches only what it can mend. When the hardware is gone, broken or not what it should
  be, it raises `DeviceError` with one sentence for a technician; the daemon reports that
  sentence, and starts the driver again after a growing pause.
* When it raises `DeviceError` before `ready`, a new object of it may be run in the same process
  after that pause: it leaves nothing behind, and keeps nothing outside the object.
* Right after `ready` it reports the present state of every point it offers.
* However `run` ends (`finally`), outputs are left in their configured fail state. `Stopped`
  is raised when the daemon asks for it or is gone; there is one second left then.
* Every action is answered exactly once: `done`, `refused` (nothing was moved) or `unknown`.

Options are a frozen, keyword-only standard-library dataclass, always the class `Options` of
the module `options` beside the driver's own (`drivers.gpio.driver:GpioDriver` has
`drivers.gpio.options:Options`), bounds written at the field as `Annotated[int, Within(0, 27)]`.
They say what the device offers (`offers`) and, beyond single fields, what is wrong with them
(`mistakes`). They are validated in the daemon and by `armoury check`, neither of which loads
the driver's own module: `options` must import nothing heavy. The modules that the driver
cannot do without are named there too, `LIBRARIES = ("gpiozero",)`: `check` says which extra
(named like the driver; where it takes others, `Offers.needs` has them) is not installed; and a
host loads them ahead, while the daemon is still checking the site file. `BEHIND = True` there
says that the driver has work for a whole processor and must not keep a panic button waiting: its
host lets all others go first. The keys `id`, `driver`, `simulated` and `supervision_s` of a
device's table are the daemon's, not the driver's.

Times are integer microseconds of CLOCK_MONOTONIC, which all processes of a machine share.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeAlias

# What travels between daemon and host is JSON without floats.
Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"


class PointState(StrEnum):
    """The states of a point: a supervised input, output or condition."""

    NORMAL = "normal"
    ALARM = "alarm"
    OPEN = "open"
    SHORT = "short"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How an action ended. `unknown`: the hardware may or may not have moved."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class PointReading(NamedTuple):
    """`point` of this device is in `state` since `at_us`.

    What the site understands of `detail`: `tag` (what stands in a slot), `pct` (a battery's
    charge), and `ohms` (what a loop measures that is cut, bridged or meddled with).
    """

    point: str
    state: PointState
    at_us: int
    detail: Mapping[str, Json] = MappingProxyType({})


class CredentialReading(NamedTuple):
    """Something was presented to the device's reader.

    `reference` names it as the module knows it (a template position, a card number); it is
    None when the module read it well and knows it not. `score` is the module's own measure.
    """

    kind: str
    reference: str | None
    at_us: int
    score: int | None = None


Reading: TypeAlias = PointReading | CredentialReading


@dataclass(frozen=True, slots=True)
class Action:
    """What the daemon asks: `verb` on `target` (an output, a template position ...).

    Verbs of outputs: `pulse` (args `for_ms`: the driver itself ends it, whatever happens to
    the daemon), `on`, `off`. A new pulse on a running one restarts its time; `off` ends it.

    Verbs of a picture: `snapshot` (args `at`), `keep` (a clip; args `from`, `to`), `mask` (args
    `masks`: polygons of points in thousandths, or two opposite corners; nothing inside is looked
    at or kept). Times as everywhere. The first two are answered with a file in the spool.
    `timeout_ms` among the args is how much longer than usual the answer may take.
    """

    id: int
    verb: str
    target: str
    args: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """A wire that a device needs for itself; two devices on it would spoil each other's work.

    Attributes:
        wire: as a technician calls it; the same for every driver that uses such wires.
        key: the dotted path inside the device's table that says so ("inputs.store.pin").
        bus: devices on the same one share it ("SPI"); "": nobody does.
        by: other keys that say which wire it is, dotted like `key` ("host").
    """

    wire: str
    key: str
    bus: str = ""
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Need:
    """What a device, as it is wired, cannot do without on the machine that runs its driver.

    Attributes:
        key: of the device's table, that says so ("factory").
        modules: as they are imported.
        extra: of the driver's package, which brings them.
    """

    key: str
    modules: tuple[str, ...]
    extra: str


@dataclass(frozen=True, slots=True)
class Offers:
    """What a device offers the site half of the file to refer to.

    `points` and `outputs` are referred to as `device.point`; `readers` holds the kinds of
    credential its reader reads (`finger`, `card`, `pin`); `picture` says it is a camera.
    `longest_s` has the outputs that go off by themselves after so long, whatever is asked;
    `fails_on` those that are on in their fail state, `boots_on` those that are on from power-on
    until the driver begins.
    `loops` says of points that are wired what shows when the wire is cut: `eol` (its own
    state), `nc` (the same as an alarm) or `none` (nothing); of others nothing is said.
    `claims` are the wires that no other device may use.
    `needs` is what must be installed, where that is not `LIBRARIES` for every such device.
    """

    points: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()
    readers: frozenset[str] = frozenset()
    picture: bool = False
    longest_s: Mapping[str, int] = field(default_factory=dict)
    fails_on: frozenset[str] = frozenset()
    boots_on: frozenset[str] = frozenset()
    loops: Mapping[str, str] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    needs: tuple[Need, ...] = ()


PIGPIOD = ("127.0.0.1", 8888)  # where a pigpiod listens that reaches this machine's own pins


def gpio(pin: int, pigpiod: tuple[str, int] | None = None) -> str:
    """Return what a pin (BCM number) is called, for a `Claim`.

    Args:
        pin: BCM number.
        pigpiod: through which one it is reached; None: it is not.
    """
    if pigpiod in (None, PIGPIOD):
        return f"GPIO {pin} of this machine"
    return "GPIO {} of the pigpiod at {}:{}".format(pin, *pigpiod)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a device's options that no single field shows.

    `key` is the dotted path inside the device's table ("inputs.store.pin"), `by` are other such
    keys that it was judged by: where one of them is itself a mistake, that is told alone.
    """

    key: str
    found: str
    remedy: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds of a number (both included), or of a text's length. Understood by pydantic."""

    low: int | float
    high: int | float

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        schema = handler(source)
        if schema["type"] == "str":
            return schema | {"min_length": self.low, "max_length": self.high}
        return schema | {"ge": self.low, "le": self.high}


class Options(Protocol):
    """What every driver's options class has besides its fields."""

    def offers(self) -> Offers: ...

    def mistakes(self) -> Iterable[Mistake]: ...


class Link(Protocol):
    """A driver's only way to the daemon. Every method may be called from any thread.

    Attributes:
        spool: a folder for the files that answers name; "" where there is none. What an answer
            has named is the daemon's; what is left behind there is removed.
    """

    spool: str

    def ready(self, identity: Mapping[str, Json]) -> None:
        """Say that the hardware answers.

        `identity` is what would show a swap: serial number, parameters, counts that only
        enrolment changes.
        """

    def report(self, reading: Reading) -> None:
        """Report one fact. Reports arrive in the order of the calls."""

    def alive(self, measured: Mapping[str, Json] | None = None) -> None:
        """Say that the hardware was just seen to work.

        `measured` is what a technician may want to see of it, and nothing decides by: values by
        name, with the unit in the name's last part (`{"store-movement_ohm": 4702}`).
        """

    def next_action(self, timeout_s: float) -> Action | None:
        """Wait for the next action; None after `timeout_s`.

        Raises:
            Stopped: the daemon asks the driver to end, or is gone.
        """

    def answer(
        self,
        action: Action,
        outcome: Outcome,
        reason: str = "",
        data: Mapping[str, Json] | None = None,
    ) -> None:
        """Say how an action ended, with a sentence where it was not `done`.

        `data` of a file: `file` (its name in the spool, whole and closed), `media` (its type),
        `from` and `to` (of its pictures).
        """


class Driver(Protocol):
    """What the entry point in the group `armoury.drivers` names."""

    def __init__(self, device: str, options: Any) -> None: ...

    def run(self, link: Link) -> None: ...


# Errors. Transport: the wire does not carry (`DeviceSilent`). Protocol: the peer says what
# it must not (`DeviceConfused`). Misuse: the options cannot work (`DeviceRefused`).
class DeviceError(Exception):
    """Base of all; its text is one sentence for a technician: what, where, what to do."""


class DeviceSilent(DeviceError):
    """The device cannot be reached or does not answer in time."""


class DeviceConfused(DeviceError):
    """The device answers what its protocol does not allow."""


class DeviceRefused(DeviceError):
    """The device refuses what the site file says (a password, a pin, a format)."""


class Stopped(Exception):
    """The daemon asks the driver to end, or is gone."""


def now_us() -> int:
    """Return the present time as all readings give it."""
    return time.monotonic_ns() // 1000
