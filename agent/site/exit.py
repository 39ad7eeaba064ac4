"""The readers inside a door: who leaves. Nobody is ever refused here, and nothing moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.site.inputs import CredentialRead
from agent.site.machine import Machine, State
from agent.site.person import Presented

if TYPE_CHECKING:
    from agent.site.door import Door
    from agent.site.house import House
    from agent.site.turn import Turn


class Exit(Machine[State]):
    """The way out by one door."""

    noun = "exit"

    def __init__(self, door: Door, house: House) -> None:
        super().__init__(house.register, door.id, State())
        self.area, self.device = door.area, door.plan.reader_out[0]
        self._door = door
        self._house = house

    def presented(self, turn: Turn, read: CredentialRead, found: Presented | None) -> None:
        """Note who is about to leave; a stranger leaves as well."""
        self._door.leaving(turn)
        if found is None:
            self.say(turn, "door.exit_requested", device=read.device)
            return
        person = found.person.id
        self.say(turn, "access.granted", device=read.device, persons=[person], exit=True)
        self._house.areas[self._door.plan.area].passback.left(turn, self._door, person)
