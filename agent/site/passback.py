"""Anti-passback: who is inside an area, as far as the doors with a reader on both sides tell.

Somebody inside who asks to come in again has given their credential out of the door. Leaving is
never refused. After a restart, and for twelve hours at most, what is known is only a hint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import field

from agent.site.machine import SECOND_US, Machine, State
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.area import Area
    from agent.site.door import Door
    from agent.site.house import House
    from agent.site.turn import Turn

FORGET_US = 12 * 3600 * SECOND_US


class Inside(State, frozen=True, kw_only=True):
    """Who is inside, and whether that is sure: True since they were last seen to enter."""

    people: Mapping[str, bool] = field(default_factory=dict)


class Passback(Machine[Inside]):
    """The people inside one area."""

    noun = "passback"

    def __init__(self, area: Area, house: House) -> None:
        super().__init__(house.register, area.id, Inside())
        self.area = area.id

    @property
    def inside(self) -> list[str]:
        """Who is inside, as far as it is known."""
        return list(self.state.people)

    def refuses(self, door: Door, person: str) -> bool:
        """Return whether somebody may not come in because they are inside already."""
        return door.plan.antipassback == "hard" and self.state.people.get(person, False)

    def violated(self, door: Door, persons: Sequence[str]) -> list[str]:
        """Return who is let in though they are inside already."""
        if door.plan.antipassback == "none":
            return []
        return [person for person in persons if person in self.state.people]

    def entered(self, turn: Turn, door: Door, persons: Sequence[str]) -> None:
        """Note that people went in by a door that would see them leave."""
        if not door.plan.reader_out:
            return
        now_sure = dict.fromkeys(persons, True)
        self.state = replace(self.state, people={**self.state.people, **now_sure})
        for person in persons:
            self.start(turn, person, FORGET_US)

    def left(self, turn: Turn, door: Door, person: str) -> None:
        """Note that somebody went out; one left alone in a store for two is told."""
        was_inside = person in self.state.people
        self._forget(person)
        if was_inside and len(self.inside) == 1 and door.plan.people > 1:
            self.say(turn, "area.left_alone", person=self.inside[0])

    def clear(self) -> None:
        """Begin afresh."""
        self.stop(*self.state.timers)
        self.state = Inside()

    def _forget(self, person: str) -> None:
        self.stop(person)
        people = {name: sure for name, sure in self.state.people.items() if name != person}
        self.state = replace(self.state, people=people)

    def on_timer(self, turn: Turn, name: str) -> None:
        self._forget(name)

    def on_restart(self, turn: Turn) -> None:
        self.state = replace(self.state, people=dict.fromkeys(self.state.people, False))
