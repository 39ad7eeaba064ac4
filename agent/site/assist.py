"""Opening a door from afar for somebody who stands there: two operators, one person on site.

The command is done when the strike says so; when nobody can say, its end is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import field

from agent.site.commands import Asked, DoorNamed, Refused
from agent.site.inputs import ActionAnswered, Outcome
from agent.site.machine import Machine, State
from agent.site.order import STOPPED, Order
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.door import Door
    from agent.site.house import House
    from agent.site.turn import Turn


class Orders(State, frozen=True, kw_only=True):
    """The commands whose strike has not answered yet, by the action that frees it."""

    given: Mapping[int, Order] = field(default_factory=dict)


class Assistance(Machine[Orders]):
    """`door.assist` at one door."""

    noun = "assistance"

    def __init__(self, house: House, door: Door) -> None:
        super().__init__(house.register, door.id, Orders())
        self._house = house
        self._door = door

    def give(self, turn: Turn, asked: Asked[DoorNamed]) -> str:
        """Let those in who are there and cannot open."""
        self._check()
        persons = tuple(self._house.on_site(turn, 1))
        action = self._door.access.grant(turn, persons, operators=(asked.by, asked.second))
        self.state = replace(self.state, given={**self.state.given, action: Order.of(asked)})
        return "accepted"

    def _check(self) -> None:
        area = self._house.areas[self._door.plan.area]
        if self._door.plan.remote_open != "assist":
            raise Refused("never-remote")
        if area.armed or self._house.alarms.any_in(area.id):
            hidden = not (area.armed or area.in_alarm())
            raise Refused("armed-or-alarm", hidden=hidden)
        if self._house.lockdown.state.on:
            raise Refused("locked-down")
        if not self._door.is_closed() or not self._door.access.interlock_free():
            raise Refused("door-not-shut")

    def strike_answered(self, turn: Turn, answer: ActionAnswered) -> None:
        """Hear what became of freeing the strike, whoever it was freed for."""
        given = dict(self.state.given)
        if order := given.pop(answer.action, None):
            self.state = replace(self.state, given=given)
            order.end(turn, answer.outcome, answer.reason)

    def on_restart(self, turn: Turn) -> None:
        before, self.state = self.state, Orders()
        for order in before.given.values():
            order.end(turn, Outcome.UNKNOWN, STOPPED)
