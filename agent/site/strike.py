"""A door's strike, and the grant that frees it: a bounded pulse, locked again on the opening.

It never moves by itself: not at start-up, and never a second time for one grant. What it did
when nobody answers is unknown, and it is locked at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct, field

from agent.site import tables
from agent.site.inputs import ActionAnswered, Json, Outcome
from agent.site.machine import SECOND_US, Machine, State
from agent.site.readback import Readback
from agent.site.step import Release
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.door import Door
    from agent.site.house import House
    from agent.site.turn import Turn

Position: TypeAlias = Literal["locked", "unlocking", "unlocked", "relocking", "unknown"]

# A leaf that has begun to move when the strike falls back needs this long to part its contact.
MOVING_US = 300_000


class Grant(Struct, frozen=True, omit_defaults=True):
    """Leave to open once.

    Attributes:
        persons: who was let in.
        from_us: the grant, monotonic.
        until_us: the end of the release; None until the strike is known to be free.
    """

    persons: tuple[str, ...]
    from_us: int
    until_us: int | None = None

    def covers(self, at_us: int) -> bool:
        """Return whether an opening at this instant is the grant's."""
        ends_us = None if self.until_us is None else self.until_us + MOVING_US
        return self.from_us <= at_us and (ends_us is None or at_us <= ends_us)


class Hold(State, frozen=True, kw_only=True):
    """What is known of a strike.

    Attributes:
        position: where it is.
        grant: the last grant, until the door has opened; also when its time is over.
        asked: people let in, by the action that frees it, while its answer is awaited.
        relock: the action that locks it again, likewise, and why it does.
    """

    position: Position = "locked"
    grant: Grant | None = None
    asked: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    relock: int | None = None
    cause: str = ""


class Strike(Machine[Hold]):
    """One strike; what it does is told of its door."""

    noun = "strike"

    def __init__(self, given: tables.Door, house: House, door: Door) -> None:
        super().__init__(house.register, given.id, Hold())
        self._plan = given
        self._door = door
        self.area, self.device = given.area, given.strike.partition(".")[0]
        ref = given.strike_readback
        self._readback = Readback(ref, given.strike, house, self._seen) if ref else None

    @property
    def locked(self) -> bool:
        """Whether it surely keeps the door shut."""
        return self.state.position == "locked" and self._agrees()

    def is_normal(self) -> bool:
        return self.state.position != "unknown" and self._agrees()

    def _agrees(self) -> bool:
        return self._readback is None or self._readback.is_normal()

    def awaited(self) -> tuple[int, ...]:
        relock = () if self.state.relock is None else (self.state.relock,)
        return (*self.state.asked, *relock)

    def release(self, turn: Turn, persons: tuple[str, ...]) -> int:
        """Free it for people whose grant was just decided; return the action's id.

        The action waits for the record.
        """
        for_ms = self._plan.release_s * 1000
        action = turn.act(self, self._plan.strike, "pulse", Release.RECORDED, for_ms=for_ms)
        self.stop("release")
        self._moving()
        asked = {**self.state.asked, action: persons}
        grant = Grant(persons, turn.at_us)
        self.state = replace(self.state, position="unlocking", grant=grant, asked=asked)
        return action

    def opened(self, turn: Turn, at_us: int) -> Grant | None:
        """Lock it again on an opening; return the grant that the opening belongs to."""
        grant = self.state.grant
        self.state = replace(self.state, grant=None)
        self.secure(turn, "opened")
        return grant if grant and grant.covers(at_us) else None

    def secure(self, turn: Turn, cause: str) -> None:
        """Lock it again if it may be free."""
        if self.state.position in ("unlocking", "unlocked"):
            self._relock(turn, cause)

    def back(self, turn: Turn) -> None:
        """Hear that its board is back: it has put its outputs into their fail state."""
        if self.state.position == "unknown":
            self.state = replace(self.state, position="locked")
        if self.state.position == "locked":
            self._expect(turn, on=False)

    def on_answer(self, turn: Turn, answer: ActionAnswered) -> None:
        if answer.action in self.state.asked:
            self._unlock_answered(turn, answer)
        elif answer.action == self.state.relock:
            self.state = replace(self.state, relock=None)
            self._relock_answered(turn, answer)

    def _unlock_answered(self, turn: Turn, answer: ActionAnswered) -> None:
        persons = self.state.asked[answer.action]
        asked = {n: people for n, people in self.state.asked.items() if n != answer.action}
        self.state = replace(self.state, asked=asked)
        match answer.outcome:
            case Outcome.DONE:
                self.say(turn, "door.unlocked", persons=list(persons))
                self._unlocked(turn)
            case Outcome.CANCELLED:
                self._cancelled(turn)
                self._door.undo(turn, persons, answer.action)
            case _:
                self._failed(turn, answer)
        self._door.assistance.strike_answered(turn, answer)

    def _unlocked(self, turn: Turn) -> None:
        if self.state.grant is None:  # it opened before the strike was free: lock it again
            self._relock(turn, "opened")
            return
        release_us = self._plan.release_s * SECOND_US
        self._expect(turn, on=True)
        self.start(turn, "release", release_us)
        grant = replace(self.state.grant, until_us=turn.at_us + release_us)
        self.state = replace(self.state, position="unlocked", grant=grant)

    def _cancelled(self, turn: Turn) -> None:
        """Nothing was sent; unless another grant waits, whatever ran before it ends."""
        if not self.state.asked:
            self.state = replace(self.state, grant=None)
            self._relock(turn, "cancelled")

    def _failed(self, turn: Turn, answer: ActionAnswered) -> None:
        grant = self.state.grant
        over = replace(grant, until_us=turn.at_us) if grant else None
        self.state = replace(self.state, position="unknown", grant=over)
        self._fault(turn, answer, "pulse")
        self._relock(turn, "fault")

    def _relock_answered(self, turn: Turn, answer: ActionAnswered) -> None:
        if answer.outcome is Outcome.DONE:
            self._locked(turn, self.state.cause)
        else:
            self.state = replace(self.state, position="unknown")
            self._fault(turn, answer, "off")

    def _relock(self, turn: Turn, cause: str) -> None:
        self.stop("release")
        action = turn.act(self, self._plan.strike, "off", Release.NOW)
        self._moving()
        self.state = replace(self.state, position="relocking", relock=action, cause=cause)

    def _locked(self, turn: Turn, cause: str) -> None:
        self.state = replace(self.state, position="locked")
        self._expect(turn, on=False)
        self.say(turn, "door.relocked", cause=cause)
        self._door.locked(turn)

    def on_timer(self, turn: Turn, name: str) -> None:
        self._locked(turn, "time-over")

    def on_restart(self, turn: Turn) -> None:
        if self.state.position != "locked":
            self.say(turn, "door.relocked", cause="restart")
        self.stop("release")
        self.state = Hold()

    def _moving(self) -> None:
        if self._readback:
            self._readback.moving()

    def _expect(self, turn: Turn, on: bool) -> None:
        if self._readback:
            self._readback.expect(turn, on)

    def _seen(self, turn: Turn, wrong: str) -> None:
        """Learn what its readback shows."""
        if wrong and self._readback and wrong != self._readback.state.wrong:
            self.say(turn, "door.lock_fault", reason=wrong)

    def _fault(self, turn: Turn, answer: ActionAnswered, verb: str) -> None:
        reason = answer.reason or None
        self.say(turn, "door.lock_fault", verb=verb, outcome=str(answer.outcome), reason=reason)

    def view(self) -> Json:
        """Return where it is."""
        return self.state.position
