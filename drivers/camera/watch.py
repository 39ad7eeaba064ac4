"""From pictures to the states of a camera's points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from drivers.camera.lens import Hindrance, Lens
from drivers.camera.mask import Masks
from drivers.camera.motion import Grey, Motion, smoothed
from drivers.camera.options import Options
from drivers.contract import Json, PointReading, PointState

MS = 1000
S = 1_000_000
# One picture alone may be a decoder's slip; the next of five a second confirms it.
MOTION_RISE_US = 150 * MS
COVERED_RISE_US = 1 * S  # somebody who walks past the lens is no cover
MOVED_RISE_US = 2 * S  # nor has somebody who stands before it turned the camera
SLOW_RISE_US = 3 * S
FALL_US = 1 * S
# What each hindrance is told as.
TOLD_AS: Mapping[Hindrance, str] = {
    Hindrance.DARK: "covered",
    Hindrance.BLANK: "covered",
    Hindrance.BRIGHT: "blinded",
    Hindrance.OTHER_VIEW: "moved",
    Hindrance.SOFT: "defocused",
}


class Settled:
    """A condition as a point: in alarm and back only after it lasted a while.

    The first look decides at once.

    Args:
        point: its name.
        rise_us: how long it has to last to be an alarm.
        fall_us: how long it has to be over to be normal.
    """

    def __init__(self, point: str, rise_us: int, fall_us: int) -> None:
        self._point = point
        self._waits = {True: rise_us, False: fall_us}
        self._told: bool | None = None
        self._since_us: int | None = None  # when what is seen began to differ from what was told

    def look(self, on: bool, at_us: int, detail: Mapping[str, Json]) -> Iterator[PointReading]:
        """Take what is seen now; yield the point's state if that is news."""
        if on is self._told:
            self._since_us = None
            return
        if self._since_us is None:
            self._since_us = at_us
        if self._told is None or at_us - self._since_us >= self._waits[on]:
            self._told, self._since_us = on, None
            state = PointState.ALARM if on else PointState.NORMAL
            yield PointReading(self._point, state, at_us, detail)


class Watch:
    """Everything that is judged of a camera's pictures. Pure: time is an argument.

    Args:
        options: of the camera.
        masks: what is black in its pictures.
    """

    def __init__(self, options: Options, masks: Masks = ()) -> None:
        self._min_area_permille = options.min_area_permille
        self._motion = Motion(options.sensitivity)
        self._lens = Lens(masks)
        self._last: Grey | None = None
        self._points = {
            "motion": Settled("motion", MOTION_RISE_US, options.motion_hold_ms * MS),
            "covered": Settled("covered", COVERED_RISE_US, FALL_US),
            "blinded": Settled("blinded", COVERED_RISE_US, FALL_US),
            "moved": Settled("moved", MOVED_RISE_US, FALL_US),
            "defocused": Settled("defocused", SLOW_RISE_US, FALL_US),
            "dark": Settled("dark", SLOW_RISE_US, FALL_US),
            "frozen": Settled("frozen", options.frozen_s * S, 0),
        }

    def see(self, grey: Grey, at_us: int) -> Iterator[PointReading]:
        """Look at the next picture; yield what is news, at first the state of every point.

        Args:
            grey: the picture, height by width.
            at_us: when it was taken; never earlier than the one before.
        """
        smooth = smoothed(grey)
        area = self._motion.permille(smooth, at_us)
        moves = area >= self._min_area_permille
        yield from self._points["motion"].look(moves, at_us, {"area_permille": area})
        yield from self._see_lens(smooth, at_us)
        same = self._last is not None and np.array_equal(grey, self._last)
        yield from self._points["frozen"].look(same, at_us, {})
        self._last = grey

    def _see_lens(self, smooth: Grey, at_us: int) -> Iterator[PointReading]:
        """Yield what is news of the camera itself."""
        sight = self._lens.look(smooth, at_us)
        told_as = TOLD_AS[sight.hindrance] if sight.hindrance else ""
        for name in dict.fromkeys(TOLD_AS.values()):
            hindered = name == told_as
            why: dict[str, Json] = {"because": str(sight.hindrance)} if hindered else {}
            yield from self._points[name].look(hindered, at_us, why)
        yield from self._points["dark"].look(sight.dark, at_us, {})
