"""The site half of the site file as a whole, and what one table says against another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field

from agent.site import coverage
from agent.site.table import EMPTY, Id, Key, Mistake, Named, Reference, Table
from agent.site.tables import (
    Area,
    Camera,
    Device,
    Door,
    Output,
    Panic,
    Power,
    Rack,
    Schedule,
    Site,
    Zone,
)
from agent.site.value import replace

__all__ = ["Device", "Id", "Key", "Mistake", "Plan", "Reference", "Table"]


# The names of the `[[tables]]` of the site half.
TABLES = ("schedule", "area", "door", "zone", "panic", "rack", "camera", "output")


class Plan(Table):
    """The whole site half. Its fields are the tables' names in the file, and the devices."""

    site: Site
    device: Annotated[tuple[Device, ...], Field(strict=False)] = ()
    area: Annotated[tuple[Area, ...], Field(strict=False)] = ()
    door: Annotated[tuple[Door, ...], Field(strict=False)] = ()
    zone: Annotated[tuple[Zone, ...], Field(strict=False)] = ()
    output: Annotated[tuple[Output, ...], Field(strict=False)] = ()
    schedule: Annotated[tuple[Schedule, ...], Field(strict=False)] = ()
    panic: Annotated[tuple[Panic, ...], Field(strict=False)] = ()
    rack: Annotated[tuple[Rack, ...], Field(strict=False)] = ()
    power: Power | None = None
    camera: Annotated[tuple[Camera, ...], Field(strict=False)] = ()

    def tables(self) -> Iterator[tuple[Key, Named]]:
        """Yield each `[[table]]` of the site half with its key ("door", 0)."""
        for name in TABLES:
            for number, table in enumerate(getattr(self, name)):
                yield (name, number), table

    def mistakes(self) -> Iterator[Mistake]:
        """Yield every mistake of the tables, and of one table against another."""
        for key, table in self.tables():
            for mistake in table.mistakes():
                yield replace(mistake, key=(*key, *mistake.key))
        for mistake in self.power.mistakes() if self.power else ():
            yield replace(mistake, key=("power", *mistake.key))
        yield from self._twice()
        yield from self._areas()
        yield from self._schedules()
        yield from self._interlocks()
        yield from self._shared_readers()
        yield from self._shared_points()
        yield from self._parts()
        yield from self._followers()
        yield from self._disarming_doors()
        yield from self._racks()
        yield from self._escalations()
        yield from coverage.mistakes([*self.tables()])

    def warnings(self) -> Iterator[Mistake]:
        """Yield what works and should still be otherwise."""
        for number, area in enumerate(self.area):
            zones = [zone for zone in self.zone if zone.area == area.id and zone.technology]
            guarded = any(door.area == area.id for door in self.door)
            if guarded and len({zone.technology for zone in zones}) < 2:
                found = "fewer than two technologies among its zones"
                remedy = "detectors of two kinds (technology): what fools one fools not the other"
                yield Mistake(("area", number), found, remedy)
        for number, door in enumerate(self.door):
            if door.rex is None and not door.reader_out:
                found = "neither rex nor reader_out"
                remedy = "what tells that somebody leaves: without it leaving is a forced door"
                yield Mistake(("door", number), found, remedy)

    def references(self) -> Iterator[Reference]:
        """Yield everything that the device half must offer."""
        escalated = {panic.escalate_output for panic in self.panic}
        for key, table in self.tables():
            for found in table.references():
                # A buzzer sounds like a siren for a panic that nobody acknowledges.
                if isinstance(table, Output) and table.id in escalated:
                    found = replace(found, on_s=table.on_s)
                yield replace(found, key=(*key, *found.key))
        for found in self.power.references() if self.power else ():
            yield replace(found, key=("power", *found.key))

    def _twice(self) -> Iterator[Mistake]:
        seen: set[tuple[str | int, str]] = set()
        for key, table in self.tables():
            name = (key[0], table.id)
            if name in seen:
                yield Mistake(
                    (*key, "id"), name[1], f"another id: another [[{key[0]}]] has it already"
                )
            seen.add(name)

    def _areas(self) -> Iterator[Mistake]:
        known = _ids(self.area)
        for key, table in self.tables():
            area = getattr(table, "area", None)
            if area is not None and area not in known:
                remedy = f'an [[area]] with id = "{area}"'
                yield Mistake((*key, "area"), area, remedy, ("area",), known)

    def _schedules(self) -> Iterator[Mistake]:
        known = _ids(self.schedule)
        for number, area in enumerate(self.area):
            if area.schedule is not None and area.schedule not in known:
                remedy = f'a [[schedule]] with id = "{area.schedule}"'
                key = ("area", number, "schedule")
                yield Mistake(key, area.schedule, remedy, ("schedule",), known)
        arming = {area.schedule: place for place, area in enumerate(self.area) if area.autoarm}
        for number, schedule in enumerate(self.schedule):
            if schedule.id in arming and not schedule.week:
                by = ("area", arming[schedule.id], "autoarm")
                remedy = "a day with its hours: an area arms itself when they end"
                yield Mistake(("schedule", number, "week"), "no day", remedy, by=(by,))

    def _interlocks(self) -> Iterator[Mistake]:
        known = _ids(self.door)
        for number, door in enumerate(self.door):
            for other in door.interlock:
                if other not in known:
                    remedy = f'a [[door]] with id = "{other}"'
                    key = ("door", number, "interlock")
                    yield Mistake(key, other, remedy, ("door",), known - {door.id})

    def _shared_readers(self) -> Iterator[Mistake]:
        used: dict[str, Key] = {}
        for found in self.references():
            if found.kind == "reader":
                before = used.setdefault(found.ref, found.key)
                if before != found.key:
                    yield Mistake(found.key, found.ref, self._has_it(before))

    def _shared_points(self) -> Iterator[Mistake]:
        used: dict[str, Key] = {}
        for found in self.references():
            if found.kind in ("point", "output") and found.key[-1] != "covers":
                before = used.setdefault(found.ref, found.key)
                # A door's contact may be one zone as well: the way in is part of an entry route.
                if before[0] == "door" and before[2] == "contact" and found.key[0] == "zone":
                    used[found.ref] = found.key
                elif before != found.key:
                    yield Mistake(found.key, found.ref, self._has_it(before))

    def _has_it(self, key: Key) -> str:
        """Return the remedy for what is used twice, at a key such as ("door", 0, "contact")."""
        ids = {place: table.id for place, table in self.tables()}
        words = (key[0], ids.get(key[:2], key[1]), *key[2:])
        return f"another one: {'.'.join(map(str, words))} uses it already"

    def _parts(self) -> Iterator[Mistake]:
        for number, area in enumerate(self.area):
            own = _ids(zone for zone in self.zone if zone.area == area.id)
            for part, zones in area.part_sets.items():
                for zone in zones:
                    if zone not in own:
                        key = ("area", number, "part_sets", part)
                        remedy = f'a zone with area = "{area.id}"'
                        yield Mistake(key, zone, remedy, ("zone",), own)

    def _followers(self) -> Iterator[Mistake]:
        routes = [zone for zone in self.zone if zone.kind == "entry_route"]
        for number, zone in enumerate(self.zone):
            fits = _ids(route for route in routes if route.area == zone.area)
            if zone.follows is not None and zone.follows not in fits:
                remedy = f'a zone with kind = "entry_route" and area = "{zone.area}"'
                key = ("zone", number, "follows")
                yield Mistake(key, zone.follows, remedy, ("zone",), fits)

    def _racks(self) -> Iterator[Mistake]:
        doors = _ids(self.door)
        seen: set[str] = set()
        for number, rack in enumerate(self.rack):
            for door in rack.doors:
                if door not in doors:
                    remedy = f'a [[door]] with id = "{door}"'
                    yield Mistake(("rack", number, "doors"), door, remedy, ("door",), doors)
            for slot, serial in rack.slots.items():
                if serial in seen:
                    key = ("rack", number, "slots", slot)
                    yield Mistake(key, serial, "another serial: a slot has it already")
                seen |= {serial} - {EMPTY}

    def _escalations(self) -> Iterator[Mistake]:
        sounding = [output for output in self.output if output.kind != "alive"]
        for number, panic in enumerate(self.panic):
            wanted = panic.escalate_output
            fits = _ids(output for output in sounding if output.area != panic.area)
            if wanted is None or wanted in fits:
                continue
            remedy = "the id of an [[output]] that is a siren or a buzzer"
            if wanted in _ids(sounding):
                remedy = f"an output outside {panic.area}: nothing there shows that it was pressed"
            key = ("panic", number, "escalate_output")
            yield Mistake(key, wanted, remedy, ("output",), fits)

    def _disarming_doors(self) -> Iterator[Mistake]:
        areas = {area.id: (number, area.disarm_people) for number, area in enumerate(self.area)}
        for number, door in enumerate(self.door):
            place, people = areas.get(door.area, (0, 0))
            if door.on_armed == "disarm" and door.people < people:
                key, by = ("door", number, "on_armed"), ("area", place, "disarm_people")
                remedy = f"people = {people}, as the area's disarm_people"
                yield Mistake(key, "disarm", remedy, by=(by,))


def _ids(tables: Iterable[Named]) -> frozenset[str]:
    return frozenset(table.id for table in tables)
