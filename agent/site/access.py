"""Who may enter: people, factors and the window in which enough different people must come.

The window opens when the first person's factors are complete and counts in reading time; at a
difference of exactly `within_s` a reading is inside. Whatever the answer, a credential marked
duress raises its silent alarm when it is presented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from agent.site import tables
from agent.site.inputs import CredentialRead, Json
from agent.site.machine import SECOND_US, Machine, State
from agent.site.person import Presented
from agent.site.table import Factor

if TYPE_CHECKING:
    from agent.site.door import Door
    from agent.site.house import House
    from agent.site.turn import Turn


@dataclass(frozen=True, slots=True)
class Partial:
    """The factors that one person has shown, when not all."""

    kinds: tuple[Factor, ...]
    duress: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(State):
    """Who is at the door: those whose factors are complete, in order, and those with some."""

    persons: tuple[str, ...] = ()
    partial: Mapping[str, Partial] = field(default_factory=dict)


class Access(Machine[Waiting]):
    """The readers at one door."""

    noun = "access"

    def __init__(self, given: tables.Door, house: House, door: Door) -> None:
        super().__init__(house.register, given.id, Waiting())
        self._plan = given
        self.area, self.device = given.area, given.reader_in[0]
        self._house = house
        self._door = door
        self._within_us = given.within_s * SECOND_US + 1  # the end itself is inside

    def presented(self, turn: Turn, read: CredentialRead) -> None:
        """Decide on something presented at a reader."""
        found = self._house.people.identify(read)
        person = found.person.id if found else None
        if found and found.credential.duress:
            self.say(turn, "duress.raised", device=read.device, person=person, hidden=True)
        reason = self._refusal(turn, read, found)
        if found is None or reason:
            self._deny(turn, person, reason or "unknown", read.device, read.score)
        elif person in self.state.persons:
            self._deny(turn, person, "same-person", read.device)
        else:
            self._factor(turn, found, read.device)

    def _refusal(self, turn: Turn, read: CredentialRead, found: Presented | None) -> str | None:
        if found is None:
            return "unknown" if read.score is None else "low-score"
        if self._house.devices[read.device].substituted:
            return "unknown"  # whoever a look-alike says it is
        if refusal := found.person.refusal(self._house.system.utc_us(turn.now)):
            return refusal
        if not found.person.has_role(self._plan.roles):
            return "role"
        if found.credential.kind not in self._plan.factors:
            return "factor-missing"
        return None if self._door.is_closed() else "door-open"

    def _factor(self, turn: Turn, found: Presented, reader: str) -> None:
        person, credential = found.person.id, found.credential
        before = self.state.partial.get(person, Partial((), duress=False))
        shown = {*before.kinds, credential.kind}
        duress = before.duress or credential.duress
        if shown == set(self._plan.factors):
            self._drop(person)
            self._house.sightings.note(turn, person, duress)
            self._complete(turn, person, reader)
        else:
            now = Partial(tuple(sorted(shown)), duress)
            self.state = replace(self.state, partial={**self.state.partial, person: now})
            self.start(turn, f"factors {person}", self._within_us)

    def _complete(self, turn: Turn, person: str, reader: str) -> None:
        persons = (*self.state.persons, person)
        needed = self._plan.people - len(persons)
        if needed == 0:
            self._clear()
            self.say(turn, "access.granted", device=reader, persons=list(persons))
            self._door.release(turn, persons)
            return
        if len(persons) == 1:
            self.start(turn, "window", self._within_us)
        self.state = replace(self.state, persons=persons)
        self.say(turn, "access.pending", device=reader, person=person, needed=needed)

    def on_timer(self, turn: Turn, name: str) -> None:
        if name == "window":
            self._void(turn, "second-person-missing")
        else:
            person = name.removeprefix("factors ")
            self._drop(person)
            self._deny(turn, person, "factor-missing")

    def on_restart(self, turn: Turn) -> None:
        self._void(turn, "second-person-missing")
        self._clear()

    def undo(self, turn: Turn, persons: tuple[str, ...]) -> None:
        """Take a grant back: its record came too late for the strike to move."""
        for person in persons:
            self._deny(turn, person, "journal-unavailable")

    def _void(self, turn: Turn, reason: str) -> None:
        """Send everybody who waits for somebody else away."""
        persons = self.state.persons
        self.stop("window")
        self.state = replace(self.state, persons=())
        for person in persons:
            self._deny(turn, person, reason)

    def _drop(self, person: str) -> None:
        self.stop(f"factors {person}")
        partial = {name: shown for name, shown in self.state.partial.items() if name != person}
        self.state = replace(self.state, partial=partial)

    def _clear(self) -> None:
        self.stop(*self.state.timers)
        self.state = Waiting()

    def _deny(
        self,
        turn: Turn,
        person: str | None,
        reason: str,
        reader: str = "",
        score: int | None = None,
    ) -> None:
        self.say(turn, "access.denied", device=reader, person=person, reason=reason, score=score)

    def view(self) -> Json:
        """Return how many people wait, and for how many more; never who."""
        waiting = len(self.state.persons)
        return {"waiting": waiting, "needed": self._plan.people - waiting if waiting else 0}
