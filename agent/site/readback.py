"""A readback: a point that is in `alarm` while an output is on, and `normal` while it is off.

What was switched must show there within `FOLLOW_US`, both ways; what shows there unasked is wrong
at once. While the output's device is away nothing is judged, and its host puts it into its fail
state: off, for whatever can be told by a readback.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from agent.site.inputs import Condition, PointState
from agent.site.machine import SECOND_US, Machine, State
from agent.site.point import Change
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

FOLLOW_US = 2 * SECOND_US
# What is wrong, by what the output should be.
WRONG = {True: "readback-off", False: "readback-on"}
CUT = "readback-cut"

# Told after every judgement: "" where the readback agrees.
Told: TypeAlias = Callable[["Turn", str], None]


class Echo(State, frozen=True, kw_only=True):
    """What is known of a readback; the timer `follow` runs while the output may be moving.

    Attributes:
        on: what the output is to be; None while that is not known.
        wrong: what was wrong when it was last judged.
    """

    on: bool | None = None
    wrong: str = ""


class Readback(Machine[Echo]):
    """The readback of one output."""

    noun = "readback"

    def __init__(self, ref: str, output: str, house: House, told: Told) -> None:
        super().__init__(house.register, output, Echo())
        self._house = house
        self._output_device = output.partition(".")[0]
        self._told = told
        self._point = house.point(ref).watch(self.key, self._changed)

    def is_normal(self) -> bool:
        return not self.state.wrong

    def moving(self) -> None:
        """Judge nothing: the output was asked to move."""
        self.stop("follow")
        self.state = replace(self.state, on=None)

    def expect(self, turn: Turn, on: bool) -> None:
        """Expect the output to be on, or off, from now on."""
        self.state = replace(self.state, on=on)
        self.start(turn, "follow", FOLLOW_US)

    def on_timer(self, turn: Turn, name: str) -> None:
        self._judge(turn)

    def on_configured(self, turn: Turn) -> None:
        """Its output goes on as it was."""

    def on_restart(self, turn: Turn) -> None:
        self.moving()

    def _changed(self, turn: Turn, change: Change) -> None:
        if self.runs("follow") or self.state.on is None:
            return
        if self.state.on and change.after is PointState.NORMAL:
            self.start(turn, "follow", FOLLOW_US)  # a pulse ends a moment before that is known
        else:
            self._judge(turn)

    def _judge(self, turn: Turn) -> None:
        device = self._house.devices.get(self._output_device)
        there = device is not None and device.state.condition is Condition.READY
        if self.state.on is None or not there or not self._point.known:
            return
        wrong = self._wrong(self.state.on)
        self._told(turn, wrong)
        self.state = replace(self.state, wrong=wrong)

    def _wrong(self, on: bool) -> str:
        match self._point.state.settled:
            case PointState.ALARM:
                return "" if on else WRONG[on]
            case PointState.NORMAL:
                return WRONG[on] if on else ""
            case _:
                return CUT
