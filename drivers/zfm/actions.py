"""What the site may ask of the reader: to learn a finger, to forget one, or all but some."""

from __future__ import annotations

from collections.abc import Callable

from drivers.contract import Action, now_us
from drivers.zfm.presence import Presence
from drivers.zfm.sensor import Sensor, Sight

Look = Callable[[], Sight]
CAN = "enrol, delete, clear"


# The one error in here: an action that cannot be done; nothing was changed.
class ActionRefused(Exception):
    """Its text says why."""


class Actions:
    """Does an action, with the module to itself.

    Args:
        sensor: the module.
        presence: what `look` has seen.
        look: waits for a moment, then takes an image.
    """

    def __init__(self, sensor: Sensor, presence: Presence, look: Look) -> None:
        self._sensor = sensor
        self._presence = presence
        self._look = look
        self._verbs = {"enrol": self._enrol, "delete": self._delete, "clear": self._clear}

    def do(self, action: Action) -> None:
        """Do it.

        Raises:
            ActionRefused: it cannot be done.
        """
        verb = self._verbs.get(action.verb)
        if verb is None:
            raise ActionRefused(f"a fingerprint reader cannot {action.verb}; it can {CAN}")
        verb(action)

    def _position(self, target: str) -> int:
        capacity = self._sensor.parameters().capacity
        if not target.isdecimal() or int(target) >= capacity:
            raise ActionRefused(f"{target!r} is no position; they are 0 to {capacity - 1}")
        return int(target)

    def _delete(self, action: Action) -> None:
        position = self._position(action.target)
        if not self._sensor.in_use(position):
            raise ActionRefused(f"position {position} is empty")
        self._sensor.delete(position)

    def _clear(self, action: Action) -> None:
        """Forget all templates but those at the positions `keep`."""
        keep = action.args.get("keep")
        if not isinstance(keep, list):
            raise ActionRefused("clear needs keep, a list of positions")
        for position in self._sensor.positions():
            if position not in keep:
                self._sensor.delete(position)

    def _enrol(self, action: Action) -> None:
        """Learn a finger from two images, lifted before each of them."""
        position = self._position(action.target)
        timeout_ms = action.args.get("timeout_ms")
        if not isinstance(timeout_ms, int):
            raise ActionRefused("enrol needs timeout_ms")
        if self._sensor.in_use(position):
            raise ActionRefused(
                f"position {position} is in use; armoury reader clear frees what is nobody's here"
            )
        deadline_us = now_us() + timeout_ms * 1000
        self._await_finger(1, deadline_us)
        if known := self._sensor.search():
            raise ActionRefused(f"this finger is known already, at position {known.position}")
        self._await_finger(2, deadline_us)
        if not self._sensor.merge():
            raise ActionRefused("these were two different fingers, or laid too differently")
        self._sensor.store(position)

    def _await_finger(self, buffer: int, deadline_us: int) -> None:
        lifted = False
        while True:
            lifted = lifted or not self._presence.occupied
            sight = self._look()
            if lifted and sight is Sight.FINGER and self._sensor.convert(buffer):
                return
            if now_us() > deadline_us:
                wanted = "laid" if lifted else "lifted"
                raise ActionRefused(f"the finger was not {wanted} in time (image {buffer} of 2)")
