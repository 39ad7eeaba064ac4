"""A camera: motion, and everything that keeps it from seeing.

Each is a point of the camera's device, in `alarm` while it lasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from agent.site import tables
from agent.site.inputs import ActionAnswered, Json, Outcome, PointState
from agent.site.machine import Machine, State
from agent.site.point import Change
from agent.site.step import Release, Severity
from agent.site.value import replace

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


class Eye(State, frozen=True, kw_only=True):
    """What is known of a camera.

    Attributes:
        masking: the action that masks its picture, while its answer is awaited.
        masked: whether its host was told of masks.
    """

    masking: int | None = None
    masked: bool = False


class Camera(Machine[Eye]):
    """One camera."""

    noun = "camera"

    def __init__(self, given: tables.Camera, house: House) -> None:
        super().__init__(house.register, given.id, Eye())
        self._plan = given
        self.area = given.area
        self.device = given.id
        self._house = house
        self._area = house.areas[given.area]
        self._area.cameras.append(self)
        self._motion = house.point(f"{given.id}.{MOTION}").watch(self.key, self._moved)
        self._points = {
            name: house.point(f"{given.id}.{name}").watch(self.key, partial(self._changed, name))
            for name in CONDITIONS
        }

    def is_normal(self) -> bool:
        """Return whether it sees: no condition of it is in alarm."""
        return all(p.state.settled is not PointState.ALARM for p in self._points.values())

    def awaited(self) -> tuple[int, ...]:
        return () if self.state.masking is None else (self.state.masking,)

    def ready(self, turn: Turn) -> None:
        """Hear that its host is up: it is told what it must not look at."""
        if self._plan.masks:
            self._mask(turn)

    def on_configured(self, turn: Turn) -> None:
        """Its host goes on, and is told what it must not look at from now on."""
        there = self._house.devices[self.device].is_normal()
        if there and (self._plan.masks or self.state.masked):
            self._mask(turn)

    def _mask(self, turn: Turn) -> None:
        masks: list[Json] = [[[x, y] for x, y in mask] for mask in self._plan.masks]
        target = f"{self.device}.masks"
        action = turn.act(self, target, "mask", Release.NOW, masks=masks, timeout_ms=8000)
        self.state = replace(self.state, masking=action, masked=bool(masks))

    def on_answer(self, turn: Turn, answer: ActionAnswered) -> None:
        if answer.action == self.state.masking:
            self.state = replace(self.state, masking=None)
            if answer.outcome is not Outcome.DONE:
                reason = f"it is not masked: {answer.reason or answer.outcome}"
                data: dict[str, Json] = {"area": self.area, "reason": reason}
                turn.event("device.faulted", self.id, data, source=self.key, device=self.device)

    def on_restart(self, turn: Turn) -> None:
        self.state = Eye()

    def _moved(self, turn: Turn, change: Change) -> None:
        if change.after is PointState.ALARM:
            self.say(turn, "camera.motion_started", at=turn.now.at(change.at_us))
        elif change.before is PointState.ALARM:
            self.say(turn, "camera.motion_ended", at=turn.now.at(change.at_us))

    def _changed(self, name: str, turn: Turn, change: Change) -> None:
        if change.after is PointState.ALARM:
            self._blind(turn, CONDITIONS[name], change)
        elif change.after is PointState.NORMAL and change.before is PointState.ALARM:
            self.say(turn, "camera.cleared", at=turn.now.at(change.at_us), condition=name)

    def _blind(self, turn: Turn, kind: str, change: Change) -> None:
        """Tell that it does not see; while that is no alarm, it is a fault all the same."""
        quiet = self._plan.blind_alarm == "armed" and not self._area.armed
        turn.event(
            kind,
            self.id,
            {"area": self.area},
            source=self.key,
            device=self.device,
            at=turn.now.at(change.at_us),
            severity=Severity.FAULT if quiet else None,
            raises=False if quiet else None,
        )

    def view(self) -> Json:
        """Return what it is like now."""
        return {
            "id": self.id,
            "area": self.area,
            "motion": self._motion.view() == PointState.ALARM,
            "conditions": [n for n, p in self._points.items() if p.view() == PointState.ALARM],
        }
