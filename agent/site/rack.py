"""A rack: slots that hold a weapon's serial or are empty.

A slot's point is `normal` while something stands in it and `alarm` while nothing does. A reading
may bring the tag of what stands there (`detail = {"tag": serial}`, None where it shows none);
without tags, what comes back into a weapon's slot counts as that weapon.

A change settles for `settle_ms` and is dated at its first instant. It belongs to the session that
was open behind one of the rack's doors at that instant. Outside one every change is an intrusion,
also what is put back; and so is a slot that is not as the site file says when it is first seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.site import tables
from agent.site.due import HOUR_US
from agent.site.inputs import Json, PointState
from agent.site.machine import Machine, State
from agent.site.point import Change
from agent.site.table import EMPTY
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

NOTHING = ""
UNNAMED = "unnamed"  # something in a slot that is to be empty, where no tags are read
CUT = frozenset({PointState.OPEN, PointState.SHORT})


class Content(State, frozen=True, kw_only=True):
    """What is known of a slot.

    Attributes:
        holds: serial, tag or `UNNAMED`; `NOTHING` for nothing; None before it was ever seen.
        taken_by: the session's people who took its own weapon out; none after an intrusion.
        overdue: whether it was told that the weapon is overdue.
    """

    holds: str | None = None
    taken_by: tuple[str, ...] = ()
    overdue: bool = False


class Slot(Machine[Content]):
    """One slot; what it tells is told of its rack."""

    noun = "slot"

    def __init__(self, ref: str, serial: str, rack: Rack, house: House) -> None:
        super().__init__(house.register, ref, Content())
        self.point = house.point(ref).watch(self.key, self._changed, rack.plan.settle_ms)
        self.area, self.device = rack.area, self.point.device
        self.serial = NOTHING if serial == EMPTY else serial
        self._rack = rack
        self._house = house

    @property
    def weapon(self) -> str:
        """What stands in it; `NOTHING` for nothing, or before it was seen."""
        return self.state.holds or NOTHING

    def is_normal(self) -> bool:
        """Return whether its weapon is there, or was taken by people who still may have it."""
        if self.state.overdue or not self.point.known or self.point.state.settled in CUT:
            return False
        away = self.state.holds == NOTHING and bool(self.state.taken_by)
        return self.state.holds == self.serial or away

    def on_timer(self, turn: Turn, name: str) -> None:
        self.state = replace(self.state, overdue=True)
        due_h = self._rack.plan.return_due_h
        self._say(turn, "rack.overdue", self.serial, self.state.taken_by, due_h=due_h)

    def on_restart(self, turn: Turn) -> None:
        """The site file may expect something else of it now."""
        if self.state.holds and not self.point.state.settled_tag:  # what stands there is a guess
            self.state = replace(self.state, holds=self.serial or UNNAMED)
        if self.state.holds == self.serial:
            self.stop("return")
            self.state = replace(self.state, taken_by=(), overdue=False)

    def _changed(self, turn: Turn, change: Change) -> None:
        match change.after:
            case PointState.UNKNOWN:
                pass  # its board is away, which is told of the board
            case PointState.OPEN | PointState.SHORT:
                self._say(turn, "rack.intrusion", self.weapon, (), change, state=str(change.after))
            case _:
                if change.before in CUT:
                    before, at = str(change.before), turn.now.at(change.at_us)
                    self.say(turn, "point.normal", at=at, before=before)
                self._seen(turn, change)

    def _seen(self, turn: Turn, change: Change) -> None:
        first = self.state.holds is None
        before = self.serial if first else self.weapon
        holds = self._standing(change)
        self.state = replace(self.state, holds=holds)
        if holds == before:
            return
        persons = self._rack.persons_at(change.at_us)
        if before != NOTHING:
            self._taken(turn, change, before, persons)
        if holds != NOTHING:
            self._placed(turn, change, holds, persons)

    def _standing(self, change: Change) -> str:
        """Return what stands in the slot after a change."""
        if change.after is PointState.ALARM:
            return NOTHING
        return change.tag or self.serial or UNNAMED

    def _taken(self, turn: Turn, change: Change, weapon: str, persons: tuple[str, ...]) -> None:
        kind = "rack.removed" if persons else "rack.intrusion"
        if weapon == self.serial:
            self.state = replace(self.state, taken_by=persons)
            if persons:
                self.start(turn, "return", self._rack.plan.return_due_h * HOUR_US, change.at_us)
        self._say(turn, kind, weapon, persons, change)

    def _placed(self, turn: Turn, change: Change, weapon: str, persons: tuple[str, ...]) -> None:
        if not persons:
            self._say(turn, "rack.intrusion", weapon, (), change)
        if weapon == self.serial:
            self.stop("return")
            self.state = replace(self.state, taken_by=(), overdue=False)
            if persons:
                self._say(turn, "rack.returned", weapon, persons, change)
        elif weapon == UNNAMED or weapon in self._house.weapons:
            expected = self.serial or EMPTY
            self._say(turn, "rack.wrong_slot", weapon, persons, change, expected=expected)
        else:
            self._say(turn, "rack.unknown_tag", NOTHING, persons, change, tag=weapon)

    def _say(
        self,
        turn: Turn,
        kind: str,
        weapon: str,
        persons: tuple[str, ...],
        change: Change | None = None,
        **more: Json,
    ) -> None:
        about: dict[str, Json] = {
            "area": self.area,
            "slot": self.id,
            "serial": weapon if weapon not in (NOTHING, UNNAMED) else None,
            "persons": list(persons) or None,
        }
        at = turn.now.at(change.at_us) if change else None
        rack = self._rack
        turn.event(kind, rack.id, about | more, source=rack.key, device=self.device, at=at)
        if kind in ("rack.removed", "rack.returned"):
            self._house.filming.at_work(turn, rack.key, persons)
        if kind == "rack.intrusion":
            self._house.areas[rack.plan.area].sound(turn)

    def view(self) -> Json:
        """Return its serial and how it is; never who took the weapon."""
        return {
            "slot": self.id,
            "serial": self.serial,
            "point": self.point.view(),
            "normal": self.is_normal(),
            "overdue": self.state.overdue,
        }


class Rack(Machine[State]):
    """One rack."""

    noun = "rack"

    def __init__(self, given: tables.Rack, house: House) -> None:
        super().__init__(house.register, given.id, State())
        self.plan = given
        self.area = given.area
        self._sessions = [house.doors[door].sessions for door in given.doors]
        self.slots = [Slot(ref, serial, self, house) for ref, serial in given.slots.items()]

    def is_normal(self) -> bool:
        return all(slot.is_normal() for slot in self.slots)

    def persons_at(self, at_us: int) -> tuple[str, ...]:
        """Return whose sessions were open behind its doors at an instant, in their order."""
        at_work = (person for sessions in self._sessions for person in sessions.at(at_us))
        return tuple(dict.fromkeys(at_work))

    def view(self) -> Json:
        """Return what stands where."""
        return {"id": self.id, "area": self.area, "slots": [slot.view() for slot in self.slots]}
