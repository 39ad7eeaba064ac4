"""The reader's loop: look at the window, read what is laid there, do what is asked."""

from __future__ import annotations

from dataclasses import asdict

from drivers.contract import (
    Action,
    CredentialReading,
    DeviceConfused,
    DeviceError,
    Json,
    Link,
    Outcome,
    PointReading,
    PointState,
    Stopped,
    now_us,
)
from drivers.zfm.actions import ActionRefused, Actions
from drivers.zfm.options import Options
from drivers.zfm.presence import Presence
from drivers.zfm.sensor import Sensor, Sight

IDENTITY_US = 5_000_000  # a module can be changed at its own wires, behind the serial adapter
RETRY_S = 0.03  # a finger that could not be read yet is looked at again soon


class Watch:
    """Looks at an unlocked module until `Stopped`.

    Args:
        link: to the daemon.
        sensor: the module.
        options: the reader's.
    """

    def __init__(self, link: Link, sensor: Sensor, options: Options) -> None:
        self._link = link
        self._sensor = sensor
        self._options = options
        self._presence = Presence(options.covered_s * 1_000_000)
        self._actions = Actions(sensor, self._presence, self._look_while_busy)
        self._seen_us = 0
        self._recognise()

    def run(self) -> None:
        """Say that the reader is ready, and watch."""
        self._link.ready(self._identity)
        self._report_window()
        while True:
            if action := self._link.next_action(self._pause_s()):
                self._act(action)
            self._check_identity()
            if self._look() is Sight.FINGER and self._presence.fresh:
                self._read()

    def _pause_s(self) -> float:
        """Hurry while a finger could not be read yet, until it is clear that it is none."""
        hurry = self._presence.fresh and self._presence.window is PointState.NORMAL
        return RETRY_S if hurry else self._options.poll_ms / 1000

    def _look(self) -> Sight:
        sight = self._sensor.take_image()
        self._seen_us = now_us()
        if self._presence.see(sight is not Sight.NOTHING, self._seen_us):
            self._report_window()
        return sight

    def _read(self) -> None:
        """Report whose finger the last image shows; nothing when it is too poor to tell."""
        if not self._sensor.convert(1):
            return
        match = self._sensor.search()
        known = match is not None and match.score >= self._options.threshold
        self._presence.read()
        self._link.report(
            CredentialReading(
                kind="finger",
                reference=str(match.position) if match and known else None,
                at_us=self._seen_us,
                score=match.score if match else None,
            )
        )

    def _report_window(self) -> None:
        self._link.report(PointReading("window", self._presence.window, now_us()))

    def _recognise(self) -> None:
        """Take the module for the right one, as it is now."""
        self._identity = identity(self._sensor)
        self._checked_us = now_us()

    def _check_identity(self) -> None:
        if self._presence.fresh or now_us() - self._checked_us < IDENTITY_US:
            return  # a person comes first
        before = self._identity
        self._recognise()
        changed = [
            f"{key} {before[key]} is {now}"
            for key, now in self._identity.items()
            if now != before[key]
        ]
        if changed:
            raise DeviceConfused(
                f"{self._options.port}: the reader is not what it was ({', '.join(changed)}); "
                "see whether somebody changed the module"
            )

    def _act(self, action: Action) -> None:
        try:
            self._actions.do(action)
            self._recognise()  # it holds a template more, or less
        except ActionRefused as refused:
            self._link.answer(action, Outcome.REFUSED, str(refused))
        except (DeviceError, Stopped) as error:
            self._link.answer(action, Outcome.UNKNOWN, str(error) or "the agent stopped over it")
            raise
        else:
            self._link.answer(action, Outcome.DONE)

    def _look_while_busy(self) -> Sight:
        """Look again after a moment; refuse what else is asked meanwhile."""
        if other := self._link.next_action(self._options.poll_ms / 1000):
            self._link.answer(other, Outcome.REFUSED, "the reader is busy with an enrolment")
        sight = self._look()
        self._presence.read()  # it is the enrolment's finger, not somebody at the door
        return sight


def identity(sensor: Sensor) -> dict[str, Json]:
    """Return what would show that this is another module."""
    return asdict(sensor.parameters()) | {"templates": sensor.count()}
