"""A path to the monitor: whether anything arrives at its other end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.site.inputs import Condition, Json, PathNews
from agent.site.machine import Machine, Register, State

if TYPE_CHECKING:
    from agent.site.turn import Turn

KIND: Mapping[Condition, str] = {
    Condition.LOST: "uplink.lost",
    Condition.FAULTED: "uplink.lost",
    Condition.ABSENT: "uplink.monitor_absent",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(State):
    """What is known of a path; no condition before the first news ever."""

    condition: Condition | None = None
    reason: str = ""


class Path(Machine[Link]):
    """One path."""

    noun = "path"

    def __init__(self, register: Register, name: str) -> None:
        super().__init__(register, name, Link())

    def news(self, turn: Turn, news: PathNews) -> None:
        """Take in that it came, went, or has nobody at its end."""
        before, self.state = (
            self.state,
            replace(self.state, condition=news.condition, reason=news.reason),
        )
        if news.condition is not Condition.READY:
            kind = KIND[news.condition]
            if before.condition is None or KIND.get(before.condition) != kind:
                turn.event(kind, self.id, {"reason": news.reason}, source=self.key)
        elif before.condition in KIND:
            turn.event("uplink.back", self.id, source=self.key)

    def view(self) -> Json:
        """Return its present condition."""
        condition = str(self.state.condition) if self.state.condition else "unknown"
        return {"id": self.id, "condition": condition, "reason": self.state.reason}
