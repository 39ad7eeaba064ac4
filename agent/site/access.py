"""Who may enter by a door, and the window in which enough different people must come.

The window opens when the first person's factors are complete and counts in reading time; at a
difference of exactly `within_s` a reading is inside. Everybody who waits is let in or refused
in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from agent.site import tables
from agent.site.identification import RECOGNISED_US, Identification
from agent.site.inputs import CredentialRead, Json
from agent.site.machine import SECOND_US, Machine, State
from agent.site.person import Credential, Person, Presented
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.door import Door
    from agent.site.house import House
    from agent.site.turn import Turn


class Waiting(State, frozen=True, kw_only=True):
    """Who is at the door.

    Attributes:
        persons: those whose factors are complete, in order; the window runs for them.
    """

    persons: tuple[str, ...] = ()


class Access(Machine[Waiting]):
    """The way in by one door."""

    noun = "access"

    def __init__(self, given: tables.Door, house: House, door: Door) -> None:
        super().__init__(house.register, given.id, Waiting())
        self._plan = given
        self._house = house
        self._door = door
        self._area = house.areas[given.area]
        self.area, self.device = given.area, given.reader_in[0]
        self._identification = Identification(given, house)
        # Why somebody known and valid may not enter now, in the order in which it is told.
        self._checks: tuple[Callable[[Person], str | None], ...] = (
            self._recordable,
            self._lockdown,
            self._role,
            self._armed,
            self._passback,
            self._interlock,
            self._open,
        )

    def takes(self, credentials: Iterable[Credential]) -> bool:
        """Return whether these credentials have all the factors that are asked for here."""
        readers = self._plan.reader_in
        kinds = {
            one.kind
            for one in credentials
            if one.kind != "finger" or one.reference.partition(":")[0] in readers
        }
        return kinds.issuperset(self._plan.factors)

    def presented(self, turn: Turn, read: CredentialRead, whose: Presented | None) -> None:
        """Decide on something presented at a reader outside, and whose it is."""
        found = self._identification.present(turn, read, whose)
        person = found.person
        if person is None or found.reason:
            who = person.id if person else None
            self._deny(turn, who, found.reason, read.device, read.score)
        elif person.id in self.state.persons:
            self._identification.drop(person.id)  # what they show again is not the half of anything
            self._deny(turn, person.id, "same-person", read.device)
        elif reason := self._refusal(person):
            self._identification.refused(person.id)
            self._deny(turn, person.id, reason, read.device)
        elif found.complete:
            self._complete(turn, person.id, read.device)

    def _refusal(self, person: Person) -> str | None:
        for check in self._checks:
            if reason := check(person):
                return reason
        return None

    def _recordable(self, person: Person) -> str | None:
        return "journal-unavailable" if self._house.storage.failed else None

    def _lockdown(self, person: Person) -> str | None:
        return "lockdown" if self._house.lockdown.state.on else None

    def _role(self, person: Person) -> str | None:
        allowed = person.has_role(self._plan.roles) or self._responds(person)
        return None if allowed and not person.has_role(("visitor",)) else "role"

    def _armed(self, person: Person) -> str | None:
        stays_shut = self._area.armed and not self._door.disarms
        return "armed" if stays_shut and not self._responds(person) else None

    def _passback(self, person: Person) -> str | None:
        refused = self._area.passback.refuses(self._door, person.id)
        return "anti-passback" if refused else None

    def _interlock(self, person: Person) -> str | None:
        return None if self.interlock_free() else "interlock"

    def interlock_free(self) -> bool:
        """Return whether the doors that it is interlocked with are shut."""
        return all(self._house.doors[name].is_shut() for name in self._plan.interlock)

    def _open(self, person: Person) -> str | None:
        return None if self._door.is_closed() else "door-open"

    def _responds(self, person: Person) -> bool:
        """Return whether somebody may come because there is an alarm."""
        return person.has_role(("response",)) and self._area.in_alarm()

    def _complete(self, turn: Turn, person: str, reader: str) -> None:
        persons = (*self.state.persons, person)
        needed = self._plan.people - len(persons)
        if needed == 0 and not self._house.clock_allows(turn, persons):
            self._deny(turn, person, "clock-untrusted", reader)
            return
        if needed == 0:
            self.grant(turn, persons, reader)
            return
        if len(persons) == 1:
            within_us = self._plan.within_s * SECOND_US
            self.start(turn, "window", within_us + 1, patience_us=RECOGNISED_US)
        self.state = replace(self.state, persons=persons)
        self.say(turn, "access.pending", device=reader, person=person, needed=needed)

    def grant(
        self,
        turn: Turn,
        persons: tuple[str, ...],
        reader: str = "",
        operators: tuple[str, ...] = (),
    ) -> int:
        """Let people in; return the action that frees the strike.

        Whoever waits and is not among them is sent away.
        """
        for person in persons:
            self._identification.drop(person)
        self.state = replace(
            self.state, persons=tuple(one for one in self.state.persons if one not in persons)
        )
        self._send_away(turn, "second-person-missing")
        again: list[Json] = [*self._area.passback.violated(self._door, persons)]
        self.say(
            turn,
            "access.granted",
            device=reader,
            persons=list(persons),
            passback=again or None,
            operators=list(operators) or None,
        )
        self._area.granted(turn, self._door, persons)
        return self._door.release(turn, persons)

    def on_timer(self, turn: Turn, name: str) -> None:
        self._send_away(turn, "second-person-missing")

    def on_restart(self, turn: Turn) -> None:
        self.void(turn, "second-person-missing")
        self.state = Waiting()

    def void(self, turn: Turn, reason: str) -> None:
        """Send everybody at the door away, whatever they have shown."""
        for person in self._identification.started:
            self._identification.drop(person)
            self._deny(turn, person, reason)
        self._send_away(turn, reason)

    def changed(self, turn: Turn, person: Person) -> None:
        """Hear that somebody was changed, who may be let in no more while they wait."""
        if reason := self._house.refusal(turn, person) or self._role(person):
            self.forget(turn, person.id, reason)

    def forget(self, turn: Turn, person: str, reason: str = "revoked") -> None:
        """Send one person away who may not enter any more; the others begin afresh."""
        half = person in self._identification.started
        self._identification.drop(person)
        if half or person in self.state.persons:
            self._deny(turn, person, reason)
        if person in self.state.persons:
            others = tuple(other for other in self.state.persons if other != person)
            self.state = replace(self.state, persons=others)
            self._send_away(turn, "second-person-missing")

    def undo(self, turn: Turn, persons: tuple[str, ...]) -> None:
        """Take a grant back: its record came too late for the strike to move."""
        for person in persons:
            self._deny(turn, person, "journal-unavailable")

    def _send_away(self, turn: Turn, reason: str) -> None:
        persons = self.state.persons
        self.stop("window")
        self.state = replace(self.state, persons=())
        for person in persons:
            self._deny(turn, person, reason)

    def _deny(
        self,
        turn: Turn,
        person: str | None,
        reason: str | None,
        reader: str = "",
        score: int | None = None,
    ) -> None:
        self.say(turn, "access.denied", device=reader, person=person, reason=reason, score=score)

    def view(self) -> Json:
        """Return how many people wait, for how many more, never who; and readers locked out."""
        waiting = len(self.state.persons)
        return {
            "waiting": waiting,
            "needed": self._plan.people - waiting if waiting else 0,
            "locked_out": self._identification.locked_out,
        }
