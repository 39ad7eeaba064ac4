"""A zone: a supervised input that detects something.

A cut or shorted wire (`open`, `short`) is tampering, whatever the zone's kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.site import tables
from agent.site.inputs import Json, PointState
from agent.site.machine import Machine, State
from agent.site.point import Change

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn


class Zone(Machine[State]):
    """One zone."""

    noun = "zone"

    def __init__(self, given: tables.Zone, house: House) -> None:
        super().__init__(house.register, given.id, State())
        self._plan = given
        self._point = house.point(given.point).watch(self._changed, given.debounce_ms)
        self.area, self.device = given.area, self._point.device

    def is_normal(self) -> bool:
        return self._point.is_normal()

    def _changed(self, turn: Turn, change: Change) -> None:
        match change.after:
            case PointState.UNKNOWN:
                pass  # its device is away, which is told of the device
            case PointState.NORMAL:
                if change.before is not PointState.UNKNOWN:
                    before = str(change.before)
                    self.say(
                        turn,
                        "point.normal",
                        about=self._plan.point,
                        at_us=change.at_us,
                        before=before,
                    )
            case PointState.ALARM if self._plan.kind != "tamper":
                self._alarm(turn, "zone.alarmed", change)
            case _:
                self._alarm(turn, "zone.tampered", change)

    def _alarm(self, turn: Turn, event: str, change: Change) -> None:
        kind, state = self._plan.kind, str(change.after)
        self.say(turn, event, at_us=change.at_us, kind=kind, state=state)

    def view(self) -> Json:
        """Return its present state."""
        return {"id": self.id, "area": self._plan.area, "point": self._point.view()}
