"""A door: its strike, its contact, and its exit button, which only informs.

An opening belongs to a grant when it is dated between the grant and the end of its release.
Everything else that opens is forced, unless somebody asked to leave a moment before. The strike
is locked again on the opening. It never moves by itself: not at start-up, not twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from agent.site import tables
from agent.site.access import Access
from agent.site.inputs import ActionAnswered, Json, Outcome, PointState
from agent.site.machine import SECOND_US, Machine, State
from agent.site.point import Change
from agent.site.session import Sessions
from agent.site.step import Release

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

Strike: TypeAlias = Literal["locked", "unlocking", "unlocked", "relocking", "unknown"]

# A leaf that has begun to move when the strike falls back needs this long to part its contact.
MOVING_US = 300_000


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to open once.

    Attributes:
        persons: who was let in.
        from_us: the grant, monotonic.
        until_us: the end of the release; None until the strike is known to be free.
    """

    persons: tuple[str, ...]
    from_us: int
    until_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf(State):
    """What is known of a door. Times are monotonic; a restart forgets them.

    Attributes:
        open_us: when it opened; None while it is closed or was never seen.
        held: whether it was told that it is held open.
        exit_us: when leaving was last asked for.
        unlock: the action that frees the strike, while its answer is awaited.
        relock: the action that locks it again, likewise.
    """

    open_us: int | None = None
    held: bool = False
    exit_us: int | None = None
    strike: Strike = "locked"
    grant: Grant | None = None
    unlock: int | None = None
    relock: int | None = None


