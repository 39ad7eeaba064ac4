"""Proof that what is to be heard is heard: walk tests of an area, and announced duress tests.

In a walk test each detector of the area is set off once; the first time is recorded as its test.
It suspends nothing: what is watched at all times alarms, unless technician mode does without it.
A duress test is announced by the monitor only, for one person, and takes their next presentation
under duress within `DURESS_US`; on site nothing tells it from the plain finger.

Panic buttons, sirens and the battery test themselves: see `panic.test`, `output.test` and
`battery.test`. When each is due is told in `due.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.site.commands import AreaNamed, Asked, PersonNamed, Refused
from agent.site.due import Due
from agent.site.inputs import Json
from agent.site.machine import SECOND_US, Machine, State
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.area import Area
    from agent.site.house import House
    from agent.site.turn import Turn
    from agent.site.zone import Zone

WALK_US = 3600 * SECOND_US
DURESS_US = 60 * SECOND_US
SHIFT_US = 12 * 3600 * SECOND_US  # standards.md: duress is tested each shift


class Steps(State, frozen=True, kw_only=True):
    """What is known of a walk test: who walks (nobody while there is none), what was heard."""

    persons: tuple[str, ...] = ()
    tested: tuple[str, ...] = ()


class Walk(Machine[Steps]):
    """The walk tests of one area."""

    noun = "walk"

    def __init__(self, area: Area, house: House) -> None:
        super().__init__(house.register, area.id, Steps())
        self.area = area.id
        self._area = area
        self._house = house

    def begin(self, turn: Turn, asked: Asked[AreaNamed]) -> None:
        """`walk.begin`: somebody identified on site sets off one detector after the other."""
        if self.state.persons or self._area.state.mode != "disarmed":
            raise Refused("wrong-mode")
        persons = self._house.present(turn)
        if not persons:
            raise Refused("not-on-site")
        self.state = Steps(persons=tuple(persons))
        self.start(turn, "over", WALK_US)
        self.say(turn, "area.walk_started", persons=list(persons))

    def heard(self, turn: Turn, zone: Zone) -> None:
        """Take note that a detector was set off."""
        walking = bool(self.state.persons) and self._area.state.mode == "disarmed"
        if walking and zone.id not in self.state.tested:
            self.state = replace(self.state, tested=(*self.state.tested, zone.id))
            zone.test_due.done(turn)
            zone.say(turn, "zone.tested", persons=list(self.state.persons))

    def end(self, turn: Turn, asked: Asked[AreaNamed]) -> None:
        """`walk.end`: tell what was heard and what was not."""
        if not self.state.persons:
            raise Refused("wrong-mode")
        self._over(turn)

    def on_timer(self, turn: Turn, name: str) -> None:
        self._over(turn)

    def on_restart(self, turn: Turn) -> None:
        if self.state.persons:
            self._over(turn)

    def _over(self, turn: Turn) -> None:
        tested = self.state.tested
        missing: list[Json] = [zone.id for zone in self._area.zones if zone.id not in tested]
        self.state = Steps()
        self.say(turn, "area.walk_ended", tested=list(tested), missing=missing)

    def view(self) -> Json:
        """Return whether one is under way, and what was heard."""
        return {"on": bool(self.state.persons), "tested": list(self.state.tested)}


class Announced(State, frozen=True, kw_only=True):
    """Whose next presentation under duress is a test."""

    person: str | None = None


class DuressTest(Machine[Announced]):
    """The tests of duress; all that it tells is for the monitor."""

    noun = "duresstest"

    def __init__(self, house: House) -> None:
        super().__init__(house.register, "duress", Announced())
        self._house = house
        self._due = Due("duress", SHIFT_US, house, self._overdue)

    def announce(self, turn: Turn, asked: Asked[PersonNamed]) -> None:
        """`duress.test`: take one person's next duress within a minute as a test."""
        person = self._house.people.get(asked.params.person)
        if person is None or not person.has_duress:
            raise Refused("unknown-person")
        self.state = Announced(person=person.id)
        self.start(turn, "over", DURESS_US)

    def takes(self, turn: Turn, person: str) -> bool:
        """Return whether a presentation under duress is the announced test."""
        if self.state.person != person:
            return False
        self.state = Announced()
        self._due.done(turn)
        turn.event("test.passed", self.id, {"what": "duress", "person": person, "hidden": True})
        return True

    def on_timer(self, turn: Turn, name: str) -> None:
        person = self.state.person
        self.state = Announced()
        turn.event("test.failed", self.id, {"what": "duress", "person": person, "hidden": True})

    def on_restart(self, turn: Turn) -> None:
        self.state = Announced()

    def _overdue(self, turn: Turn) -> None:
        if any(person.has_duress for person in self._house.people):
            turn.event("zone.test_overdue", self.id, {"what": "duress", "hidden": True})
        else:
            self._due.done(turn)  # there is nobody who could test it
