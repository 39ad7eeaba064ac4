"""An area: what is armed and disarmed as one.

    disarmed ──arm──▶ exiting ──time──▶ armed ──entry route──▶ entering ──time──▶ armed, alarm
        ◀── something open, a grant ──┘    ◀───────── disarm ────────┘

What is armed before a restart is armed after it; an entry delay that ran out in the dark is an
alarm dated at its opening. Nothing arms over what is open or faulted unless enough people
override it, for one set period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from agent.site import readiness, tables
from agent.site.closing import Closing
from agent.site.commands import AreaArm, AreaNamed, Asked, Refused
from agent.site.inputs import Json, Origin
from agent.site.machine import SECOND_US, Machine, State
from agent.site.moment import Moment
from agent.site.passback import Passback
from agent.site.point import SEEING_US
from agent.site.prooftest import Walk
from agent.site.technician import Technician
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.camera import Camera
    from agent.site.door import Door
    from agent.site.house import House
    from agent.site.sounder import Sounder
    from agent.site.turn import Turn
    from agent.site.zone import Zone

SETTLED_US = SECOND_US  # a detector's change has settled by then (debounce_ms, RESTLESS_US)

Mode: TypeAlias = Literal["disarmed", "exiting", "armed", "entering"]
# What a detection means now: nothing but a note, the start of an entry, an alarm.
Verdict: TypeAlias = Literal["note", "entry", "alarm"]


class Watch(State, frozen=True, kw_only=True):
    """How an area is watched.

    Attributes:
        part: name of the set of zones left out; "" for none.
        overridden: points that were not ready when people armed over them.
        routes: entry zones that opened in the entry that is running, in order.
        entered: when the first of them opened.
        dark: whether the entry's time ran out while nobody watched.
        first: the zone whose alarm waits for a second detector to confirm it.
    """

    mode: Mode = "disarmed"
    part: str = ""
    overridden: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    entered: Moment | None = None
    dark: bool = False
    first: str | None = None


class Area(Machine[Watch]):
    """One area, with everything in it."""

    noun = "area"

    def __init__(self, given: tables.Area, house: House) -> None:
        super().__init__(house.register, given.id, Watch())
        self.plan = given
        self.area = given.id
        self.zones: list[Zone] = []
        self.doors: list[Door] = []
        self.cameras: list[Camera] = []
        self.sounders: list[Sounder] = []
        hours = house.hours.get(given.schedule or "")
        self.closing = Closing(self, hours, house) if hours else None
        self.passback = Passback(self, house)
        self.technician = Technician(self, house)
        self.walk = Walk(self, house)
        self._house = house

    @property
    def armed(self) -> bool:
        """Whether entering is an alarm, or will be one."""
        return self.state.mode in ("armed", "entering")

    def in_alarm(self) -> bool:
        """Return whether an alarm that may show on site is open here."""
        return any(a.state.area == self.id and not a.hidden for a in self._house.alarms)

    def in_part(self, zone: Zone, part: str) -> bool:
        """Return whether a zone is watched when this part of the area is armed."""
        return zone.id not in self.plan.part_sets.get(part, ())

    def left_out(self, zone: Zone) -> bool:
        """Return whether this set period does without a zone."""
        overridden = zone.point.id in self.state.overridden
        return overridden or not self.in_part(zone, self.state.part)

    def verdict(self, zone: Zone) -> Verdict:
        """Return what a detection of one of its zones means now."""
        kind = zone.plan.kind
        if kind == "always":
            return "alarm"
        if not self.armed or self.left_out(zone):
            return "note"
        if kind == "entry_route":
            if self.state.mode == "entering":
                return "note"
            return "entry" if self.plan.entry_delay_s else "alarm"
        if kind == "follower" and self._follows(zone):
            return "note"
        return "alarm"

    def _follows(self, zone: Zone) -> bool:
        routes = self.state.routes if self.state.mode == "entering" else ()
        return bool(routes) if zone.plan.follows is None else zone.plan.follows in routes

    def passed(self, zone: Zone) -> None:
        """Note that another entry zone opened during an entry: its followers follow now."""
        if self.state.mode == "entering" and zone.plan.kind == "entry_route":
            routes = dict.fromkeys((*self.state.routes, zone.id))
            self.state = replace(self.state, routes=tuple(routes))

    def enter(self, turn: Turn, zone: Zone, at_us: int) -> None:
        """Begin an entry: somebody came by the way that is left for disarming."""
        entered = turn.now.at(at_us)
        self.state = replace(self.state, mode="entering", routes=(zone.id,), entered=entered)
        self.start(turn, "entry", self.plan.entry_delay_s * SECOND_US, at_us)
        entry_s = self.plan.entry_delay_s
        self.buzz(turn)
        self.say(turn, "area.entry_started", device=zone.device, zone=zone.id, entry_s=entry_s)

    def alarmed(self, turn: Turn, zone: Zone, at: Moment) -> None:
        """Hear of an alarm of one of its zones; a second detector confirms the first.

        Exactly at the end of `confirm_s` is inside, as everywhere, in the time of the readings.
        """
        at_us = turn.here_us(at)
        timer = self.state.timers.get("confirm")
        inside = timer is not None and at_us <= timer.due_us - SETTLED_US
        first = self.state.first if inside else None
        if first == zone.id:
            return
        if first is None:
            self.state = replace(self.state, first=zone.id)
        else:
            self.say(turn, "zone.confirmed", about=zone.id, at=at, zones=[first, zone.id])
        self.start(turn, "confirm", self.plan.confirm_s * SECOND_US + SETTLED_US, at_us)

    def granted(self, turn: Turn, door: Door, persons: Sequence[str]) -> None:
        """Hear that people are let in by a door: they do not come to leave."""
        if self.state.mode == "exiting":
            self._exit_failed(turn, {door.contact.id: "granted"})
        elif self.armed and door.disarms and not self._respond(persons):
            self._disarm(turn, persons)

    def _respond(self, persons: Sequence[str]) -> bool:
        """Return whether some of these people only come to see to an alarm."""
        return self.in_alarm() and any(map(self._house.people.is_response, persons))

    def sound(self, turn: Turn) -> None:
        """Sound its sirens."""
        for sounder in self.sounders:
            if sounder.plan.kind == "siren":
                sounder.sound(turn)

    def buzz(self, turn: Turn) -> None:
        """Make people here look up."""
        for sounder in self.sounders:
            if sounder.plan.kind == "buzzer":
                sounder.buzz(turn)

    def arm(self, turn: Turn, asked: Asked[AreaArm]) -> None:
        """`area.arm`: arm it, all or in part. The monitor may: it opens nothing."""
        given = asked.params
        if self.state.mode != "disarmed" or self.technician.on:
            raise Refused("wrong-mode")
        if given.part and given.part not in self.plan.part_sets:
            raise Refused("unknown-part")
        persons: list[str] = []
        if asked.origin is Origin.LOCAL:
            persons = self._house.on_site(turn, self.plan.arm_people)
        faults = readiness.faults(self, self._house, given.part)
        if faults and not given.override:
            self._not_armed(turn, faults)
            raise Refused("not-ready", {"points": dict(faults)})
        if faults:
            self._override(turn, faults)
        self._begin(turn, given.part, persons, asked.by)

    def arm_by_schedule(self, turn: Turn) -> bool:
        """Arm it because its time has come; return False when it cannot be."""
        faults = readiness.faults(self, self._house, "") | readiness.people(self, turn.at_us)
        if faults:
            self._not_armed(turn, faults)
        else:
            self._begin(turn, "", (), "schedule")
        return not faults

    def postpone(self, turn: Turn, asked: Asked[AreaNamed]) -> None:
        """`area.postpone`: see `Closing`."""
        if self.closing is None:
            raise Refused("wrong-mode")
        self.closing.postpone(turn, asked)

    def clear_passback(self, turn: Turn, asked: Asked[AreaNamed]) -> None:
        """`area.clear_passback`: two officers say that nobody counts as inside."""
        officers = self._house.two_officers(turn)
        self.passback.clear()
        self.say(turn, "area.passback_cleared", persons=list(officers))

    def _override(self, turn: Turn, faults: Mapping[str, str]) -> None:
        persons = self._house.on_site(turn, self.plan.override_people)
        self.state = replace(self.state, overridden=tuple(faults))
        self.say(turn, "area.overridden", points=dict(faults), persons=list(persons))

    def _begin(self, turn: Turn, part: str, persons: Sequence[str], by: str) -> None:
        exit_s = self.plan.exit_delay_s
        self.state = replace(self.state, part=part)
        if not exit_s:
            self._armed(turn, persons)
            return
        self.buzz(turn)
        self.state = replace(self.state, mode="exiting")
        self.start(turn, "exit", exit_s * SECOND_US)
        self.say(turn, "area.exit_started", part=part, exit_s=exit_s, persons=list(persons), by=by)

    def _armed(self, turn: Turn, persons: Sequence[str] = ()) -> None:
        self.state = replace(self.state, mode="armed")
        self._count_anew()
        for door in self.doors:
            door.access.void(turn, "armed")
            door.strike.secure(turn, "armed")
            if not self.state.part:
                door.sessions.end(turn)
        if not self.state.part:
            self.passback.clear()
        self.say(turn, "area.armed", part=self.state.part or None, persons=list(persons) or None)

    def _not_armed(self, turn: Turn, faults: Mapping[str, str]) -> None:
        self.stop("exit")
        part = self.state.part or None
        self.state = replace(self.state, mode="disarmed", part="", overridden=())
        self.say(turn, "area.arm_failed", part=part, points=dict(faults))

    def _exit_failed(self, turn: Turn, faults: Mapping[str, str]) -> None:
        self._not_armed(turn, faults)
        if self.closing:
            self.closing.not_armed(turn)

    def disarm(self, turn: Turn, asked: Asked[AreaNamed]) -> None:
        """`area.disarm`: enough people identified on site end the watch. Alarms stay open."""
        if self.state.mode == "disarmed":
            raise Refused("wrong-mode")
        self._disarm(turn, self._house.on_site(turn, self.plan.disarm_people))

    def _disarm(self, turn: Turn, persons: Sequence[str]) -> None:
        self.stop("exit", "entry", "confirm")
        self.state = Watch(timers=self.state.timers)
        self.say(turn, "area.disarmed", persons=list(persons))
        if self.closing and not self.closing.is_open(turn):
            self.say(turn, "area.early_to_open", persons=list(persons))
        for sounder in self.sounders:
            sounder.silence(turn)
        self._period_over(turn)

    def _period_over(self, turn: Turn) -> None:
        self._count_anew()
        for zone in self.zones:
            zone.period_over(turn)

    def _count_anew(self) -> None:
        """Let its sirens and detectors sound as often as at first."""
        for sounder in self.sounders:
            sounder.count_anew()
        for zone in self.zones:
            zone.count_anew()

    def quiet(self) -> None:
        """Hear that an alarm here was closed: by day, the last one takes its noise with it."""
        if self.state.mode == "disarmed" and not self.in_alarm():
            self._count_anew()

    def on_timer(self, turn: Turn, name: str) -> None:
        match name:
            case "exit":
                self._exit_over(turn)
            case "entry":
                self._entry_over(turn)
            case "confirm":
                self.state = replace(self.state, first=None)

    def _exit_over(self, turn: Turn) -> None:
        faults = readiness.faults(self, self._house, self.state.part)
        if left := {k: v for k, v in faults.items() if k not in self.state.overridden}:
            self._exit_failed(turn, left)
        else:
            self._armed(turn)

    def _entry_over(self, turn: Turn) -> None:
        route, at = self.state.routes[0], self.state.entered if self.state.dark else None
        self.state = replace(self.state, mode="armed", routes=(), entered=None, dark=False)
        if zone := self._house.zones.get(route):
            zone.alarm(turn, at)
        else:  # a site file without it came meanwhile: whoever entered is there all the same
            self.say(turn, "zone.alarmed", about=route, at=at, kind="entry_route", state="alarm")
            self.sound(turn)

    def on_restart(self, turn: Turn) -> None:
        if self.state.mode == "exiting":  # nothing is seen yet that the check could go by
            left_us = self.state.timers["exit"].due_us - turn.at_us
            self.start(turn, "exit", max(left_us, SEEING_US))
        entry = self.state.timers.get("entry")
        if entry is not None and entry.due_us <= turn.at_us:
            self.state = replace(self.state, dark=True)

    def told(self) -> dict[str, Json]:
        """Return the same for the monitor, with every alarm that is open here."""
        state = self.state
        faults = readiness.faults(self, self._house, "") if state.mode == "disarmed" else {}
        delay = state.timers.get("exit") or state.timers.get("entry")
        return {
            "mode": state.mode,
            "part": state.part,
            "until": delay.utc_us if delay else None,
            "alarm": self.in_alarm(),
            "alarms": [a.told() for a in self._house.alarms if a.state.area == self.id],
            "not_ready": dict(faults),
            "technician": self.technician.on,
            "walk": bool(self.walk.state.persons),
        }

    def view(self) -> Json:
        """Return how it is watched, and what would keep it from being armed."""
        faults = readiness.faults(self, self._house, "") if self.state.mode == "disarmed" else {}
        return {
            "id": self.id,
            "mode": self.state.mode,
            "part": self.state.part,
            "technician": self.technician.view(),
            "walk": self.walk.view(),
            "alarm": self.in_alarm(),
            "not_ready": dict(faults),
        }
