"""A panic button: silent, latched, heard in every state of the system. It is not debounced.

A broker's acknowledgement is not the monitor's: the panic is repeated until the monitor
acknowledges it by command. A press while it is repeated makes it be told again at once. A cut or
shorted wire is a press. A test is announced for one button and takes its first press within
`TEST_US`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.site import tables
from agent.site.commands import Asked, PanicNamed, Refused
from agent.site.due import HOUR_US, Due
from agent.site.inputs import Json, Origin, PointState
from agent.site.machine import SECOND_US, Machine, State
from agent.site.point import Change
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

TEST_US = 60 * SECOND_US


class Latch(State, frozen=True, kw_only=True):
    """What is known of a button.

    Attributes:
        raised: whether it was pressed, and that alarm is open and the monitor's to acknowledge.
        owed: the numbers of alarms that were closed here before the monitor acknowledged them.
        times: how often it was repeated.
        tested_by: who announced the test that is running.
    """

    raised: bool = False
    owed: tuple[str, ...] = ()
    times: int = 0
    tested_by: str | None = None


class Panic(Machine[Latch]):
    """One button."""

    noun = "panic"

    def __init__(self, given: tables.Panic, house: House) -> None:
        super().__init__(house.register, given.id, Latch())
        self._plan = given
        self._point = house.point(given.point).watch(self.key, self._changed)
        self.area, self.device = given.area, self._point.device
        self._area = house.areas[given.area]
        self._house = house
        every_us = given.test_due_h * HOUR_US
        self._test_due = Due(f"panic {given.id}", every_us, house, self._test_overdue)

    def is_normal(self) -> bool:
        return self._point.is_normal()

    def test(self, turn: Turn, asked: Asked[PanicNamed]) -> None:
        """`panic.test`: take the next press as a test, somebody on site or afar stands for it."""
        if self.state.raised or not self.is_normal():
            raise Refused("panic-raised")
        if self.runs("test"):  # announced again and again it would never be told as failed
            raise Refused("wrong-mode")
        if asked.origin is Origin.LOCAL and not self._house.present(turn):
            raise Refused("not-on-site")
        self.state = replace(self.state, tested_by=asked.by)
        self.start(turn, "test", TEST_US + 1)  # its last instant is inside

    def on_timer(self, turn: Turn, name: str) -> None:
        match name:
            case "repeat":
                self._repeat(turn, "not-acknowledged")
            case "stuck":
                self._stuck(turn)
            case "test":
                self.state = replace(self.state, tested_by=None)
                self.say(turn, "test.failed", what="panic", reason="not-pressed")

    def _test_overdue(self, turn: Turn) -> None:
        self.say(turn, "zone.test_overdue", what="panic", due_h=self._plan.test_due_h)

    def on_monitor_knows(self, turn: Turn) -> None:
        self.state = replace(self.state, raised=False)
        self._rest()

    def on_unknown_closed(self, alarm: str) -> None:
        # Closing it here is no acknowledgement: the repeats go on, and a press is a new alarm.
        self.state = replace(self.state, raised=False, owed=(*self.state.owed, alarm))

    def on_closed_known(self, turn: Turn, alarm: str) -> bool:
        if alarm not in self.state.owed:
            return False
        self.state = replace(self.state, owed=tuple(a for a in self.state.owed if a != alarm))
        self._rest()
        return True

    def about(self) -> dict[str, Json]:
        """Return what an alarm of it says of it, for one that is closed and known no more."""
        return {
            "cause": "panic.raised",
            "object": self.id,
            "source": self.key,
            "area": self.area,
            "silent": self._plan.silent or None,
        }

    def _rest(self) -> None:
        """Repeat no more, once the monitor knows all."""
        if not (self.state.raised or self.state.owed):
            self.stop("repeat")
            self.state = replace(self.state, times=0)

    def _stuck(self, turn: Turn) -> None:
        """Tell that it is held; while its board is away nobody knows, and it is asked again."""
        if self._point.known:
            self.say(turn, "panic.stuck", held_s=self._plan.stuck_s)
        else:
            self.start(turn, "stuck", self._plan.stuck_s * SECOND_US)

    def on_restart(self, turn: Turn) -> None:
        self.stop("test")
        self.state = replace(self.state, tested_by=None)
        if not self._house.alarms.unknown_of(self.key):  # closed while the file had no such button
            self.on_monitor_knows(turn)

    def _changed(self, turn: Turn, change: Change) -> None:
        if change.after is PointState.UNKNOWN:
            pass  # its board is away, which is told of the board
        elif change.after is PointState.NORMAL:
            self.stop("stuck")
            if change.before is not PointState.UNKNOWN:
                self.say(turn, "point.normal", about=self._plan.point, before=str(change.before))
        else:
            self._pressed(turn, change)

    def _pressed(self, turn: Turn, change: Change) -> None:
        self.start(turn, "stuck", self._plan.stuck_s * SECOND_US)
        if self.state.tested_by is not None and change.after is PointState.ALARM:
            by, self.state = self.state.tested_by, replace(self.state, tested_by=None)
            self.stop("test")
            self._test_due.done(turn)
            self.say(turn, "panic.tested", by=by)
        elif self.state.raised:
            self._repeat(turn, "pressed")
        else:
            self.state = replace(self.state, raised=True, times=0)
            silent = self._plan.silent or None
            self.say(turn, "panic.raised", state=str(change.after), silent=silent)
            self.start(turn, "repeat", self._plan.repeat_s * SECOND_US)
            if not self._plan.silent:
                self._area.sound(turn)

    def _repeat(self, turn: Turn, cause: str) -> None:
        self.state = replace(self.state, times=self.state.times + 1)
        self.say(turn, "panic.repeated", cause=cause, times=self.state.times)
        # What was closed here, somebody has seen to: it is told on, and sounds no more.
        if cause == "not-acknowledged" and self.state.raised and self._plan.escalate_output:
            self._house.sounders[self._plan.escalate_output].sound(turn)
        self.start(turn, "repeat", self._plan.repeat_s * SECOND_US)

    def view(self) -> Json:
        """Return its present state."""
        return {
            "id": self.id,
            "area": self._plan.area,
            "point": self._point.view(),
            "raised": self.state.raised or bool(self.state.owed),
            "test": self._test_due.view(),
        }
