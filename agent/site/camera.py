"""A camera: motion, and everything that keeps it from seeing.

Each is a point of the camera's device, in `alarm` while it lasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from agent.site import tables
from agent.site.inputs import Json, PointState
from agent.site.machine import Machine, State
from agent.site.point import Change

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

# Point of the camera's device: the event when it goes into alarm.
CONDITIONS: Mapping[str, str] = {
    "covered": "camera.covered",
    "blinded": "camera.blinded",
    "defocused": "camera.defocused",
    "moved": "camera.moved",
    "frozen": "camera.frozen",
    "dark": "camera.dark",
    "lost": "camera.lost",
}
MOTION = "motion"


class Camera(Machine[State]):
    """One camera."""

    noun = "camera"

    def __init__(self, given: tables.Camera, house: House) -> None:
        super().__init__(house.register, given.id, State())
        self.area = given.area
        self.device = given.id
        house.areas[given.area].cameras.append(self)
        self._motion = house.point(f"{given.id}.{MOTION}").watch(self._moved)
        self._points = {
            name: house.point(f"{given.id}.{name}").watch(partial(self._changed, name))
            for name in CONDITIONS
        }

    def is_normal(self) -> bool:
        """Return whether it sees: no condition of it is in alarm."""
        return all(p.state.settled is not PointState.ALARM for p in self._points.values())

    def _moved(self, turn: Turn, change: Change) -> None:
        if change.after is PointState.ALARM:
            self.say(turn, "camera.motion_started", at=turn.now.at(change.at_us))
        elif change.before is PointState.ALARM:
            self.say(turn, "camera.motion_ended", at=turn.now.at(change.at_us))

    def _changed(self, name: str, turn: Turn, change: Change) -> None:
        if change.after is PointState.ALARM:
            self.say(turn, CONDITIONS[name], at=turn.now.at(change.at_us))
        elif change.after is PointState.NORMAL and change.before is PointState.ALARM:
            self.say(turn, "camera.cleared", at=turn.now.at(change.at_us), condition=name)

    def view(self) -> Json:
        """Return what it is like now."""
        return {
            "id": self.id,
            "area": self.area,
            "motion": self._motion.view() == PointState.ALARM,
            "conditions": [n for n, p in self._points.items() if p.view() == PointState.ALARM],
        }
