"""What is to be done again and again: told once when it is late, set anew when it is done.

Days are counted by wall time, so that a machine that is switched off does not stop them. A date
set by a clock that was never synchronised keeps its distance when that clock is put right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.site.inputs import ClockStepped, Json
from agent.site.machine import SECOND_US, Machine, State
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn


HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US


class Deadline(State, frozen=True, kw_only=True):
    """When it is due.

    Attributes:
        due_us: wall time; None before the first start.
        trusted: whether the clock was, when `due_us` was set.
        late: whether it was told that it is late.
    """

    due_us: int | None = None
    trusted: bool = False
    late: bool = False


class Due(Machine[Deadline]):
    """One such thing. The first time counts from the first start.

    Args:
        name: what it is: "count rifles".
        every_us: how often it is to be done.
        house: where it belongs; it is told there that the clock has stepped.
        tell: called once when it is late.
    """

    noun = "due"

    def __init__(
        self, name: str, every_us: int, house: House, tell: Callable[[Turn], None]
    ) -> None:
        super().__init__(house.register, name, Deadline())
        self._every_us = every_us
        self._system = house.system
        self._tell = tell
        house.dues.append(self)

    def done(self, turn: Turn) -> None:
        """Take note that it was done."""
        due_us = self._wall_us(turn) + self._every_us
        self.state = Deadline(due_us=due_us, trusted=turn.now.trusted)
        self.start(turn, "due", self._every_us)

    def on_restart(self, turn: Turn) -> None:
        if self.state.due_us is None:
            self.done(turn)
        else:
            self._go_on(turn)

    def clock_stepped(self, turn: Turn, what: ClockStepped) -> None:
        """Keep the date by the clock as it is now."""
        self.put_right(turn, what)
        self._go_on(turn)

    def put_right(self, turn: Turn, what: ClockStepped) -> None:
        """Let a date that an unsynchronised clock set keep its distance over this step."""
        if self.state.due_us is not None and turn.now.trusted and not self.state.trusted:
            due_us = self.state.due_us + what.after_us - what.before_us
            self.state = replace(self.state, due_us=due_us, trusted=True)
            self._go_on(turn)

    def on_timer(self, turn: Turn, name: str) -> None:
        self.state = replace(self.state, late=True)
        self._tell(turn)

    def _go_on(self, turn: Turn) -> None:
        if self.state.due_us is not None and not self.state.late:
            self.start(turn, "due", max(0, self.state.due_us - self._wall_us(turn)))

    def _wall_us(self, turn: Turn) -> int:
        """Return the wall time; one that ran ahead once, and was put right, stops no days."""
        now = turn.now.at(turn.at_us)
        return now.utc_us if now.trusted else max(self._system.state.believed_us, now.utc_us)

    def view(self) -> Json:
        """Return when it is due (wall time), and whether it is late."""
        return {"due_utc_us": self.state.due_us, "late": self.state.late}
