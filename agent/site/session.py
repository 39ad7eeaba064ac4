"""Sessions: who is at work behind a door, and since when.

A grant opens one for its people from the grant for `session_s`. What happens later at a rack
belongs to the sessions that were open at that instant, so one that is over is remembered for as
long as a late reading of its time can still arrive. Arming the whole area ends them, for nobody
is left inside; so does a restart: permissions die.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.site import tables
from agent.site.machine import SECOND_US, Machine, State

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

# A slot settles for at most 5 s, restless for as long again; the rest is for a slow driver.
REMEMBERED_US = 60 * SECOND_US


@dataclass(frozen=True, slots=True)
class Session:
    """One grant's people at work; times are monotonic, `until_us` is the first not inside.

    `grant` is the id of the action that let them in.
    """

    persons: tuple[str, ...]
    from_us: int
    until_us: int
    grant: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(State):
    """The sessions of one door, oldest first. The timer "open" runs while one is open."""

    sessions: tuple[Session, ...] = ()


class Sessions(Machine[Work]):
    """The sessions behind one door."""

    noun = "session"

    def __init__(self, given: tables.Door, house: House) -> None:
        super().__init__(house.register, given.id, Work())
        self._for_us = given.session_s * SECOND_US

    @property
    def are_open(self) -> bool:
        """Whether people who were let in may still be at work."""
        return self.runs("open")

    def open(self, turn: Turn, persons: tuple[str, ...], grant: int) -> None:
        """Begin one, for the people of a grant."""
        at_us = turn.at_us
        kept = (s for s in self.state.sessions if s.until_us + REMEMBERED_US > at_us)
        self._are(turn, (*kept, Session(persons, at_us, at_us + self._for_us, grant)))

    def withdraw(self, turn: Turn, grant: int) -> None:
        """Undo one: its grant was recorded too late, and nobody was let in."""
        self._are(turn, (s for s in self.state.sessions if s.grant != grant))

    def end(self, turn: Turn) -> None:
        """End those that are open: what they were for is over."""
        at_us = turn.at_us
        self._are(turn, (replace(s, until_us=min(s.until_us, at_us)) for s in self.state.sessions))

    def persons_at(self, at_us: int) -> tuple[str, ...]:
        """Return whose sessions were open at an instant, in the order of their grants."""
        found = (s.persons for s in self.state.sessions if s.from_us <= at_us < s.until_us)
        return tuple(dict.fromkeys(person for persons in found for person in persons))

    def on_restart(self, turn: Turn) -> None:
        self.state = Work()

    def _are(self, turn: Turn, sessions: Iterable[Session]) -> None:
        self.state = replace(self.state, sessions=tuple(sessions))
        until_us = max((s.until_us for s in self.state.sessions), default=turn.at_us)
        if until_us > turn.at_us:
            self.start(turn, "open", until_us - turn.at_us)
        else:
            self.stop("open")


def persons_at(behind: Iterable[Sessions], at_us: int) -> tuple[str, ...]:
    """Return whose sessions were open behind any of some doors at an instant."""
    found = (person for sessions in behind for person in sessions.persons_at(at_us))
    return tuple(dict.fromkeys(found))
