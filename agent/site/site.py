"""The whole site as one pure machine: one input in, what it leads to out.

Time moves with the inputs: before one is decided, every timer that was due at its instant or
before rings, in order, at its own due time. What is due later waits for its input or for a
`Tick`. So the order of events is the order in which things happened, however late they are
told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agent.site import configuring
from agent.site.access import Access
from agent.site.commanding import Commanding
from agent.site.exit import Exit
from agent.site.house import House
from agent.site.inputs import (
    ActionAnswered,
    CertificateRead,
    ClockStepped,
    Commanded,
    Condition,
    Configured,
    CredentialRead,
    DeviceFlooded,
    DeviceNews,
    Input,
    Json,
    PathCarries,
    PathNews,
    PathTested,
    PointRead,
    PointState,
    RecordNews,
    RecordOverflowed,
    Started,
    Stopping,
    StorageFilled,
    StorageNews,
    Tick,
)
from agent.site.machine import SECOND_US, by_name
from agent.site.moment import Moment
from agent.site.path import Path
from agent.site.person import Presented
from agent.site.plan import Plan
from agent.site.sighting import ON_SITE_US
from agent.site.step import Step
from agent.site.turn import Turn
from agent.site.value import replace


class Site:
    """What the armoury decides.

    Args:
        plan: the site half of the site file.
        saved: every key of `Step.changes` so far with its last value; forgotten ones left out.
    """

    def __init__(self, plan: Plan, saved: Mapping[str, bytes]) -> None:
        self._furnish(House(plan, saved))

    def _furnish(self, house: House) -> None:
        """Let a house take what comes in."""
        self._house = house
        self._takers: Mapping[type, Callable[[Turn, Any], None]] = {
            PointRead: self._point_read,
            CredentialRead: self._credential_read,
            DeviceNews: self._device_news,
            DeviceFlooded: self._device_flooded,
            ActionAnswered: self._action_answered,
            Commanded: Commanding(house).take,
            Configured: self._configured,
            PathNews: lambda turn, what: house.path(what.path).news(turn, what),
            PathCarries: self._path_carries,
            PathTested: self._path_tested,
            CertificateRead: self._certificate_read,
            StorageNews: house.storage.news,
            StorageFilled: house.storage.filled,
            RecordNews: house.storage.record_news,
            RecordOverflowed: house.storage.overflowed,
            ClockStepped: self._clock_stepped,
            Started: self._started,
            Stopping: house.system.stopping,
            Tick: lambda turn, what: None,
        }

    def step(self, what: Input, now: Moment) -> Step:
        """Decide on one input.

        Args:
            what: the input. The first of every run is `Started`.
            now: the gateway's clocks; not before `what.at_us`.

        Returns:
            Events in order, actions, answers, and what must be saved with them.
        """
        turn = Turn(self._house, now)
        at_us = min(what.at_us, now.mono_us)
        if not isinstance(what, Started):  # timers of another boot are not on this clock yet
            self._ring(turn, at_us)
        turn.at_us = at_us
        # What the site file has no more may still say something on its way out.
        device = getattr(what, "device", None)
        if device is None or device in self._house.devices:
            self._takers[type(what)](turn, what)
        turn.step.changes.update(self._house.register.take_changes())
        return turn.step

    def due_us(self) -> int | None:
        """Return when the earliest timer is due (monotonic): send a `Tick` then."""
        return self._house.register.next_due_us()

    def believed_us(self) -> int:
        """Return how late it was before this run, and before the clock stepped; see `Run`."""
        return self._house.system.state.believed_us

    def open_since_us(self) -> int | None:
        """Return when the earliest alarm that is still open was raised (UTC); None: none is."""
        return min((alarm.state.raised_utc_us for alarm in self._house.alarms), default=None)

    def open_alarms(self) -> frozenset[str]:
        """Return the ids of all open alarms, those included that nothing on site shows."""
        return frozenset(alarm.id for alarm in self._house.alarms)

    def wake_us(self) -> int | None:
        """Return when a `Tick` must be sent if nothing else comes; not before it is due.

        A reader takes its time to recognise a finger, and what it tells is dated back. Timers
        that count between such readings are left alone for as long as one may be on its way.
        """
        return self._house.register.next_wake_us()

    def view(self) -> dict[str, Json]:
        """Return the present for an operator on site: nothing of duress, nobody's id."""
        house = self._house
        return {
            "site": {"id": house.plan.site.id, "name": house.plan.site.name},
            "lockdown": house.lockdown.state.on,
            "alarms": [alarm.view() for alarm in house.alarms if not alarm.hidden],
            "areas": [area.view() for area in house.areas.values()],
            "doors": [door.view() for door in house.doors.values()],
            "zones": [zone.view() for zone in house.zones.values()],
            "panics": [panic.view() for panic in house.panics.values()],
            "sounders": [sounder.view() for sounder in house.sounders.values()],
            "counts": [count.view() for count in house.counts.values()],
            "power": house.power.view() if house.power else None,
            "racks": [rack.view() for rack in house.racks.values()],
            "cameras": [camera.view() for camera in house.cameras.values()],
            "devices": [device.view() for device in house.devices.values()],
            "paths": [path.view() for path in house.paths.values()],
            "points": {ref: point.view() for ref, point in sorted(house.points.items())},
        }

    def on_site(self, now: Moment) -> dict[str, Json]:
        """Return how many people were identified at a reader lately, visitors left out.

        `left_s` is for how long the first of them still counts, in seconds; there is none where
        nobody does. Nothing of duress, nobody's id.
        """
        times = self._house.identified(now)
        if not times:
            return {"people": 0}
        left_us = min(times) + ON_SITE_US - now.mono_us
        return {"people": len(times), "left_s": left_us // SECOND_US}

    def enrolled(self, now: Moment) -> dict[str, Json]:
        """Return how many are known and how many of them are officers now; never who."""
        counted = self._house.people.counted(self._house.system.utc_us(now))
        return counted | {"bootstrap": self._house.enrolment.bootstrapping}

    def people(self, now: Moment) -> list[dict[str, Json]]:
        """Return who is known, and at which doors they can be identified; nothing of duress."""
        house = self._house
        listed = house.people.listed(house.system.utc_us(now))
        return [one | {"doors": self._takes(str(one["id"]))} for one in listed]

    def _takes(self, name: str) -> list[Json]:
        person = self._house.people.get(name)
        credentials = person.state.credentials if person else ()
        return [door.id for door in self._house.doors.values() if door.access.takes(credentials)]

    def areas(self) -> dict[str, dict[str, Json]]:
        """Return how each area is, for the monitor alone: it may know of every alarm."""
        return {area.id: area.told() for area in self._house.areas.values()}

    def _ring(self, turn: Turn, until_us: int) -> None:
        for due_us, machine, name in self._house.register.take_due(until_us):
            turn.at_us = due_us
            machine.ring(turn, name)

    def _started(self, turn: Turn, what: Started) -> None:
        system = self._house.system
        before = system.state
        system.started(turn, what)
        if what.paths is not None:
            self._house.keep_paths(what.paths)
        start = turn.now.at(turn.at_us)
        measured = replace(start, trusted=start.trusted and before.trusted)
        for machine in list(self._house.machines.values()):
            machine.wake(measured, other_boot=start.boot != before.boot)
            machine.on_restart(turn)
        if start.trusted and what.last_utc_us is not None:  # put right while nobody was there
            step = ClockStepped(what.last_utc_us, start.utc_us, turn.at_us)
            for due in self._house.dues:
                due.put_right(turn, step)
        self._house.awaiting.clear()

    def _clock_stepped(self, turn: Turn, what: ClockStepped) -> None:
        system = self._house.system
        system.clock_stepped(turn, what)
        for machine in by_name(self._house.machines).values():
            if machine is not system:
                machine.clock_stepped(turn, what)

    def _point_read(self, turn: Turn, what: PointRead) -> None:
        if what.state is PointState.UNKNOWN and what.ref not in self._house.points:
            return  # nothing was ever known of it, nor is now
        point = self._house.point(what.ref)
        before = point.state.settled
        if self._house.power:
            self._house.power.read(turn, what)
        point.read(turn, what)
        after = point.state.settled
        if not point.watched and after is not before and what.state is not PointState.UNKNOWN:
            states: dict[str, Json] = {"state": str(after), "before": str(before)}
            turn.event("point.changed", what.ref, states, device=what.device)

    def _credential_read(self, turn: Turn, what: CredentialRead) -> None:
        """Decide on a credential; one marked duress is told whatever comes of it."""
        post, found = self._house.posts.get(what.device), self._house.people.identify(what)
        forced = found and found.credential.duress
        if found and forced and not self._house.duress_test.takes(turn, found.person.id):
            self._duress(turn, what, found, post)
        if post is not None:
            post.presented(turn, what, found)
        else:
            self._house.desk(what.device).presented(turn, what, found)

    def _duress(
        self, turn: Turn, what: CredentialRead, found: Presented, post: Access | Exit | None
    ) -> None:
        data: dict[str, Json] = {"person": found.person.id, "silent": True, "hidden": True}
        if post is not None:
            data["area"] = post.area
        where = post.id if post else what.device
        source = post.key if post else f"device/{what.device}"
        turn.event("duress.raised", where, data, source=source, device=what.device)

    def _device_news(self, turn: Turn, what: DeviceNews) -> None:
        self._house.devices[what.device].news(turn, what)
        if what.condition is Condition.READY:
            for door in self._house.doors.values():
                if door.strike.device == what.device:
                    door.strike.back(turn)
            for sounder in self._house.sounders.values():
                if sounder.device == what.device:
                    sounder.back(turn)
            if what.device in self._house.cameras:
                self._house.cameras[what.device].ready(turn)
                self._house.filming.back(turn, what.device)
        else:
            for point in by_name(self._house.points).values():
                if point.device == what.device:
                    point.gone(turn)

    def _device_flooded(self, turn: Turn, what: DeviceFlooded) -> None:
        ref = f"{what.device}.{what.point}"
        turn.event("point.flooded", ref, {"dropped": what.dropped}, device=what.device)

    def _path_carries(self, turn: Turn, what: PathCarries) -> None:
        self._house.path(what.path).take_over(turn, self._carrier())

    def _path_tested(self, turn: Turn, what: PathTested) -> None:
        if self._carrier() is not None:  # before one has been chosen, none is a spare
            self._house.path(what.path).tested(turn, what)

    def _carrier(self) -> Path | None:
        return next((path for path in self._house.paths.values() if path.state.carries), None)

    def _certificate_read(self, turn: Turn, what: CertificateRead) -> None:
        self._house.certificate(what.path, what.whose).read(turn, what)

    def _action_answered(self, turn: Turn, what: ActionAnswered) -> None:
        key = self._house.awaiting.pop(what.action, None)
        if key is not None:
            self._house.machines[key].on_answer(turn, what)

    def _configured(self, turn: Turn, what: Configured) -> None:
        house = configuring.take(self._house, turn, what)
        if house is not self._house:
            self._furnish(house)
