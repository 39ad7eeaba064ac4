"""Sessions: who is at work behind a door, from a grant until its time is over.

What a rack loses belongs to the session that was open at that instant, which may have ended a
moment ago when the change has settled: an ended session is remembered that much longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from agent.site import tables
from agent.site.machine import SECOND_US, Machine, State
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

# A change settles within settle_ms (5 s at most), or for as long again when it is restless.
REMEMBERED_US = 12 * SECOND_US


class Session(Struct, frozen=True):
    """People at work, monotonic from and until; `grant` is the action that let them in."""

    grant: int
    persons: tuple[str, ...]
    from_us: int
    until_us: int


class Open(State, frozen=True, kw_only=True):
    """The sessions that may still matter, oldest first. A restart ends them."""

    sessions: tuple[Session, ...] = ()


class Sessions(Machine[Open]):
    """The sessions of one door."""

    noun = "session"

    def __init__(self, given: tables.Door, house: House) -> None:
        super().__init__(house.register, given.id, Open())
        self._session_us = given.session_s * SECOND_US

    def begin(self, turn: Turn, persons: tuple[str, ...], grant: int) -> None:
        """Open a session for the people of a grant."""
        kept = [s for s in self.state.sessions if s.until_us + REMEMBERED_US > turn.at_us]
        session = Session(grant, persons, turn.at_us, turn.at_us + self._session_us)
        self.state = Open(sessions=(*kept, session))

    def withdraw(self, grant: int) -> None:
        """Take a session back: its grant did not come to be."""
        kept = tuple(session for session in self.state.sessions if session.grant != grant)
        self.state = Open(sessions=kept)

    def end(self, turn: Turn) -> None:
        """End them all: the whole area is armed, and nobody is left inside."""
        ended = (replace(s, until_us=min(s.until_us, turn.at_us)) for s in self.state.sessions)
        self.state = Open(sessions=tuple(ended))

    def at(self, at_us: int) -> list[str]:
        """Return who was at work at an instant, without repeats."""
        open_then = [s.persons for s in self.state.sessions if s.from_us <= at_us <= s.until_us]
        return list(dict.fromkeys(person for persons in open_then for person in persons))

    def on_restart(self, turn: Turn) -> None:
        self.state = Open()
