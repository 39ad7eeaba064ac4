"""The site half of the site file as a whole, and what one table says against another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from agent.site.table import Id, Key, Mistake, Named, Reference, Table
from agent.site.tables import Area, Camera, Device, Door, Panic, Site, Zone

__all__ = ["Device", "Id", "Key", "Mistake", "Plan", "Reference", "Table"]


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
