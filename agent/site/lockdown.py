"""Lockdown: nobody enters anywhere. It stops entry only; two people on site lift it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.site.commands import Asked, Nothing, Refused
from agent.site.machine import Machine, State
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

LIFT_PEOPLE = 2


class Down(State, frozen=True, kw_only=True):
    """Whether it is on; a restart does not lift it."""

    on: bool = False


class Lockdown(Machine[Down]):
    """The whole site's lockdown."""

    noun = "lockdown"

    def __init__(self, house: House) -> None:
        super().__init__(house.register, house.plan.site.id, Down())
        self._house = house

    def begin(self, turn: Turn, asked: Asked[Nothing]) -> None:
        """`site.lock_down`: from now on nobody enters; whoever waits is sent away."""
        if self.state.on:
            raise Refused("wrong-mode")
        self.state = replace(self.state, on=True)
        self.say(turn, "system.locked_down", by=asked.by, origin=str(asked.origin))
        for door in self._house.doors.values():
            door.access.void(turn, "lockdown")
            door.strike.secure(turn, "lockdown")

    def lift(self, turn: Turn, asked: Asked[Nothing]) -> None:
        """`site.lift_lockdown`: two people on site have seen that it is over."""
        if not self.state.on:
            raise Refused("wrong-mode")
        persons = self._house.on_site(turn, LIFT_PEOPLE)
        self.state = replace(self.state, on=False)
        self.say(turn, "system.lockdown_lifted", persons=list(persons), by=asked.by)
