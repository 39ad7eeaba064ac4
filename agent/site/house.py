"""All machines of one site, and how they find each other."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agent.site.access import Access
from agent.site.alarm import RESPONSE_S, Alarms
from agent.site.area import Area
from agent.site.camera import Camera
from agent.site.certificate import Certificate
from agent.site.commands import Refused
from agent.site.count import Count
from agent.site.device import Device
from agent.site.door import Door
from agent.site.due import Due
from agent.site.enrolment import Enrolment
from agent.site.exit import Exit
from agent.site.identification import Desk
from agent.site.lockdown import Lockdown
from agent.site.machine import Machine, Register, by_name
from agent.site.moment import Moment
from agent.site.panic import Panic
from agent.site.path import Path
from agent.site.person import People, Person
from agent.site.plan import Plan
from agent.site.point import Point
from agent.site.power import Power
from agent.site.prooftest import DuressTest
from agent.site.rack import Rack
from agent.site.recording import Filming
from agent.site.schedule import Hours
from agent.site.sighting import Sightings
from agent.site.sounder import Sounder
from agent.site.storage import Storage
from agent.site.system import System
from agent.site.table import EMPTY, Role
from agent.site.zone import Zone

if TYPE_CHECKING:
    from agent.site.turn import Turn

# Whoever may arm, disarm and override: the people of the site itself.
KEEPERS: tuple[Role, ...] = ("officer", "guard")
OFFICERS = 2
STAFF: tuple[Role, ...] = ("officer", "technician", "guard", "response")


class House:
    """The machines, made from the plan and what was saved.

    Attributes:
        simulated: ids of the devices that are not real.
        awaiting: key of the machine that waits for each action's answer.
        posts: the side of a door at which each reader stands.
        dues: everything that is to be done again and again.
        weapons: every serial that a rack's slot is for.
    """

    def __init__(self, plan: Plan, saved: Mapping[str, bytes]) -> None:
        self.plan = plan
        self.register = Register(saved)
        self.simulated = frozenset(device.id for device in plan.device if device.simulated)
        self.awaiting: dict[int, str] = {}
        self._asked: dict[str, tuple[int, ...]] = {}
        self.points: dict[str, Point] = {}
        self.dues: list[Due] = []
        self.system = System(self.register, plan.site.id)
        self.storage = Storage(self.register, plan.site.id)
        self.people = People(self.register, self.system)
        self.sightings = Sightings(self.register)
        self.alarms = Alarms(self.register, self)
        self.devices = {device.id: Device(self.register, device.id) for device in plan.device}
        self.hours = {given.id: Hours(given) for given in plan.schedule}
        self.areas = {given.id: Area(given, self) for given in plan.area}
        self.walks = {area.id: area.walk for area in self.areas.values()}
        self.technicians = {area.id: area.technician for area in self.areas.values()}
        self.panics = {given.id: Panic(given, self) for given in plan.panic}
        self.doors = {given.id: Door(given, self) for given in plan.door}
        sounders = [given for given in plan.output if given.kind != "alive"]
        self.sounders = {given.id: Sounder(given, self) for given in sounders}
        self.zones = {given.id: Zone(given, self) for given in plan.zone}
        serials = (serial for rack in plan.rack for serial in rack.slots.values())
        self.weapons = frozenset(serials) - {EMPTY}
        self.racks = {given.id: Rack(given, self) for given in plan.rack}
        self.counts = {rack.id: Count(rack, self) for rack in self.racks.values()}
        self.cameras = {given.id: Camera(given, self) for given in plan.camera}
        self.filming = Filming(plan, self)
        self.power = Power(plan.power, self) if plan.power else None
        self.enrolment = Enrolment(self)
        self.duress_test = DuressTest(self)
        self.paths = {name: Path(self.register, name) for name in _named(saved, Path.noun)}
        self.certificates: dict[str, Certificate] = {}
        for name in _named(saved, Certificate.noun):
            self.certificate(*name.rsplit("/", 1))
        for name in _named(saved, Point.noun):
            if name.partition(".")[0] in self.devices:
                self.point(name)
        self._desks: dict[str, Desk] = {}
        for name in _named(saved, Desk.noun):
            self.desk(name)
        self.lockdown = Lockdown(self)
        self.posts = self._posts()
        for machine in self.machines.values():
            self.awaiting.update(dict.fromkeys(machine.awaited(), machine.key))
            self._asked[machine.key] = machine.awaited()

    @property
    def machines(self) -> Mapping[str, Machine[Any]]:
        """Every machine by its key."""
        return self.register.machines

    def await_answer(self, machine: Machine[Any], number: int) -> None:
        """Route an action's answer to the machine that asked for it.

        What the machine no longer waits for is forgotten: a host that dies answers nothing, and
        a daemon runs for years.
        """
        waits = machine.awaited()
        for old in self._asked.get(machine.key, ()):
            if old not in waits:
                self.awaiting.pop(old, None)
        self._asked[machine.key] = (*waits, number)
        self.awaiting[number] = machine.key

    def point(self, ref: str) -> Point:
        """Return the point `device.point`, known from now on."""
        if ref not in self.points:
            self.points[ref] = Point(self.register, ref)
        return self.points[ref]

    def path(self, name: str) -> Path:
        """Return the path to the monitor with this name, known from now on."""
        if name not in self.paths:
            self.paths[name] = Path(self.register, name)
            self.paths = by_name(self.paths)
        return self.paths[name]

    def keep_paths(self, names: Container[str]) -> None:
        """Forget every path but these, and its certificates."""
        for name in [name for name in self.paths if name not in names]:
            self.register.remove(self.paths.pop(name).key)
        for name in [name for name in self.certificates if name.rpartition("/")[0] not in names]:
            self.register.remove(self.certificates.pop(name).key)

    def certificate(self, path: str, whose: str) -> Certificate:
        """Return a certificate that a path needs, known from now on."""
        name = f"{path}/{whose}"
        if name not in self.certificates:
            self.certificates[name] = Certificate(self.register, path, whose)
            self.certificates = by_name(self.certificates)
        return self.certificates[name]

    def desk(self, reader: str) -> Desk:
        """Return what a reader at no door is, known from now on."""
        if reader not in self._desks:
            self._desks[reader] = Desk(self, reader)
        return self._desks[reader]

    def response_s(self, area: str) -> int:
        """Return how long an alarm in an area may wait for somebody to be there."""
        found = self.areas.get(area)
        return found.plan.response_s if found else RESPONSE_S

    def seen(
        self,
        turn: Turn,
        roles: Iterable[Role],
        after_us: int | None = None,
        *,
        free: bool = False,
    ) -> list[str]:
        """Return who has one of these roles and was identified on site lately (see `Sightings`).

        Whoever was removed or has expired since is nobody.
        """
        seen = self.sightings.since(turn, after_us, free=free)
        return [person for person in seen if self._is(person, roles, turn.now)]

    def _is(self, name: str, roles: Iterable[Role], now: Moment) -> bool:
        person = self.people.get(name)
        if person is None or person.refusal(self.system.utc_us(now)):
            return False
        return person.has_role(roles)

    def present(self, turn: Turn, after_us: int | None = None, *, free: bool = False) -> list[str]:
        """Return who was identified on site lately, visitors left out (see `seen`)."""
        return self.seen(turn, STAFF, after_us, free=free)

    def identified(self, now: Moment) -> list[int]:
        """Return when those were identified who are on site now, visitors left out."""
        seen = self.sightings.fresh(now.mono_us).items()
        return [one.at_us for person, one in seen if self._is(person, STAFF, now)]

    def keepers(self, turn: Turn, after_us: int | None = None) -> list[str]:
        """Return who of the site's own people was identified there lately."""
        return self.seen(turn, KEEPERS, after_us)

    def two_officers(self, turn: Turn) -> list[str]:
        """Return the officers who were identified on site lately, two at least.

        Raises:
            Refused: they are fewer.
        """
        present = self.seen(turn, ("officer",))
        if len(present) < OFFICERS:
            raise Refused("two-officers-needed")
        return present

    def refusal(self, turn: Turn, person: Person) -> str | None:
        """Return why somebody is nobody now, or not expected at this hour."""
        if reason := person.refusal(self.system.utc_us(turn.now)):
            return reason
        hours = self.hours.get(person.state.schedule or "")
        if hours is None:
            return "schedule" if person.state.schedule else None
        if not turn.now.trusted:
            return "clock-untrusted" if hours.plan.untrusted_clock == "deny" else None
        return None if hours.is_open(turn.now.at(turn.at_us).utc_us) else "schedule"

    def clock_allows(self, turn: Turn, persons: Sequence[str]) -> bool:
        """Return whether people may enter: with an untrusted clock an officer is needed."""
        known = (self.people.get(person) for person in persons)
        officers = (person.has_role(("officer",)) for person in known if person)
        return turn.now.trusted or any(officers)

    def on_site(self, turn: Turn, count: int) -> list[str]:
        """Return who of the site's own people was identified there lately, at least `count`.

        Raises:
            Refused: they are too few; no remote operator stands in for them.
        """
        present = self.keepers(turn)
        if not present:
            raise Refused("not-on-site")
        if len(present) < count:
            raise Refused("more-people-needed")
        return present

    def technician_allowed(self, persons: Sequence[str]) -> bool:
        """Return whether there is a technician among them, and an officer besides."""
        known = [person for name in persons if (person := self.people.get(name))]
        technicians = {p.id for p in known if p.has_role(("technician",))}
        officers = {p.id for p in known if p.has_role(("officer",))}
        return any(technician != officer for technician in technicians for officer in officers)

    def _posts(self) -> dict[str, Access | Exit]:
        found: dict[str, Access | Exit] = {}
        for door in self.doors.values():
            found |= dict.fromkeys(door.plan.reader_in, door.access)
            if door.plan.reader_out:
                found |= dict.fromkeys(door.plan.reader_out, Exit(door, self))
        return found


def _named(saved: Iterable[str], noun: str) -> list[str]:
    return sorted(key.partition("/")[2] for key in saved if key.startswith(f"{noun}/"))
