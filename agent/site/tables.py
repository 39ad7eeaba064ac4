"""The tables of the site half of the site file: what the wired things mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from agent.site.table import (
    Factor,
    Id,
    Ids,
    Mistake,
    Named,
    Ref,
    Reference,
    Role,
    Serial,
    Supervision,
    Table,
)

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Technology = Literal["contact", "pir", "microwave", "dual", "glass", "seismic", "beam", "other"]


def _span(given: str) -> str:
    begin, _, end = given.partition("-")
    if begin >= end:
        raise ValueError("a span ends after it begins, on the same day; 24:00 is its end")
    return given


def _known_zone(given: str) -> str:
    try:
        ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError('a time zone such as "America/Guayaquil"') from error
    return given


_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
Span = Annotated[
    str,
    Field(pattern=rf"^{_CLOCK}-(?:{_CLOCK}|24:00)$", description='hours such as "08:00-12:30"'),
    AfterValidator(_span),
]


# What a camera watches: the id of a door, zone, rack, panic button or camera, or a point.
Covered = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}(?:\.[a-z0-9][a-z0-9_-]{0,31})?$",
        description="an id of what is watched, or a point",
    ),
]
Permille = Annotated[int, Field(ge=0, le=1000)]
Spot = Annotated[tuple[Permille, Permille], Field(strict=False)]
Mask = Annotated[tuple[Spot, ...], Field(strict=False, min_length=2, max_length=16)]


def _supervised(key: str, ref: str, how: Supervision) -> Reference:
    return Reference((key,), "point", ref, supervision=how, by=("supervision",))


class Site(Table):
    """`[site]`: which armoury this is.

    `alarms_on`: which paths send its alarms, the one that carries everything or each of them.
    """

    id: Id
    name: Annotated[str, Field(min_length=1, max_length=80)]
    alarms_on: Literal["carrier", "all"] = "carrier"


class Device(Named):
    """What the site half needs to know of a `[[device]]`."""

    simulated: bool = False
    reads_fingers: bool = True  # unless its driver's options say that it does not


class Area(Named):
    """`[[area]]`: what is armed and disarmed as one."""

    exit_delay_s: Annotated[int, Field(ge=0, le=120)] = 45
    entry_delay_s: Annotated[int, Field(ge=0, le=45)] = 0
    arm_people: Annotated[int, Field(ge=1, le=2)] = 1
    disarm_people: Annotated[int, Field(ge=1, le=2)] = 2
    override_people: Annotated[int, Field(ge=2, le=2)] = 2
    part_sets: Mapping[Id, Annotated[tuple[Id, ...], Field(strict=False, min_length=1)]] = {}
    confirm_s: Annotated[int, Field(ge=30, le=3600)] = 1800
    schedule: Id | None = None
    autoarm: bool = False
    warn_s: Annotated[int, Field(ge=60, le=1800)] = 600
    postpone_s: Annotated[int, Field(ge=300, le=3600)] = 1800
    postpone_max: Annotated[int, Field(ge=0, le=5)] = 3
    late_close_s: Annotated[int, Field(ge=60, le=3600)] = 900
    response_s: Annotated[int, Field(ge=60, le=3600)] = 900
    technician_s: Annotated[int, Field(ge=60, le=14400)] = 3600

    def mistakes(self) -> Iterable[Mistake]:
        if self.autoarm and self.schedule is None:
            yield Mistake(("autoarm",), "true", "a schedule that says when, or leave it out")


class Door(Named):
    """`[[door]]`: who may enter where. Leaving never depends on it (`egress`)."""

    area: Id
    lock_fail: Literal["secure", "safe"]
    egress: Literal["mechanical", "hardwired"]
    reader_in: Ids
    reader_out: Ids = ()
    strike: Ref
    strike_readback: Ref | None = None
    contact: Ref
    supervision: Supervision = "nc"
    bolt: Ref | None = None
    rex: Ref | None = None
    override_key: Ref | None = None
    people: Annotated[int, Field(ge=1, le=4)] = 2
    within_s: Annotated[int, Field(ge=5, le=60)] = 30
    roles: Annotated[tuple[Role, ...], Field(strict=False, min_length=1)] = ("officer", "guard")
    factors: Annotated[tuple[Factor, ...], Field(strict=False, min_length=1)] = ("finger",)
    single_factor_accepted: bool = False
    release_s: Annotated[int, Field(ge=1, le=30)] = 5
    debounce_ms: Annotated[int, Field(ge=10, le=300)] = 50
    rex_shunt_s: Annotated[int, Field(ge=2, le=60)] = 10
    held_s: Annotated[int, Field(ge=10, le=300)] = 30
    prewarn_s: Annotated[int, Field(ge=1, le=299)] = 10
    on_armed: Literal["deny", "disarm"] = "deny"
    interlock: Annotated[tuple[Id, ...], Field(strict=False)] = ()
    antipassback: Literal["none", "soft", "hard"] = "soft"
    remote_open: Literal["never", "assist"] = "never"
    session_s: Annotated[int, Field(ge=60, le=3600)] = 900
    lockout_after: Annotated[int, Field(ge=3, le=10)] = 5
    lockout_s: Annotated[int, Field(ge=10, le=60)] = 60

    def mistakes(self) -> Iterable[Mistake]:
        if self.prewarn_s >= self.held_s:
            yield Mistake(("prewarn_s",), str(self.prewarn_s), f"less than held_s ({self.held_s})")
        if set(self.factors) == {"finger"} and not self.single_factor_accepted:
            yield Mistake(
                ("factors",),
                "a biometric alone",
                'add "pin" or "card", or write single_factor_accepted = true',
            )
        if self.antipassback == "hard" and not self.reader_out:
            yield Mistake(("antipassback",), "hard", "a reader_out that tells who leaves, or soft")
        if self.id in self.interlock:
            yield Mistake(("interlock",), self.id, "other doors than this one")
        if "visitor" in self.roles:
            yield Mistake(("roles",), "visitor", "leave it out: a visitor never opens a door")

    def references(self) -> Iterable[Reference]:
        for reader in self.reader_in:
            needs = frozenset(self.factors)
            yield Reference(("reader_in",), "reader", reader, needs, by=("factors",))
        secure = self.lock_fail == "secure"
        yield Reference(
            ("strike",),
            "output",
            self.strike,
            on_s=self.release_s,
            fails_off=secure,
            opens=secure,
            by=("release_s", "lock_fail"),
        )
        yield _supervised("contact", self.contact, self.supervision)
        for reader in self.reader_out:
            yield Reference(("reader_out",), "reader", reader)
        for key in ("strike_readback", "bolt", "rex", "override_key"):
            if ref := getattr(self, key):
                yield Reference((key,), "point", ref)


class Zone(Named):
    """`[[zone]]`: a supervised input that detects.

    `always` and `tamper` are watched at all times, the others while their area is armed. A
    `follower` is on the way from an `entry_route` (`follows`; any, unless given).
    """

    area: Id
    point: Ref
    kind: Literal["instant", "entry_route", "follower", "tamper", "always"]
    follows: Id | None = None
    supervision: Supervision
    debounce_ms: Annotated[int, Field(ge=10, le=300)] = 100
    bypassable: bool = True
    technology: Technology | None = None
    swinger_n: Annotated[int, Field(ge=1, le=10)] = 3
    nuisance_max: Annotated[int, Field(ge=1, le=31)] = 3
    test_due_d: Annotated[int, Field(ge=1, le=92)] = 31
    cameras: Annotated[tuple[Id, ...], Field(strict=False)] = ()

    def mistakes(self) -> Iterable[Mistake]:
        if self.follows is not None and self.kind != "follower":
            yield Mistake(("follows",), self.follows, 'kind = "follower", or leave it out')

    def references(self) -> Iterable[Reference]:
        yield _supervised("point", self.point, self.supervision)


class Panic(Named):
    """`[[panic]]`: a hold-up button. Never bypassed, never debounced."""

    area: Id
    point: Ref
    supervision: Supervision
    silent: bool = True
    repeat_s: Annotated[int, Field(ge=10, le=120)] = 30
    stuck_s: Annotated[int, Field(ge=10, le=600)] = 60
    escalate_output: Id | None = None
    test_due_h: Annotated[int, Field(ge=8, le=168)] = 12

    def references(self) -> Iterable[Reference]:
        yield _supervised("point", self.point, self.supervision)


BUZZ_S = 3


class Output(Named):
    """`[[output]]`: a `siren` sounds for alarms, a `buzzer` for warnings.

    `alive` is on for as long as the daemon lives, and off within 10 s of its death.
    """

    area: Id
    output: Ref
    kind: Literal["siren", "buzzer", "alive"]
    on_s: Annotated[int, Field(ge=120, le=900)] = 180
    realarm_max: Annotated[int, Field(ge=1, le=10)] = 3
    readback: Ref | None = None

    def mistakes(self) -> Iterable[Mistake]:
        if self.kind == "alive" and self.readback:
            yield Mistake(("readback",), self.readback, "leave it out: its far end sees it fall")

    def references(self) -> Iterable[Reference]:
        on_s = {"siren": self.on_s, "buzzer": BUZZ_S, "alive": 0}[self.kind]
        always_on = self.kind == "alive"
        yield Reference(
            ("output",),
            "output",
            self.output,
            on_s=on_s,
            fails_off=True,
            always_on=always_on,
            by=("kind", "on_s"),
        )
        if self.readback:
            yield Reference(("readback",), "point", self.readback)


class Schedule(Named):
    """`[[schedule]]`: opening hours ("08:00-12:30") by day of the week, in a time zone."""

    tz: Annotated[str, AfterValidator(_known_zone)]
    week: Mapping[Day, Annotated[tuple[Span, ...], Field(strict=False, min_length=1)]]
    holidays: Annotated[tuple[date, ...], Field(strict=False)] = ()
    untrusted_clock: Literal["deny", "officer"] = "officer"


class Rack(Named):
    """`[[rack]]`: slots that hold a weapon each, or none ("empty").

    A slot's point is normal while something stands in it.
    """

    area: Id
    doors: Ids
    slots: Annotated[Mapping[Ref, Serial], Field(min_length=1)]
    settle_ms: Annotated[int, Field(ge=100, le=5000)] = 500
    return_due_h: Annotated[int, Field(ge=1, le=168)] = 12
    # standards.md: a count of every serial each quarter.
    count_due_d: Annotated[int, Field(ge=1, le=92)] = 90

    def references(self) -> Iterable[Reference]:
        for ref in self.slots:
            yield Reference(("slots", ref), "point", ref)


class Power(Table):
    """`[power]`: what the gateway lives on.

    A battery whose readings bring its charge (`pct`) lets it stop in good time.
    """

    mains: Ref
    battery: Ref | None = None
    undervoltage: Ref | None = None
    mains_report_s: Annotated[int, Field(ge=0, le=300)] = 10
    shutdown_pct: Annotated[int, Field(ge=5, le=30)] = 10
    restart_pct: Annotated[int, Field(ge=6, le=100)] = 20

    def mistakes(self) -> Iterable[Mistake]:
        if self.restart_pct <= self.shutdown_pct:
            remedy = f"more than shutdown_pct ({self.shutdown_pct})"
            yield Mistake(("restart_pct",), str(self.restart_pct), remedy)

    def references(self) -> Iterable[Reference]:
        for key in ("mains", "battery", "undervoltage"):
            if ref := getattr(self, key):
                yield Reference((key,), "point", ref)


class Camera(Named):
    """`[[camera]]`: a device with a picture; its id is the device's id.

    A mask is a polygon of points in thousandths of the picture, or two opposite corners.
    """

    area: Id
    covers: Annotated[tuple[Covered, ...], Field(strict=False)] = ()
    pre_s: Annotated[int, Field(ge=0, le=60)] = 10
    post_s: Annotated[int, Field(ge=5, le=300)] = 30
    blind_alarm: Literal["always", "armed"] = "always"
    keep_d: Annotated[int, Field(ge=7, le=3650)] = 90
    masks: Annotated[tuple[Mask, ...], Field(strict=False, max_length=16)] = ()

    def references(self) -> Iterable[Reference]:
        yield Reference(("id",), "camera", self.id)
        for name in self.covers:
            if "." in name:
                yield Reference(("covers",), "point", name)
