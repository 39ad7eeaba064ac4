"""Which cameras watch what, as the site file says it: a camera's `covers`, a zone's `cameras`.

Whatever else, a camera watches itself: what covers or turns it is on its last pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from agent.site.table import Key, Mistake, Named
from agent.site.tables import Camera, Zone

# The tables of the site half, each with its key; see `Plan.tables`.
Tables: TypeAlias = Sequence[tuple[Key, Named]]

COVERED = ("door", "zone", "rack", "panic", "camera")
# Machines that speak for a door.
OF_DOORS = frozenset({"access", "exit", "strike"})


def watching(tables: Tables) -> Mapping[str, tuple[str, ...]]:
    """Return the cameras by what they watch: "door/store", "zone/hall", "camera/hall"."""
    found: dict[str, dict[str, None]] = {}
    for _, camera in _cameras(tables):
        found.setdefault(f"camera/{camera.id}", {})[camera.id] = None
        for name in camera.covers:
            for key in _named(tables, name):
                found.setdefault(key, {})[camera.id] = None
    for _, zone in _zones(tables):
        for name in zone.cameras:
            found.setdefault(f"zone/{zone.id}", {})[name] = None
    return {key: tuple(cameras) for key, cameras in found.items()}


def subject(source: str) -> str:
    """Return the key in `watching` of what a machine speaks for."""
    noun, _, name = source.partition("/")
    return f"door/{name}" if noun in OF_DOORS else source


def mistakes(tables: Tables) -> Iterator[Mistake]:
    """Yield what is watched or watches, and is not there."""
    known = {table.id for key, table in tables if key[0] in COVERED}
    for key, camera in _cameras(tables):
        for name in camera.covers:
            if "." not in name and name not in known:
                yield _unknown((*key, "covers"), name, COVERED, known)
    cameras = {camera.id for _, camera in _cameras(tables)}
    for key, zone in _zones(tables):
        for name in zone.cameras:
            if name not in cameras:
                yield _unknown((*key, "cameras"), name, ("camera",), cameras)


def _cameras(tables: Tables) -> list[tuple[Key, Camera]]:
    return [(key, table) for key, table in tables if isinstance(table, Camera)]


def _zones(tables: Tables) -> list[tuple[Key, Zone]]:
    return [(key, table) for key, table in tables if isinstance(table, Zone)]


def _unknown(key: Key, name: str, nouns: tuple[str, ...], known: set[str]) -> Mistake:
    remedy = f'the id of a {" or ".join(nouns)}: none has id = "{name}"'
    return Mistake(key, name, remedy, nouns, frozenset(known))


def _named(tables: Tables, name: str) -> Iterator[str]:
    for (noun, *_), table in tables:
        if noun not in COVERED:
            continue
        uses = (one.ref for one in table.references() if one.key != ("covers",))
        if name == table.id or ("." in name and name in uses):
            yield f"{noun}/{table.id}"
