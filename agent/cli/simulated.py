"""What of a site file can be moved by hand: the contacts and devices that are simulated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import click
from msgspec import Struct

from agent.config.devices import DeviceSpec
from agent.config.mistakes import meant
from agent.config.sitefile import SiteFile

Wire: TypeAlias = Literal["normal", "alarm", "open", "short"]  # open is cut, short is bridged
Order: TypeAlias = tuple[str, dict[str, Any]]  # a simulator's verb, and its parameters


class Contact(Struct, frozen=True):
    """One simulated contact at a board's pin, wired as the site file says."""

    device: str
    pin: int
    pull: str
    normal: str

    def told(self, wire: Wire) -> Order:
        """Return what its board is told to have it, or its wire, so."""
        closed = 0 if self.pull == "up" else 1
        if wire in ("open", "short"):
            level = None if wire == "open" else closed
        elif self.normal in ("low", "high"):
            level = int((self.normal == "high") != (wire == "alarm"))
        else:
            level = closed if (self.normal == "closed") != (wire == "alarm") else None
        return "set", {"pin": self.pin, "level": level}


class Loop(Struct, frozen=True):
    """One simulated loop at a converter's channel."""

    device: str
    select: int
    channel: int

    def told(self, wire: Wire) -> Order:
        """Return what its board is told to have it so."""
        return "loop", {"select": self.select, "channel": self.channel, "state": wire}


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

    def contact(self, kind: str, name: str) -> Contact | Loop:
        """Return the contact of a door, panic button, zone or weapon, or that of "device.point".

        `kind` is "wire" for that of any of them.

        Raises:
            ClickException: there is none, or it is not a simulated contact.
        """
        points = self._of(kind)
        if "." not in name and name not in points:
            raise click.ClickException(_unknown(kind, name, points))
        device, _, point = points.get(name, name).partition(".")
        options: Any = self.device(device).options
        inputs = options.get("inputs", {})
        if point not in inputs:
            raise click.ClickException(_unknown("contact", f"{device}.{point}", inputs))
        wired = inputs[point]
        if "channel" in wired:
            return Loop(device, options["select"], wired["channel"])
        return Contact(device, wired["pin"], wired["pull"], wired["normal"])

    def _of(self, kind: str) -> Mapping[str, str]:
        """Return the points by name; where two nouns have one name, that name is none of a wire."""
        if kind != "wire":
            return self._points[kind]
        all_of_them = [one for points in self._points.values() for one in points.items()]
        times = Counter(name for name, _ in all_of_them)
        return {name: ref for name, ref in all_of_them if times[name] == 1}


def _unknown(kind: str, name: str, known: Mapping[str, object]) -> str:
    there = f"there are: {', '.join(sorted(known)) or 'none'}"
    return f"no {kind} {name}; {meant(name, known, there)}"
