"""A zone: a supervised input that detects something. Its area says what that means now.

A cut or shorted wire (`open`, `short`) is tampering, whatever the zone's kind and whether or
not the area is armed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from agent.site import tables
from agent.site.area import Area
from agent.site.commands import Asked, Refused, ZoneNamed
from agent.site.due import DAY_US, Due
from agent.site.inputs import Json, PointState
from agent.site.machine import Machine, State
from agent.site.moment import Moment
from agent.site.point import Change
from agent.site.schedule import EPOCH
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn


class Detector(State, frozen=True, kw_only=True):
    """What is known of a zone.

    Attributes:
        bypassed: whether it is done without; ends with the set period, or when withdrawn.
        swings: alarms in this set period, or since it was last quiet by day.
        shut: whether it had so many that it sounds no more; it is recorded all the same.
        month: the month ("2026-11") in which `nuisances` are counted.
    """

    bypassed: bool = False
    swings: int = 0
    shut: bool = False
    month: str = ""
    nuisances: int = 0


class Zone(Machine[Detector]):
    """One zone."""

    noun = "zone"

    def __init__(self, given: tables.Zone, house: House) -> None:
        super().__init__(house.register, given.id, Detector())
        self.plan = given
        who = f"{self.key} {given.kind}"  # of another kind it may be watched at other times
        self.point = house.point(given.point).watch(who, self._changed, given.debounce_ms)
        self.area, self.device = given.area, self.point.device
        self._house = house
        self._area: Area = house.areas[given.area]
        self._area.zones.append(self)
        every_us = given.test_due_d * DAY_US
        self.test_due = Due(f"zone {given.id}", every_us, house, self._test_overdue)

    @property
    def bypassed(self) -> bool:
        """Whether its detections do not count now."""
        return self.state.bypassed

    @property
    def at_all_times(self) -> bool:
        """Whether it is watched also while its area is not armed."""
        return self.plan.kind in ("always", "tamper")

    @property
    def _watched(self) -> bool:
        """Whether it is to be seen now what it shows, unless it is bypassed."""
        return self.at_all_times or (self._area.armed and not self._area.left_out(self))

    def is_normal(self) -> bool:
        return self.point.is_normal()

    def bypass(self, turn: Turn, asked: Asked[ZoneNamed]) -> None:
        """`zone.bypass`: do without it for one set period."""
        technician = self._area.technician
        if not self.plan.bypassable or (self.at_all_times and not technician.on):
            raise Refused("not-bypassable")
        if self.state.bypassed:
            raise Refused("wrong-mode")
        people = self._area.plan.override_people
        persons = technician.persons if technician.on else self._house.on_site(turn, people)
        self.begin_bypass(turn, persons)

    def begin_bypass(self, turn: Turn, persons: Sequence[str]) -> None:
        """Do without it from now on."""
        if self._area.technician.on:
            self._area.technician.bypassed(self)
        self.state = replace(self.state, bypassed=True)
        self.say(turn, "zone.bypassed", persons=list(persons))

    def unbypass(self, turn: Turn, asked: Asked[ZoneNamed]) -> None:
        """`zone.unbypass`: count on it again."""
        if not self.state.bypassed:
            raise Refused("wrong-mode")
        self.end_bypass(turn, "asked")

    def end_bypass(self, turn: Turn, cause: str) -> None:
        """Count on it again; what is watched now and open alarms at once."""
        if not self.state.bypassed:
            return
        self.state = replace(self.state, bypassed=False)
        self.say(turn, "zone.unbypassed", cause=cause)
        settled = self.point.state.settled
        if self._watched and settled is not PointState.NORMAL:
            before = PointState.NORMAL
            self._changed(turn, Change(before, settled, turn.at_us, self.point.device))

    def period_over(self, turn: Turn) -> None:
        """Hear that the set period is over."""
        if self.state.bypassed:
            self.state = replace(self.state, bypassed=False)
            self.say(turn, "zone.unbypassed", cause="period-over")

    def count_anew(self) -> None:
        """Sound again, however often it did."""
        self.state = replace(self.state, swings=0, shut=False)

    def alarm(self, turn: Turn, at: Moment | None = None) -> None:
        """Raise the alarm of a detection, or of an entry whose time is over."""
        self.say(turn, "zone.alarmed", at=at, kind=self.plan.kind, state="alarm")
        self._area.alarmed(turn, self, at or turn.now.at(turn.at_us))
        if not self.state.shut:
            self._area.sound(turn)
            self._swing(turn)

    def _swing(self, turn: Turn) -> None:
        """Count; a detector that swings sounds no more, unless it is the last that does."""
        swings = self.state.swings + 1
        others = any(zone.sounds for zone in self._area.zones if zone is not self)
        shut = swings >= self.plan.swinger_n and others and not self._is_contact()
        self.state = replace(self.state, swings=swings, shut=shut)
        if shut:
            self.say(turn, "zone.shut_down", alarms=swings)

    def _is_contact(self) -> bool:
        """Return whether it is a contact: as the file says, or because it is a door's own."""
        doors = (door.contact is self.point for door in self._house.doors.values())
        return self.plan.technology == "contact" or any(doors)

    @property
    def sounds(self) -> bool:
        """Whether it is a detector whose alarm sounds."""
        left_out = self.state.bypassed or self._area.left_out(self)
        return self.plan.kind != "tamper" and not self.state.shut and not left_out

    def on_nuisance(self, turn: Turn) -> None:
        when = EPOCH + timedelta(microseconds=turn.now.utc_us)
        month = when.strftime("%Y-%m")
        count = self.state.nuisances + 1 if month == self.state.month else 1
        self.state = replace(self.state, month=month, nuisances=count)
        if count == self.plan.nuisance_max + 1:
            self.say(turn, "zone.nuisance_exceeded", count=count, month=month)

    def _test_overdue(self, turn: Turn) -> None:
        self.say(turn, "zone.test_overdue", what="zone", due_d=self.plan.test_due_d)

    def _changed(self, turn: Turn, change: Change) -> None:
        if change.after is PointState.ALARM:
            self._area.walk.heard(turn, self)
        match change.after:
            case PointState.UNKNOWN:
                self._unseen(turn)
            case PointState.NORMAL:
                if change.before is not PointState.UNKNOWN:
                    self._point(turn, "point.normal", change)
            case PointState.ALARM if self.plan.kind != "tamper":
                self._detected(turn, change)
            case _ if self.state.bypassed and self._area.technician.on:
                self._point(turn, "point.changed", change)
            case state:
                at = turn.now.at(change.at_us)
                kind, how, ohms = self.plan.kind, str(state), change.ohms
                self.say(turn, "zone.tampered", at=at, kind=kind, state=how, ohms=ohms)
                if self._area.armed:
                    self._area.sound(turn)

    def _unseen(self, turn: Turn) -> None:
        """Say that nobody watches it, when it should be; why is told of its device."""
        if self._watched and not self.state.bypassed:
            self.say(turn, "zone.faulted", kind=self.plan.kind)

    def _detected(self, turn: Turn, change: Change) -> None:
        match "note" if self.state.bypassed else self._area.verdict(self):
            case "note":
                self._area.passed(self)
                self._point(turn, "point.changed", change)
            case "entry":
                self._area.enter(turn, self, change.at_us)
            case "alarm":
                self.alarm(turn, turn.now.at(change.at_us))

    def _point(self, turn: Turn, kind: str, change: Change) -> None:
        state = str(change.after) if kind == "point.changed" else None
        at, before = turn.now.at(change.at_us), str(change.before)
        self.say(turn, kind, about=self.point.id, at=at, before=before, state=state)

    def view(self) -> Json:
        """Return its present state."""
        return {
            "id": self.id,
            "area": self.area,
            "kind": self.plan.kind,
            "point": self.point.view(),
            "bypassed": self.state.bypassed,
            "test": self.test_due.view(),
            "shut_down": self.state.shut,
        }
