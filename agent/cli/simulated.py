"""What of a site file can be moved by hand: the contacts and devices that are simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from agent.config.devices import DeviceSpec
from agent.config.mistakes import meant
from agent.config.sitefile import SiteFile


@dataclass(frozen=True, slots=True)
class Contact:
    """One simulated contact at a board's pin, wired as the site file says."""

    device: str
    pin: int
    pull: str
    normal: str

    def level(self, *, alarm: bool) -> int | None:
        """Return what the contact ties its pin to: 0 ground, 1 the 3.3 V, None nothing."""
        closed = 0 if self.pull == "up" else 1
        if self.normal in ("low", "high"):
            return int((self.normal == "high") != alarm)
        return closed if (self.normal == "closed") != alarm else None


class SimulatedSite:
    """A site file, as its simulators' hands see it."""

    def __init__(self, file: SiteFile) -> None:
        self._devices = {device.id: device for device in file.devices}
        self._points: Mapping[str, Mapping[str, str]] = {
            "door": {door.id: door.contact for door in file.plan.door},
            "panic": {panic.id: panic.point for panic in file.plan.panic},
            "zone": {zone.id: zone.point for zone in file.plan.zone},
            "weapon": {
                serial: ref for rack in file.plan.rack for ref, serial in rack.slots.items()
            },
        }

    def device(self, name: str) -> DeviceSpec:
        """Return a device that is simulated.

        Raises:
            ClickException: there is none of that id, or it is real.
        """
        if name not in self._devices:
            raise click.ClickException(_unknown("device", name, self._devices))
        device = self._devices[name]
        if not device.simulated:
            raise click.ClickException(f"{name} is real: only its hardware can be moved")
        return device

    def contact(self, kind: str, name: str) -> Contact:
        """Return the contact of a door, panic button, zone or weapon, or that of "device.point".

        Raises:
            ClickException: there is none, or it is not a simulated contact.
        """
        points = self._points[kind]
        if "." not in name and name not in points:
            raise click.ClickException(_unknown(kind, name, points))
        device, _, point = points.get(name, name).partition(".")
        inputs: Any = self.device(device).options.get("inputs", {})
        if point not in inputs:
            raise click.ClickException(_unknown("contact", f"{device}.{point}", inputs))
        wired = inputs[point]
        return Contact(device, wired["pin"], wired["pull"], wired["normal"])


def _unknown(kind: str, name: str, known: Mapping[str, object]) -> str:
    there = f"there are: {', '.join(sorted(known)) or 'none'}"
    return f"no {kind} {name}; {meant(name, known, there)}"
