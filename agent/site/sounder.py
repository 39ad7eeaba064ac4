"""A siren or a buzzer. It ends by itself, and sounds only so often in one set period.

That limit is on the noise only: what it would have sounded for is recorded all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.site import tables
from agent.site.commands import Asked, OutputNamed, Refused
from agent.site.due import DAY_US, Due
from agent.site.inputs import ActionAnswered, Json, Outcome
from agent.site.machine import SECOND_US, Machine, State
from agent.site.step import Release

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

BUZZ_S = 3
TEST_DUE_D = 31  # standards.md: what alarms depend on is tested each month


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise(State):
    """What is known of a sounder; the timer `over` runs while it sounds.

    Attributes:
        times: how often it has sounded in this set period.
        action: the action whose answer is awaited.
        faulted: whether it did not do what it was last asked.
        tested_by: who was on site when the test began whose answer is awaited.
    """

    times: int = 0
    action: int | None = None
    faulted: bool = False
    tested_by: tuple[str, ...] = ()


class Sounder(Machine[Noise]):
    """One output that makes noise."""

    noun = "sounder"

    def __init__(self, given: tables.Output, house: House) -> None:
        super().__init__(house.register, given.id, Noise())
        self.plan = given
        self.area, self.device = given.area, given.output.partition(".")[0]
        house.areas[given.area].sounders.append(self)
        self._house = house
        every_us = TEST_DUE_D * DAY_US
        self._test_due = Due(f"output {given.id}", every_us, house, self._test_overdue)

    @property
    def sounds(self) -> bool:
        """Whether it is making noise."""
        return self.runs("over")

    def is_normal(self) -> bool:
        return not self.state.faulted

    def awaited(self) -> tuple[int, ...]:
        return () if self.state.action is None else (self.state.action,)

    def sound(self, turn: Turn) -> None:
        """Sound, unless it does already or has done so often enough."""
        if not self.sounds and self.state.times < self.plan.realarm_max:
            self.state = replace(self.state, times=self.state.times + 1)
            self._pulse(turn, self.plan.on_s)

    def buzz(self, turn: Turn) -> None:
        """Make people look up."""
        self._pulse(turn, BUZZ_S)

    def test(self, turn: Turn, asked: Asked[OutputNamed]) -> None:
        """`output.test`: make noise for a moment; its answer is the result."""
        if self.sounds or self.state.tested_by:
            raise Refused("wrong-mode")
        persons = self._house.present(turn)
        if not persons:
            raise Refused("not-on-site")
        self._pulse(turn, BUZZ_S)
        self.state = replace(self.state, tested_by=tuple(persons))

    def _tested(self, turn: Turn, answer: ActionAnswered) -> None:
        persons: list[Json] = [*self.state.tested_by]
        self.state = replace(self.state, tested_by=())
        if answer.outcome is Outcome.DONE:
            self._test_due.done(turn)
            self.say(turn, "test.passed", what="siren", persons=persons)
        else:
            reason = answer.reason or str(answer.outcome)
            self.say(turn, "test.failed", what="siren", persons=persons, reason=reason)

    def _test_overdue(self, turn: Turn) -> None:
        self.say(turn, "zone.test_overdue", what="siren", due_d=TEST_DUE_D)

    def silence(self, turn: Turn) -> None:
        """Be still, now."""
        if self.sounds:
            self.stop("over")
            self.state = replace(
                self.state, action=turn.act(self, self.plan.output, "off", Release.NOW)
            )

    def period_over(self) -> None:
        """Begin the count anew."""
        self.state = replace(self.state, times=0)

    def _pulse(self, turn: Turn, for_s: int) -> None:
        self.start(turn, "over", for_s * SECOND_US)
        output, for_ms = self.plan.output, for_s * 1000
        action = turn.act(self, output, "pulse", Release.ALARM, for_ms=for_ms)
        self.state = replace(self.state, action=action)

    def on_answer(self, turn: Turn, answer: ActionAnswered) -> None:
        if answer.action != self.state.action:
            return
        if self.state.tested_by:
            self._tested(turn, answer)
        faulted = answer.outcome is not Outcome.DONE
        if faulted and not self.state.faulted:
            reason = f"{self.id}: {answer.reason or answer.outcome}"
            turn.event(
                "device.faulted",
                self.device,
                {"area": self.area, "reason": reason},
                source=self.key,
                device=self.device,
            )
        self.state = replace(self.state, action=None, faulted=faulted)

    def back(self, turn: Turn) -> None:
        """Go on, for the time that is left: its host has come back and begun in its fail state."""
        if self.sounds:
            for_ms = self.left_us(turn, "over") // 1000
            action = turn.act(self, self.plan.output, "pulse", Release.ALARM, for_ms=for_ms)
            self.state = replace(self.state, action=action)

    def on_restart(self, turn: Turn) -> None:
        """What it still has to sound is sounded as soon as its device is there."""
        self.state = replace(self.state, action=None, tested_by=())

    def view(self) -> Json:
        """Return whether it sounds."""
        return {
            "id": self.id,
            "area": self.area,
            "sounds": self.sounds,
            "faulted": self.state.faulted,
        }
