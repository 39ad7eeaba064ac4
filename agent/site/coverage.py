"""Which cameras watch what, as the site file says it: a camera's `covers`, a zone's `cameras`.

Whatever else, a camera watches itself: what covers or turns it is on its last pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from agent.site.table import Key, Mistake

if TYPE_CHECKING:
    from agent.site.plan import Plan

COVERED = ("door", "zone", "rack", "panic", "camera")
# Machines that speak for a door.
OF_DOORS = frozenset({"access", "exit", "strike"})


def watching(plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """Return the cameras by what they watch: "door/store", "zone/hall", "camera/hall"."""
    found: dict[str, dict[str, None]] = {}
    for camera in plan.camera:
        found.setdefault(f"camera/{camera.id}", {})[camera.id] = None
        for name in camera.covers:
            for key in _named(plan, name):
                found.setdefault(key, {})[camera.id] = None
    for zone in plan.zone:
        for name in zone.cameras:
            found.setdefault(f"zone/{zone.id}", {})[name] = None
    return {key: tuple(cameras) for key, cameras in found.items()}


def subject(source: str) -> str:
    """Return the key in `watching` of what a machine speaks for."""
    noun, _, name = source.partition("/")
    return f"door/{name}" if noun in OF_DOORS else source


def mistakes(plan: Plan) -> Iterator[Mistake]:
    """Yield what is watched or watches, and is not there."""
    known = {table.id for key, table in plan.tables() if key[0] in COVERED}
    for number, camera in enumerate(plan.camera):
        for name in camera.covers:
            if "." not in name and name not in known:
                yield _unknown(("camera", number, "covers"), name, " or ".join(COVERED))
    cameras = {camera.id for camera in plan.camera}
    for number, zone in enumerate(plan.zone):
        for name in zone.cameras:
            if name not in cameras:
                yield _unknown(("zone", number, "cameras"), name, "camera")


def _unknown(key: Key, name: str, nouns: str) -> Mistake:
    return Mistake(key, name, f'the id of a {nouns}: none has id = "{name}"')


def _named(plan: Plan, name: str) -> Iterator[str]:
    for (noun, *_), table in plan.tables():
        if noun not in COVERED:
            continue
        uses = (one.ref for one in table.references() if one.key != ("covers",))
        if name == table.id or ("." in name and name in uses):
            yield f"{noun}/{table.id}"
