"""Technician mode: zones are done without while somebody works on them, for a limited time.

It begins with an officer's authorisation, both identified at a reader on site, in an area that is
not armed. Zones that are watched at all times can be bypassed in it and never else. It ends at its
time whatever happened meanwhile, its bypasses with it; what is open then is listed, and what is
watched at all times alarms at once. Panic buttons and racks stay real.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from agent.site.commands import AreaNamed, Asked, Refused, TechnicianBegin
from agent.site.inputs import Json
from agent.site.machine import SECOND_US, Machine, State
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.area import Area
    from agent.site.house import House
    from agent.site.turn import Turn
    from agent.site.zone import Zone

Cause: TypeAlias = Literal["asked", "time-over", "restart"]


class Service(State, frozen=True, kw_only=True):
    """What is known of the mode.

    Attributes:
        persons: who was on site when it began; nobody while it is off.
        zones: what it does without.
        boot: the boot in which it began.
        trusted: whether the wall clock was, then.
    """

    persons: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    boot: str = ""
    trusted: bool = False


class Technician(Machine[Service]):
    """The technician mode of one area."""

    noun = "technician"

    def __init__(self, area: Area, house: House) -> None:
        super().__init__(house.register, area.id, Service())
        self.area = area.id
        self._area = area
        self._house = house

    @property
    def on(self) -> bool:
        """Whether somebody is at work."""
        return bool(self.state.persons)

    @property
    def persons(self) -> tuple[str, ...]:
        """Who is at work, by whose leave."""
        return self.state.persons

    def begin(self, turn: Turn, asked: Asked[TechnicianBegin]) -> None:
        """`technician.begin`: a technician and an officer on site begin the work."""
        if self.on or self._area.state.mode != "disarmed":
            raise Refused("wrong-mode")
        zones = [self._zone(name) for name in asked.params.zones]
        persons = self._house.present(turn)
        if not self._house.technician_allowed(persons):
            raise Refused("technician-and-officer-needed")
        self.state = Service(persons=tuple(persons), boot=turn.now.boot, trusted=turn.now.trusted)
        for_s = self._area.plan.technician_s
        self.start(turn, "mode", for_s * SECOND_US)
        named: list[Json] = [zone.id for zone in zones]
        self.say(turn, "system.technician_on", persons=list(persons), for_s=for_s, bypassed=named)
        for zone in zones:
            zone.begin_bypass(turn, persons)

    def _zone(self, name: str) -> Zone:
        zone = next((zone for zone in self._area.zones if zone.id == name), None)
        if zone is None:
            raise Refused("unknown-zone")
        if not zone.plan.bypassable:
            raise Refused("not-bypassable")
        return zone

    def bypassed(self, zone: Zone) -> None:
        """Note that a zone is done without while the mode lasts."""
        self.state = replace(self.state, zones=(*self.state.zones, zone.id))

    def end(self, turn: Turn, asked: Asked[AreaNamed]) -> None:
        """`technician.end`: the work is done."""
        if not self.on:
            raise Refused("wrong-mode")
        self._over(turn, "asked")

    def on_timer(self, turn: Turn, name: str) -> None:
        self._over(turn, "time-over")

    def on_restart(self, turn: Turn) -> None:
        elapsed_known = turn.now.boot == self.state.boot or (
            self.state.trusted and turn.now.trusted
        )
        if self.on and not elapsed_known:
            self._over(turn, "restart")

    def _over(self, turn: Turn, cause: Cause) -> None:
        zones = [zone for zone in self._area.zones if zone.id in self.state.zones]
        self.state = Service()
        left: list[Json] = [zone.id for zone in self._area.zones if not zone.is_normal()]
        self.say(turn, "system.technician_off", cause=cause, open=left)
        for zone in zones:
            zone.end_bypass(turn, "technician-over")

    def view(self) -> Json:
        """Return whether it is on, and what is done without."""
        return {"on": self.on, "bypassed": list(self.state.zones)}
