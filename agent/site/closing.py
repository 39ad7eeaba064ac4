"""Closing time: an area that its schedule wants armed at the end of the day.

Whoever is there is warned, and may postpone it a few times. An area that cannot be armed then
is told as *late to close*; nothing is ever overridden, and nothing ever disarms by itself.
Each date closes once, however the clock is set; one that nobody saw the end of closes late, unless
something has opened since. An untrusted clock closes nothing.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from agent.site.commands import AreaNamed, Asked, Refused
from agent.site.inputs import ClockStepped
from agent.site.machine import SECOND_US, Machine, State
from agent.site.point import SEEING_US
from agent.site.schedule import Hours
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.area import Area
    from agent.site.house import House
    from agent.site.turn import Turn


class Day(State, frozen=True, kw_only=True):
    """What is known of the present day.

    Attributes:
        closed: the last date that has closed.
        day: the date whose closing comes next.
        warned: the last date before whose closing people were warned.
        postponed: how often the next closing was put off.
    """

    closed: date | None = None
    day: date | None = None
    warned: date | None = None
    postponed: int = 0


class Closing(Machine[Day]):
    """The end of an area's day."""

    noun = "closing"

    def __init__(self, area: Area, hours: Hours, house: House) -> None:
        super().__init__(house.register, area.id, Day())
        self.area = area.id
        self._area = area
        self._hours = hours
        self._house = house

    def is_open(self, turn: Turn) -> bool:
        """Return whether the area may be open now; an untrusted clock does not know."""
        return not turn.now.trusted or self._hours.is_open(turn.now.at(turn.at_us).utc_us)

    def plan(self, turn: Turn, not_before_us: int = 0) -> None:
        """Set the timers anew: after a start, a closing, or a step of the clock."""
        self.stop("warn", "close")
        utc_us = turn.now.at(turn.at_us).utc_us
        if not turn.now.trusted:
            return
        closing_us = self._next(utc_us)
        if closing_us is None:
            return
        closing_us += self.state.postponed * self._area.plan.postpone_s * SECOND_US
        self.start(turn, "close", max(not_before_us, closing_us - utc_us))
        if self._area.plan.autoarm and self.state.warned != self.state.day:
            warn_us = closing_us - self._area.plan.warn_s * SECOND_US
            self.start(turn, "warn", max(0, warn_us - utc_us))

    def _next(self, utc_us: int) -> int | None:
        """Choose the date that closes next, and return when its last span ends."""
        if self.state.day is not None and self.state.postponed:
            return self._hours.closing_us(self.state.day)
        today, closed = self._hours.today(utc_us), self.state.closed
        if closed is None or closed > today + timedelta(days=1):
            # At the first start, or set back by days: what is over today was not ours.
            closing_us = self._hours.closing_us(today)
            over = closing_us is not None and closing_us <= utc_us
            closed = today if over else today - timedelta(days=1)
        found = self._hours.next_closing(closed, utc_us)
        self.state = replace(self.state, closed=closed, day=found[0] if found else None)
        return found[1] if found else None

    def postpone(self, turn: Turn, asked: Asked[AreaNamed]) -> None:
        """`area.postpone`: somebody on site puts today's closing off."""
        if not self.runs("close") or self._area.state.mode != "disarmed":
            raise Refused("wrong-mode")
        if not self.state.postponed and self.state.day != self._hours.today(
            turn.now.at(turn.at_us).utc_us
        ):
            raise Refused("wrong-mode")  # today's is over, and tomorrow's nobody puts off today
        if self.state.postponed >= self._area.plan.postpone_max:
            raise Refused("postponed-enough")
        persons = self._house.on_site(turn, 1)
        self.state = replace(self.state, postponed=self.state.postponed + 1, warned=None)
        self.plan(turn)
        left_s = (self.state.timers["close"].due_us - turn.at_us) // SECOND_US
        times = self.state.postponed
        self.say(turn, "area.postponed", persons=list(persons), times=times, left_s=left_s)

    def on_timer(self, turn: Turn, name: str) -> None:
        match name:
            case "warn":
                self._warn(turn)
            case "close":
                self._close(turn)
            case "late" if self._area.state.mode == "disarmed":
                self.say(turn, "area.late_to_close")

    def _warn(self, turn: Turn) -> None:
        self.state = replace(self.state, warned=self.state.day)
        if self._area.state.mode == "disarmed":
            left_s = (self.state.timers["close"].due_us - turn.at_us) // SECOND_US
            self.say(turn, "area.warned", left_s=left_s)
            self._area.buzz(turn)

    def _close(self, turn: Turn) -> None:
        self.state = replace(self.state, closed=self.state.day, postponed=0)
        by_itself = self._area.plan.autoarm and self._area.state.mode == "disarmed"
        if by_itself and not self._area.arm_by_schedule(turn):
            self.say(turn, "area.late_to_close")
        elif not self._area.armed:  # also while it is being armed: that may fail
            self.start(turn, "late", self._area.plan.late_close_s * SECOND_US)
        self.plan(turn)

    def not_armed(self, turn: Turn) -> None:
        """Hear that arming failed during its exit delay: what was to arm by itself is late."""
        if self._area.plan.autoarm and self.runs("late"):
            self.stop("late")
            self.say(turn, "area.late_to_close")

    def clock_stepped(self, turn: Turn, what: ClockStepped) -> None:
        """Plan the day by the clock as it is now."""
        super().clock_stepped(turn, what)
        self.plan(turn)

    def on_restart(self, turn: Turn) -> None:
        self.plan(turn, SEEING_US)
