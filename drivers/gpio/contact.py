"""What an input's changes become: readings at once, and never more than 50 a second. Pure.

The first change is reported when it arrives. Then the pin has `WINDOW_US` in which changes are
only counted; after that its true level is read, because a bouncing contact's last change may
have been lost on the way (in a filter, in a full pipe). That reading is reported where it
differs from the last one or changes were counted, and starts another window.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.contract import Json, PointReading, PointState

WINDOW_US = 20_000  # 50 readings a second; an input of 400 ms counts (EN 60839-11-1)
LATE_US = 250_000  # how long the board's report of a change may be under way


@dataclass(slots=True)
class Contact:
    """One input and what was last reported of it.

    Attributes:
        name: of the point.
        pin: BCM number.
        normal: the level that means `normal`.
        level: as last reported.
        due_us: when its level is to be read again; None while it is at rest.
        missed: whether it changed and the board never said so.
    """

    name: str
    pin: int
    normal: bool
    level: bool | None = None
    due_us: int | None = None
    missed: bool = False
    _counted: int = 0
    _last_us: int = 0
    _last_level: bool | None = None
    _suspect: bool = False

    def first(self, level: bool, at_us: int) -> PointReading:
        """Take the level read at start; return it as the present state."""
        reading = self._report(level, at_us, at_us)
        self.due_us = None  # it is no change: the next one is reported at once
        return reading

    def changed(self, level: bool, at_us: int) -> PointReading | None:
        """Take a change that the board reported."""
        if not self.settling:
            return None if level == self.level else self._report(level, at_us, at_us)
        self._counted += 1
        self._last_us, self._last_level = at_us, level
        return None

    def supervised(self, level: bool, at_us: int) -> None:
        """Take a level that was read without cause: does a report of the board lack?"""
        if self.due_us is None and level != self.level:
            self._suspect, self.due_us = True, at_us + LATE_US

    def settled(self, level: bool, at_us: int) -> PointReading | None:
        """Take the level read at `due_us`."""
        if level == self.level and not self._counted:
            self._suspect, self.due_us = False, None
            return None
        self.missed = self._suspect
        dated_us = self._last_us if self._counted and level == self._last_level else at_us
        return self._report(level, dated_us, at_us)

    @property
    def settling(self) -> bool:
        """Whether changes are only counted now, until it is due."""
        return self.due_us is not None and not self._suspect

    def _report(self, level: bool, dated_us: int, now_us: int) -> PointReading:
        dropped = self._counted - (level != self.level and self._counted > 0)
        detail: dict[str, Json] = {"dropped": dropped} if dropped else {}
        state = PointState.NORMAL if level == self.normal else PointState.ALARM
        self.level, self.due_us = level, now_us + WINDOW_US
        self._counted, self._suspect = 0, False
        return PointReading(self.name, state, dated_us, detail)
