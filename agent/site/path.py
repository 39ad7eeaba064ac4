"""A path to the monitor: whether anything arrives at its other end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from agent.site.due import HOUR_US
from agent.site.inputs import Condition, Json, PathNews, PathTested
from agent.site.machine import Machine, Register, State
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.turn import Turn

DEAD: Mapping[Condition, str] = {
    Condition.LOST: "uplink.lost",
    Condition.ABSENT: "uplink.monitor_absent",
}
# standards.md: a spare path is tested at least every 5 h. Its heartbeats do that all the time;
# so often the record says so.
TESTED_US = 4 * HOUR_US


class Link(State, frozen=True, kw_only=True):
    """What is known of a path; no condition before the first news ever.

    Attributes:
        reason: why it does not work, or what is wrong although it does.
        carries: whether it is the one that carried last.
    """

    condition: Condition | None = None
    reason: str = ""
    carries: bool = False


class Path(Machine[Link]):
    """One path."""

    noun = "path"

    def __init__(self, register: Register, name: str) -> None:
        super().__init__(register, name, Link())

    @property
    def works(self) -> bool:
        """Whether what is sent on it arrives."""
        return self.state.condition in (Condition.READY, Condition.FAULTED)

    def news(self, turn: Turn, news: PathNews) -> None:
        """Take in that it came, went, has nobody at its end, or works but for something."""
        before = self.state
        self.state = replace(before, condition=news.condition, reason=news.reason)
        if news.condition in DEAD:
            if before.condition is None or DEAD.get(before.condition) != DEAD[news.condition]:
                self.say(turn, DEAD[news.condition], reason=news.reason)
            return
        if before.condition in DEAD:
            self.say(turn, "uplink.back")
        if news.condition is Condition.FAULTED:
            if (before.condition, before.reason) != (news.condition, news.reason):
                self.say(turn, "uplink.faulted", reason=news.reason)
        elif before.condition is Condition.FAULTED:
            self.say(turn, "uplink.mended")

    def take_over(self, turn: Turn, before: Path | None) -> None:
        """Carry the record from now on, after another path or as the first ever."""
        if before is self:
            return
        self.state = replace(self.state, carries=True)
        if before is not None:
            before.state = replace(before.state, carries=False)
            turn.event("uplink.switched", self.id, {"from": before.id, "to": self.id})

    def tested(self, turn: Turn, test: PathTested) -> None:
        """Record, now and then, that a path which does not carry would."""
        if not self.state.carries and not self.runs("tested"):
            self.say(turn, "uplink.tested", took_ms=test.took_ms)
            self.start(turn, "tested", TESTED_US)

    def view(self) -> Json:
        """Return its present condition."""
        condition = str(self.state.condition) if self.state.condition else "unknown"
        return {"id": self.id, "condition": condition, "reason": self.state.reason}