class Door(Machine[Leaf]):
    """One door."""

    noun = "door"

    def __init__(self, given: tables.Door, house: House) -> None:
        super().__init__(house.register, given.id, Leaf())
        self._plan = given
        self.contact = house.point(given.contact).watch(self._moved, given.debounce_ms)
        self.area, self.device = given.area, self.contact.device
        if given.rex:
            house.point(given.rex).watch(self._exit_asked)
        self.access = Access(given, house, self)
        self.sessions = Sessions(given, house)
        self._area = house.areas[given.area]
        self._area.doors.append(self)

    @property
    def in_session(self) -> bool:
        """Whether people who were let in may still be at work."""
        return self.sessions.are_open

    @property
    def disarms(self) -> bool:
        """Whether a grant at it disarms its area."""
        return self._plan.on_armed == "disarm"

    @property
    def devices(self) -> set[str]:
        """The devices without which it cannot be watched and opened."""
        return {self.contact.device, self._plan.strike.partition(".")[0], *self._plan.reader_in}

    def is_closed(self) -> bool:
        """Return whether the door is surely closed."""
        return self.contact.is_normal()

    def is_normal(self) -> bool:
        return self.is_closed()

    def awaited(self) -> tuple[int, ...]:
        return tuple(n for n in (self.state.unlock, self.state.relock) if n is not None)

    def release(self, turn: Turn, persons: tuple[str, ...]) -> None:
        """Free the strike for people whose grant has just been recorded."""
        for_ms = self._plan.release_s * 1000
        action = turn.act(self, self._plan.strike, "pulse", Release.RECORDED, for_ms=for_ms)
        self.stop("release")
        grant = Grant(persons, turn.at_us)
        self.state = replace(self.state, strike="unlocking", grant=grant, unlock=action)
        self.sessions.open(turn, persons, action)

    def on_answer(self, turn: Turn, answer: ActionAnswered) -> None:
        if answer.action == self.state.unlock:
            self.state = replace(self.state, unlock=None)
            self._unlock_answered(turn, answer)
        elif answer.action == self.state.relock:
            self.state = replace(self.state, relock=None)
            self._relock_answered(turn, answer)

    def _unlock_answered(self, turn: Turn, answer: ActionAnswered) -> None:
        grant = self.state.grant
        persons = grant.persons if grant else ()
        match answer.outcome:
            case Outcome.DONE:
                self.say(turn, "door.unlocked", persons=list(persons) or None)
                self._unlocked(turn)
            case Outcome.CANCELLED:
                self.sessions.withdraw(turn, answer.action)
                self.state = replace(self.state, strike="locked", grant=None)
                self.access.undo(turn, persons)
            case _:
                over = replace(grant, until_us=turn.at_us) if grant else None
                self.state = replace(self.state, strike="unknown", grant=over)
                self._fault(turn, answer, "pulse")
                self._relock(turn)

    def _unlocked(self, turn: Turn) -> None:
        if self.state.grant is None:  # it opened before the strike was free: lock it again
            self._relock(turn)
            return
        self.start(turn, "release", self._plan.release_s * SECOND_US)
        until_us = turn.at_us + self._plan.release_s * SECOND_US
        grant = replace(self.state.grant, until_us=until_us)
        self.state = replace(self.state, strike="unlocked", grant=grant)

    def _relock_answered(self, turn: Turn, answer: ActionAnswered) -> None:
        if answer.outcome is Outcome.DONE:
            self.state = replace(self.state, strike="locked")
            self.say(turn, "door.relocked", cause="opened")
        else:
            self.state = replace(self.state, strike="unknown")
            self._fault(turn, answer, "off")

    def on_timer(self, turn: Turn, name: str) -> None:
        match name:
            case "release":
                self.state = replace(self.state, strike="locked")
                self.say(turn, "door.relocked", cause="time-over")
            case "prewarn":
                self.say(turn, "door.held_warned", left_s=self._plan.prewarn_s)
                self._area.buzz(turn)
            case "held":
                self.state = replace(self.state, held=True)
                self.say(turn, "door.held", held_s=self._plan.held_s)

    def on_restart(self, turn: Turn) -> None:
        if self.state.strike != "locked":
            self.say(turn, "door.relocked", cause="restart")
        self.stop("release")
        open_us = None if self.state.open_us is None else turn.at_us
        self.state = Leaf(timers=self.state.timers, open_us=open_us, held=self.state.held)

    def _exit_asked(self, turn: Turn, change: Change) -> None:
        if change.after is PointState.ALARM:
            self.state = replace(self.state, exit_us=change.at_us)
            self.say(
                turn, "door.exit_requested", device=change.device, at=turn.now.at(change.at_us)
            )

    def _moved(self, turn: Turn, change: Change) -> None:
        match change.after:
            case PointState.UNKNOWN:
                pass  # the board is away, which is told of the board
            case PointState.NORMAL:
                self._closed(turn, change)
            case _:
                self._opened(turn, change)

    def _opened(self, turn: Turn, change: Change) -> None:
        at_us, at, grant = change.at_us, turn.now.at(change.at_us), self.state.grant
        if change.after is not PointState.ALARM:  # a cut or shorted wire is no opening
            self._forced(turn, change)
        elif self.state.open_us is not None:
            pass  # it is open, and its wire is mended
        elif grant and _covers(grant, at_us):
            self.say(turn, "door.opened", at=at, persons=list(grant.persons))
        elif self._leaving(at_us):
            self.say(turn, "door.opened", at=at, exit=True)
        elif change.before is PointState.UNKNOWN:  # it was open when it was first seen
            self.say(turn, "door.opened", at=at)
        else:
            self._forced(turn, change)
        self.state = replace(self.state, grant=None)
        if self.state.strike in ("unlocking", "unlocked"):
            self._relock(turn)
        self._hold(turn, at_us)

    def _forced(self, turn: Turn, change: Change) -> None:
        at = turn.now.at(change.at_us)
        self.say(turn, "door.forced", at=at, state=str(change.after))
        self._area.sound(turn)

    def _hold(self, turn: Turn, at_us: int) -> None:
        if self.state.open_us is None:
            self.state = replace(self.state, open_us=at_us)
            held_us = self._plan.held_s * SECOND_US
            self.start(turn, "held", held_us, at_us)
            self.start(turn, "prewarn", held_us - self._plan.prewarn_s * SECOND_US, at_us)

    def _leaving(self, at_us: int) -> bool:
        exit_us = self.state.exit_us
        shunt_us = self._plan.rex_shunt_s * SECOND_US
        return exit_us is not None and 0 <= at_us - exit_us <= shunt_us

    def _closed(self, turn: Turn, change: Change) -> None:
        if self.state.open_us is None:  # first seen, and closed
            return
        open_s = (change.at_us - self.state.open_us) // SECOND_US
        held = self.state.held
        self.stop("held", "prewarn")
        self.state = replace(self.state, open_us=None, held=False)
        self.say(turn, "door.closed", at=turn.now.at(change.at_us))
        if held:
            self.say(turn, "door.held_ended", at=turn.now.at(change.at_us), open_s=open_s)

    def _relock(self, turn: Turn) -> None:
        self.stop("release")
        action = turn.act(self, self._plan.strike, "off", Release.NOW)
        self.state = replace(self.state, strike="relocking", relock=action)

    def _fault(self, turn: Turn, answer: ActionAnswered, verb: str) -> None:
        strike = self._plan.strike.partition(".")[0]
        outcome = str(answer.outcome)
        self.say(
            turn,
            "door.lock_fault",
            device=strike,
            verb=verb,
            outcome=outcome,
            reason=answer.reason or None,
        )

    def view(self) -> Json:
        """Return its present state."""
        return {
            "id": self.id,
            "area": self._plan.area,
            "contact": self.contact.view(),
            "strike": self.state.strike,
            "held": self.state.held,
            "access": self.access.view(),
        }


def _covers(grant: Grant, at_us: int) -> bool:
    ends_us = None if grant.until_us is None else grant.until_us + MOVING_US
    return grant.from_us <= at_us and (ends_us is None or at_us <= ends_us)
