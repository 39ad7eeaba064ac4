"""Whether an area can be armed: what is open, tampered with or faulted, point by point.

EN 50131-1 lists what blocks arming. What is silent neither shows here nor blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agent.site.inputs import Condition, PointState
from agent.site.point import Point
from agent.site.rack import CUT

if TYPE_CHECKING:
    from agent.site.area import Area
    from agent.site.house import House

REASONS = {
    PointState.ALARM: "open",
    PointState.OPEN: "tampered",
    PointState.SHORT: "tampered",
    PointState.UNKNOWN: "faulted",
}


def faults(area: Area, house: House, part: str) -> dict[str, str]:
    """Return what keeps a part from being armed, by point, device, alarm or path, and why."""
    return dict(
        (
            *_points(area, part),
            *_technician(area),
            *_racks(area, house),
            *_cameras(area),
            *_devices(area, house),
            *_sounders(area),
            *_alarms(area, house),
            *_line(house),
            *_power(house),
            *_record(house),
        )
    )


def why(point: Point) -> str | None:
    """Return why a point is not ready; None when it is."""
    if point.is_normal():
        return None
    state = point.state.raw if point.state.raw is not PointState.NORMAL else point.state.settled
    return REASONS[state]


def _points(area: Area, part: str) -> Iterator[tuple[str, str]]:
    zones = (zone for zone in area.zones if not zone.bypassed and area.in_part(zone, part))
    watched = [zone.point for zone in zones]
    for point in (*watched, *(door.contact for door in area.doors)):
        if reason := why(point):
            yield point.id, reason


def _technician(area: Area) -> Iterator[tuple[str, str]]:
    if area.technician.on:
        yield "technician", "technician"


def _racks(area: Area, house: House) -> Iterator[tuple[str, str]]:
    for rack in house.racks.values():
        for slot in rack.slots if rack.area == area.id else ():
            if slot.point.state.settled in CUT:
                yield slot.id, "tampered"


def _cameras(area: Area) -> Iterator[tuple[str, str]]:
    for camera in area.cameras:
        if not camera.is_normal():
            yield camera.id, "faulted"


def _devices(area: Area, house: House) -> Iterator[tuple[str, str]]:
    used = {zone.device for zone in area.zones} | {camera.id for camera in area.cameras}
    used |= {sounder.device for sounder in area.sounders}
    used |= {panic.device for panic in house.panics.values() if panic.area == area.id}
    for door in area.doors:
        used |= door.devices
    for rack in house.racks.values():
        used |= {slot.device for slot in rack.slots if rack.area == area.id}
    for name in sorted(used):
        device = house.devices.get(name)
        if device and device.substituted:
            yield name, "tampered"
        elif device and device.state.condition is not Condition.READY:
            yield name, "faulted"


def people(area: Area, at_us: int) -> dict[str, str]:
    """Return what says that somebody is still inside, by door, and why."""
    at_work = {door.contact.id: "session" for door in area.doors if door.sessions.at(at_us)}
    return at_work | ({"people": "inside"} if area.passback.inside else {})


def _sounders(area: Area) -> Iterator[tuple[str, str]]:
    for sounder in area.sounders:
        if not sounder.is_normal():
            yield sounder.plan.output, "faulted"


def _alarms(area: Area, house: House) -> Iterator[tuple[str, str]]:
    for alarm in house.alarms:
        here = alarm.state.area == area.id and not alarm.silent
        if here and alarm.state.stage != "restored":
            yield f"alarm {alarm.id}", "alarm"


def _record(house: House) -> Iterator[tuple[str, str]]:
    if house.storage.failed:
        yield "journal", "journal"


def _power(house: House) -> Iterator[tuple[str, str]]:
    if house.power:
        yield from house.power.faults().items()


def _line(house: House) -> Iterator[tuple[str, str]]:
    paths = house.paths.values()
    if paths and not any(path.works for path in paths):
        yield "uplink", "uplink"
