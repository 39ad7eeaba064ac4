"""How much of the picture moves: this picture against the one of a second ago.

A second is long enough for somebody who creeps, and short enough that what has come to rest is
forgotten at once: no background to learn, no ghost where somebody stood. What changes with the
light is taken out first: the ratio of brightness between the two pictures is measured over a
coarse grid, and the brighter side darkened by it.
"""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Grey: TypeAlias = NDArray[np.uint8]

LAG_US = 1_000_000
GRID = (5, 3)  # columns, rows; a cell is larger than a person, so that it follows the light
BLUR = (5, 5)  # pixels
SPECK = np.ones((3, 3), np.uint8)  # what is smaller is noise, too
DARKEST = 8.0  # grey levels; keeps the ratio of two dark cells finite
PERMILLE = 1000


def threshold(sensitivity: int) -> float:
    """Return by how many grey levels a pixel must change: 5 at sensitivity 100, 35 at 1."""
    return 35.0 - 30.0 * (sensitivity - 1) / 99


def smoothed(grey: Grey) -> Grey:
    """Return the picture with little of the sensor's noise left."""
    return cv2.GaussianBlur(grey, BLUR, 0)  # type: ignore[return-value]  # cv2's stubs: any dtype


class Motion:
    """Compares pictures as they come.

    Args:
        sensitivity: 1 to 100.
    """

    def __init__(self, sensitivity: int) -> None:
        self._threshold = threshold(sensitivity)
        self._past: deque[tuple[int, Grey]] = deque()

    def permille(self, grey: Grey, at_us: int) -> int:
        """Return how much of `grey`, in thousandths, differs from the picture before.

        Args:
            grey: the picture, `smoothed`, height by width.
            at_us: when it was taken; never earlier than the one before.
        """
        if self._past and self._past[0][1].shape != grey.shape:
            self._past.clear()  # another resolution: nothing to compare with
        self._past.append((at_us, grey))
        while len(self._past) > 1 and self._past[1][0] <= at_us - LAG_US:
            self._past.popleft()
        return _differing(grey, self._past[0][1], self._threshold)


def _differing(now: Grey, before: Grey, threshold: float) -> int:
    ratio = _light(now) / _light(before)
    one = _shaded(now, np.minimum(1.0, 1.0 / ratio))
    other = _shaded(before, np.minimum(1.0, ratio))
    changed = (cv2.absdiff(one, other) > threshold).astype(np.uint8)
    return PERMILLE * cv2.countNonZero(cv2.erode(changed, SPECK)) // changed.size


def _light(grey: Grey) -> NDArray[np.float32]:
    """Return the brightness of each cell of the grid."""
    cells = cv2.resize(grey, GRID, interpolation=cv2.INTER_AREA)
    return cells.astype(np.float32) + np.float32(DARKEST)


def _shaded(grey: Grey, factor: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `grey` times `factor`, which is given by cell and smooth between them."""
    size = grey.shape[1], grey.shape[0]
    smooth = cv2.resize(factor, size, interpolation=cv2.INTER_LINEAR)
    shaded: NDArray[np.float32] = cv2.multiply(grey, smooth, dtype=cv2.CV_32F)  # type: ignore[assignment]
    return shaded
