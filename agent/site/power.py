"""Power: the mains, the battery behind it, and stopping in good time.

A battery's point is in `alarm` while it is low; a reading may bring its charge
(`detail = {"pct": 0..100}`). At `shutdown_pct` without mains the gateway is stopped while it can
still say so, and below `restart_pct` it is stopped again when somebody starts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.site import tables
from agent.site.commands import Asked, Nothing, Refused
from agent.site.due import DAY_US, Due
from agent.site.inputs import ClockStepped, Json, PointRead, PointState
from agent.site.machine import SECOND_US, Machine, State
from agent.site.point import SEEING_US, Change
from agent.site.step import Release
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

TEST_DUE_D = 31  # standards.md: what alarms depend on is tested each month
TEST_US = 600 * SECOND_US  # so long somebody has for a test
TEST_AWAY_US = 60 * SECOND_US  # so long the battery has to carry the gateway in it

GATEWAY = ".gateway"  # an action for no device is for the gateway itself


class Supply(State, frozen=True, kw_only=True):
    """What is known of the supply.

    Attributes:
        since_us: wall time since which the mains are away; None while they are there.
        lost: whether that was told.
        low: whether it was told that the battery is low.
        pct: the charge when it was last read.
        exhausted: whether the gateway was stopped for want of it, and there is not yet enough.
        stopping: whether that was asked for in this run.
        tested_by: who was on site when the test began that is under way.
    """

    since_us: int | None = None
    lost: bool = False
    low: bool = False
    pct: int | None = None
    exhausted: bool = False
    stopping: bool = False
    tested_by: tuple[str, ...] = ()


class Power(Machine[Supply]):
    """The gateway's supply."""

    noun = "power"

    def __init__(self, given: tables.Power, house: House) -> None:
        super().__init__(house.register, house.plan.site.id, Supply())
        self._plan = given
        self._mains = house.point(given.mains).watch(self.key, self._mains_changed)
        battery = house.point(given.battery) if given.battery else None
        self._battery = battery.watch(self.key, self._see) if battery else None
        if given.undervoltage:
            house.point(given.undervoltage).watch(self.key, self._undervoltage)
        self.device = self._mains.device
        self._house = house
        self._test_due = Due("battery", TEST_DUE_D * DAY_US, house, self._test_overdue)

    def faults(self) -> dict[str, str]:
        """Return what of the supply keeps an area from being armed."""
        found: dict[str, str] = {}
        if not self._mains.known:
            found[self._mains.id] = "faulted"
        elif self.state.lost:
            found[self._mains.id] = "mains"
        if self._battery and self.state.low:
            found[self._battery.id] = "battery"
        return found

    def test(self, turn: Turn, asked: Asked[Nothing]) -> None:
        """`battery.test`: somebody on site takes the mains away for a minute or more."""
        if self._battery is None:
            raise Refused("no-battery")
        if self.state.since_us is not None or self.state.low or self.runs("test"):
            raise Refused("wrong-mode")
        persons = self._house.present(turn)
        if not persons:
            raise Refused("not-on-site")
        self.state = replace(self.state, tested_by=tuple(persons))
        self.start(turn, "test", TEST_US)

    def _tested(self, turn: Turn, reason: str = "") -> None:
        persons: list[Json] = [*self.state.tested_by]
        self.stop("test", "carried")
        self.state = replace(self.state, tested_by=())
        if reason:
            self._say(turn, "test.failed", what="battery", persons=persons, reason=reason)
        else:
            self._test_due.done(turn)
            self._say(turn, "test.passed", what="battery", persons=persons)

    def _test_overdue(self, turn: Turn) -> None:
        if self._battery:
            self._say(turn, "zone.test_overdue", what="battery", due_d=TEST_DUE_D)

    def read(self, turn: Turn, read: PointRead) -> None:
        """Take in a reading of any point: the battery's may bring its charge."""
        if self._battery and read.ref == self._battery.id and "pct" in read.detail:
            self._charged(turn, read.detail["pct"])

    def _charged(self, turn: Turn, pct: Json) -> None:
        if type(pct) is int and 0 <= pct <= 100 and pct != self.state.pct:
            self.state = replace(self.state, pct=pct)
            self._judge(turn)

    def _see(self, turn: Turn, change: Change) -> None:
        self._judge(turn)

    def _judge(self, turn: Turn) -> None:
        """Say that the battery is low, or stop, or take both back."""
        low = self._is_low()
        if low and not self.state.low:
            self._say(turn, "power.battery_low", pct=self.state.pct)
            if self.state.tested_by:
                self._tested(turn, "battery-low")
        self.state = replace(self.state, low=low)
        pct = self.state.pct
        if self.state.since_us is None or (pct is not None and pct >= self._plan.restart_pct):
            self.state = replace(self.state, exhausted=False)
        elif pct is not None and self._seen and self._too_low(pct):
            self._stop(turn)

    @property
    def _seen(self) -> bool:
        """Whether the mains were looked at in this run, or there was time enough for it."""
        return self._mains.known or not self.runs("seeing")

    def _too_low(self, pct: int) -> bool:
        return self.state.exhausted or pct <= self._plan.shutdown_pct

    def _is_low(self) -> bool:
        contact = self._battery.state.settled if self._battery else PointState.NORMAL
        if contact not in (PointState.NORMAL, PointState.UNKNOWN):
            return True
        return self.state.pct is not None and self.state.pct < self._plan.restart_pct

    def _stop(self, turn: Turn) -> None:
        if not self.state.stopping:
            self.state = replace(self.state, exhausted=True, stopping=True)
            self._say(turn, "power.battery_low", pct=self.state.pct, stopping=True)
            turn.act(self, GATEWAY, "stop", Release.ALARM, reason="battery")

    def _mains_changed(self, turn: Turn, change: Change) -> None:
        match change.after:
            case PointState.UNKNOWN:
                pass  # its board is away, which is told of the board
            case PointState.NORMAL:
                self._back(turn, change)
            case _ if self.state.since_us is None:
                self.state = replace(self.state, since_us=turn.now.at(change.at_us).utc_us)
                self.start(turn, "report", self._plan.mains_report_s * SECOND_US, change.at_us)
                if self.state.tested_by:
                    self.start(turn, "carried", TEST_AWAY_US, change.at_us)
                self._judge(turn)

    def _back(self, turn: Turn, change: Change) -> None:
        since_us, lost = self.state.since_us, self.state.lost
        away_us = 0 if since_us is None else turn.now.at(change.at_us).utc_us - since_us
        self.stop("report", "carried")
        self.state = replace(self.state, since_us=None, lost=False)
        if lost:
            self._say(turn, "power.mains_back", away_s=max(0, away_us) // SECOND_US)
        self._judge(turn)

    def on_timer(self, turn: Turn, name: str) -> None:
        match name:
            case "test":
                self._tested(turn, "mains-stayed")
            case "carried":
                self._tested(turn)
            case "seeing":
                self._judge(turn)
            case "report":
                self.state = replace(self.state, lost=True)
                self._say(turn, "power.mains_lost", pct=self.state.pct)

    def clock_stepped(self, turn: Turn, what: ClockStepped) -> None:
        """Keep how long the mains have been away."""
        super().clock_stepped(turn, what)
        if self.state.since_us is not None:
            since_us = self.state.since_us + what.after_us - what.before_us
            self.state = replace(self.state, since_us=since_us)

    def on_configured(self, turn: Turn) -> None:
        """Its readings go on."""

    def on_restart(self, turn: Turn) -> None:
        self.stop("test", "carried")  # and nobody has looked at the charge yet
        self.state = replace(self.state, pct=None, stopping=False, tested_by=())
        if self.runs("report") and not self.left_us(turn, "report"):
            self.start(turn, "report", SEEING_US)  # they may be back: that is seen first
        self.start(turn, "seeing", SEEING_US)

    def _undervoltage(self, turn: Turn, change: Change) -> None:
        if change.after not in (PointState.NORMAL, PointState.UNKNOWN):
            self._say(turn, "power.undervoltage", device=change.device)

    def _say(self, turn: Turn, kind: str, device: str = "", **data: Json) -> None:
        turn.event(kind, self.id, data, source=self.key, device=device or self.device)

    def view(self) -> Json:
        """Return how the supply is."""
        return {
            "mains": self._mains.view(),
            "lost": self.state.lost,
            "low": self.state.low,
            "pct": self.state.pct,
            "battery": bool(self._battery),
            "test": self._test_due.view(),
        }
