"""A siren or a buzzer. It ends by itself, and sounds only so often in one set period.

That limit is on the noise only: what it would have sounded for is recorded all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.site import tables
from agent.site.commands import Asked, OutputNamed, Refused
from agent.site.due import DAY_US, Due
from agent.site.inputs import ActionAnswered, Json, Outcome
from agent.site.machine import SECOND_US, Machine, State
from agent.site.readback import Readback
from agent.site.step import Release
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

TEST_DUE_D = 31  # standards.md: what alarms depend on is tested each month


class Noise(State, frozen=True, kw_only=True):
    """What is known of a sounder.

    The timer `over` runs while it sounds for an alarm, `brief` while it buzzes or is tested.

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
        ref = given.readback
        self._readback = Readback(ref, given.output, house, self._heard) if ref else None
        every_us = TEST_DUE_D * DAY_US
        self._test_due = Due(f"output {given.id}", every_us, house, self._test_overdue)

    @property
    def sounds(self) -> bool:
        """Whether it is making noise."""
        return self.runs("over") or self.runs("brief")

    def is_normal(self) -> bool:
        heard = self._readback is None or self._readback.is_normal()
        return heard and not self.state.faulted

    def awaited(self) -> tuple[int, ...]:
        return () if self.state.action is None else (self.state.action,)

    def sound(self, turn: Turn) -> None:
        """Sound, unless it does already for an alarm, or has done so often enough."""
        if not self.runs("over") and self.state.times < self.plan.realarm_max:
            self.state = replace(self.state, times=self.state.times + 1)
            self.stop("brief")
            self._pulse(turn, "over", self.plan.on_s)

    def buzz(self, turn: Turn) -> None:
        """Make people look up; what sounds for an alarm goes on."""
        if not self.runs("over"):
            self._pulse(turn, "brief", tables.BUZZ_S)

    def test(self, turn: Turn, asked: Asked[OutputNamed]) -> None:
        """`output.test`: make noise for a moment; its answer is the result."""
        if self.sounds or self.state.tested_by:
            raise Refused("wrong-mode")
        persons = self._house.present(turn)
        if not persons:
            raise Refused("not-on-site")
        self._pulse(turn, "brief", tables.BUZZ_S)
        self.state = replace(self.state, tested_by=tuple(persons))

    def _tested(self, turn: Turn, wrong: str) -> None:
        persons: list[Json] = [*self.state.tested_by]
        self.state = replace(self.state, tested_by=())
        if wrong:
            self.say(turn, "test.failed", what="siren", persons=persons, reason=wrong)
        else:
            self._test_due.done(turn)
            self.say(turn, "test.passed", what="siren", persons=persons)

    def _test_overdue(self, turn: Turn) -> None:
        self.say(turn, "zone.test_overdue", what="siren", due_d=TEST_DUE_D)

    def silence(self, turn: Turn) -> None:
        """Be still, now."""
        if self.state.tested_by:
            self._tested(turn, "silenced")
        if self.sounds:
            self.stop("over", "brief")
            self._act(turn, "off", Release.NOW)

    def count_anew(self) -> None:
        """Sound as often as at first."""
        self.state = replace(self.state, times=0)

    def on_timer(self, turn: Turn, name: str) -> None:
        """Hear that its time is over: its host has ended the pulse."""
        if self.state.tested_by:  # nothing shows whether it was heard
            self._tested(turn, "not-heard")
        if self._readback:
            self._readback.expect(turn, on=False)

    def _pulse(self, turn: Turn, timer: str, for_s: int) -> None:
        self.start(turn, timer, for_s * SECOND_US)
        self._act(turn, "pulse", Release.ALARM, for_ms=for_s * 1000)

    def _act(self, turn: Turn, verb: str, release: Release, **args: Json) -> None:
        action = turn.act(self, self.plan.output, verb, release, **args)
        self.state = replace(self.state, action=action)
        if self._readback:
            self._readback.moving()

    def on_answer(self, turn: Turn, answer: ActionAnswered) -> None:
        if answer.action != self.state.action:
            return
        done = answer.outcome is Outcome.DONE
        if self._readback and answer.outcome is not Outcome.UNKNOWN:
            self._readback.expect(turn, on=done and self.sounds)
        wrong = "" if done else answer.reason or str(answer.outcome)
        if self.state.tested_by and (wrong or self._readback is None):
            self._tested(turn, wrong)
        if wrong and not self.state.faulted:
            self._fault(turn, wrong)
        self.state = replace(self.state, action=None, faulted=not done)

    def _heard(self, turn: Turn, wrong: str) -> None:
        """Learn what its readback shows."""
        if self.state.tested_by and self.sounds:
            self._tested(turn, wrong)
        if wrong and self._readback and wrong != self._readback.state.wrong:
            self._fault(turn, wrong)

    def _fault(self, turn: Turn, why: str) -> None:
        data: dict[str, Json] = {"area": self.area, "reason": f"{self.id}: {why}"}
        turn.event("device.faulted", self.device, data, source=self.key, device=self.device)

    def back(self, turn: Turn) -> None:
        """Go on, for the time that is left: its host has come back and begun in its fail state."""
        if self.sounds:
            for_ms = self.left_us(turn, "over" if self.runs("over") else "brief") // 1000
            self._act(turn, "pulse", Release.ALARM, for_ms=for_ms)
        elif self._readback:
            self._readback.expect(turn, on=False)

    def on_restart(self, turn: Turn) -> None:
        """What it still has to sound is sounded as soon as its device is there."""
        self.state = replace(self.state, action=None, tested_by=())

    def view(self) -> Json:
        """Return whether it sounds."""
        return {
            "id": self.id,
            "area": self.area,
            "sounds": self.sounds,
            "faulted": not self.is_normal(),
            "test": self._test_due.view(),
        }
