"""The site half of the site file: what the wired things mean.

Frozen models, one a table of the file, bounds at the field. `Plan` brings them together. What
no single field shows, `mistakes` says (all of it, not only the first); what must exist in the
device half, `references` lists. The configuration turns both into located errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Key: TypeAlias = tuple[str | int, ...]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Ref = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\.[a-z0-9][a-z0-9_-]{0,31}$")]
Role = Literal["officer", "technician", "guard", "response", "visitor"]
Factor = Literal["finger", "card", "pin"]
Supervision = Literal["eol", "nc", "none"]
# One device's id, or a list of them.
Ids = Annotated[
    tuple[Id, ...],
    Field(strict=False, min_length=1),
    BeforeValidator(lambda given: (given,) if isinstance(given, str) else given),
]


@dataclass(frozen=True, slots=True)
class Mistake:
    """What no single field shows.

    `key` is the path inside the model that was asked: ("reader_out",) of a door,
    ("door", 0, "area") of the plan.
    """

    key: Key
    found: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Something the device half must offer.

    Attributes:
        key: where the site half says it: ("door", 0, "contact").
        kind: what it must be. `point` and `output`: `ref` is "device.point"; `reader` and
            `camera`: `ref` is a device's id.
        ref: what is referred to.
        needs: kinds of credential that the readers of the same `key` must offer, together.
    """

    key: Key
    kind: Literal["point", "output", "reader", "camera"]
    ref: str
    needs: frozenset[str] = frozenset()


class Table(BaseModel):
    """What all tables of the site half share."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def mistakes(self) -> Iterable[Mistake]:
        """Yield what no single field shows."""
        return ()

    def references(self) -> Iterable[Reference]:
        """Yield what the device half must offer."""
        return ()


class Site(Table):
    """`[site]`: which armoury this is."""

    id: Id
    name: Annotated[str, Field(min_length=1, max_length=80)]


class Named(Table):
    """A table of which there may be many: `[[door]]`."""

    id: Id


class Device(Named):
    """What the site half needs to know of a `[[device]]`."""

    simulated: bool = False


class Area(Named):
    """`[[area]]`: what is armed and disarmed as one."""

    response_s: Annotated[int, Field(ge=60, le=3600)] = 900


class Door(Named):
    """`[[door]]`: who may enter where. Leaving never depends on it (`egress`)."""

    area: Id
    lock_fail: Literal["secure", "safe"]
    egress: Literal["mechanical", "hardwired"]
    reader_in: Ids
    strike: Ref
    contact: Ref
    rex: Ref | None = None
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

    def mistakes(self) -> Iterable[Mistake]:
        if self.prewarn_s >= self.held_s:
            yield Mistake(("prewarn_s",), str(self.prewarn_s), f"less than held_s ({self.held_s})")
        if set(self.factors) == {"finger"} and not self.single_factor_accepted:
            yield Mistake(
                ("factors",),
                "a biometric alone",
                'add "pin" or "card", or write single_factor_accepted = true',
            )
        if "visitor" in self.roles:
            yield Mistake(("roles",), "visitor", "leave it out: a visitor never opens a door")

    def references(self) -> Iterable[Reference]:
        for reader in self.reader_in:
            yield Reference(("reader_in",), "reader", reader, frozenset(self.factors))
        yield Reference(("strike",), "output", self.strike)
        yield Reference(("contact",), "point", self.contact)
        if self.rex:
            yield Reference(("rex",), "point", self.rex)


class Zone(Named):
    """`[[zone]]`: a supervised input that detects. Watched at all times, whatever its kind."""

    area: Id
    point: Ref
    kind: Literal["instant", "tamper", "always"]
    supervision: Supervision
    debounce_ms: Annotated[int, Field(ge=10, le=300)] = 100

    def references(self) -> Iterable[Reference]:
        yield Reference(("point",), "point", self.point)


class Panic(Named):
    """`[[panic]]`: a hold-up button. Never bypassed, never debounced."""

    area: Id
    point: Ref
    supervision: Supervision
    repeat_s: Annotated[int, Field(ge=10, le=120)] = 30
    stuck_s: Annotated[int, Field(ge=10, le=600)] = 60

    def references(self) -> Iterable[Reference]:
        yield Reference(("point",), "point", self.point)


class Camera(Named):
    """`[[camera]]`: a device with a picture; its id is the device's id."""

    area: Id

    def references(self) -> Iterable[Reference]:
        yield Reference(("id",), "camera", self.id)


class Plan(Table):
    """The whole site half. Its fields are the tables' names in the file, and the devices."""

    site: Site
    device: Annotated[tuple[Device, ...], Field(strict=False)] = ()
    area: Annotated[tuple[Area, ...], Field(strict=False)] = ()
    door: Annotated[tuple[Door, ...], Field(strict=False)] = ()
    zone: Annotated[tuple[Zone, ...], Field(strict=False)] = ()
    panic: Annotated[tuple[Panic, ...], Field(strict=False)] = ()
    camera: Annotated[tuple[Camera, ...], Field(strict=False)] = ()

    def tables(self) -> Iterator[tuple[Key, Named]]:
        """Yield each `[[table]]` of the site half with its key ("door", 0)."""
        for name in ("area", "door", "zone", "panic", "camera"):
            for number, table in enumerate(getattr(self, name)):
                yield (name, number), table

    def mistakes(self) -> Iterator[Mistake]:
        """Yield every mistake of the tables, and of one table against another."""
        for key, table in self.tables():
            for mistake in table.mistakes():
                yield Mistake((*key, *mistake.key), mistake.found, mistake.remedy)
        yield from self._twice()
        yield from self._areas()
        yield from self._shared_points()

    def references(self) -> Iterator[Reference]:
        """Yield everything that the device half must offer."""
        for key, table in self.tables():
            for found in table.references():
                yield Reference((*key, *found.key), found.kind, found.ref, found.needs)

    def _twice(self) -> Iterator[Mistake]:
        seen: set[tuple[str | int, str]] = set()
        for key, table in self.tables():
            name = (key[0], table.id)
            if name in seen:
                yield Mistake((*key, "id"), name[1], f"another id: a {key[0]} has it already")
            seen.add(name)

    def _areas(self) -> Iterator[Mistake]:
        known = {area.id for area in self.area}
        for key, table in self.tables():
            area = getattr(table, "area", None)
            if area is not None and area not in known:
                yield Mistake((*key, "area"), area, f'an [[area]] with id = "{area}"')

    def _shared_points(self) -> Iterator[Mistake]:
        used: dict[str, Key] = {}
        for found in self.references():
            if found.kind in ("point", "output"):
                if found.ref in used:
                    where = ".".join(map(str, used[found.ref]))
                    yield Mistake(found.key, found.ref, f"another one: {where} uses it already")
                used.setdefault(found.ref, found.key)
