"""Whether the lens sees what it used to: the edges of the room are what it goes by.

Light makes edges stronger or weaker; only something before the lens, a blow to the camera, a
turned focus ring or darkness makes most of them vanish. Which of these it was, brightness,
sharpness and the coarse shapes of the room tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.camera.mask import Masks, area
from drivers.camera.motion import PERMILLE, Grey

NEIGHBOURS = np.ones((3, 3), np.uint8)
STRONG = 24  # grey levels between neighbours: an edge of the room
WEAK = 10  # any edge
DIMMED = 3  # an edge of the room is there if it has this part of its strength
LEAST_KEPT = 0.25  # of the room's strong edges; fewer, and the lens does not see it
BLANK_PERMILLE = 20  # of the picture; fewer pixels on edges than in any room
DIM = 45  # mean grey level: too little light to know anybody by
DARK = 20
BRIGHT = 235
FIRST_LOOKS = 10  # pictures from which the reference is made; then it only follows
MEMORY_US = 60_000_000  # in which the reference follows a change in the room
COARSE = (32, 18)  # pixels: what is left of a room when it is out of focus
SAME_ROOM = 0.8  # correlation of the coarse pictures
SOFT = 0.35  # of the sharpness that the room has: out of focus


class Hindrance(StrEnum):
    """Why the camera cannot see the room."""

    DARK = "dark"
    BRIGHT = "bright"
    BLANK = "blank"  # something near and out of focus, or a wall
    OTHER_VIEW = "other view"  # sharp edges, but not the room's: turned away, or a cloth
    SOFT = "soft"  # the room, out of focus


@dataclass(frozen=True, slots=True)
class Sight:
    """What one picture shows of the camera itself."""

    hindrance: Hindrance | None
    dark: bool


class Lens:
    """Compares pictures with a slowly learned reference of the room.

    Args:
        masks: what is black in the pictures: its borders are no edges of the room.
    """

    def __init__(self, masks: Masks = ()) -> None:
        self._masks = masks
        self._masked: tuple[tuple[int, int], Grey | None] = ((0, 0), None)
        self._room: NDArray[np.float32] | None = None
        self._sharpness = 0.0
        self._looks = 0
        self._last_us = 0

    def look(self, grey: Grey, at_us: int) -> Sight:
        """Return what is to be seen of the camera itself.

        Args:
            grey: the picture, `smoothed`, height by width.
            at_us: when it was taken.
        """
        level = self._level(grey)
        return Sight(self._hindrance(grey, level, at_us), dark=level < DIM)

    def _hindrance(self, grey: Grey, level: float, at_us: int) -> Hindrance | None:
        edges, sharpness = self._edges(grey), self._sharpness_of(grey)
        blank = PERMILLE * np.count_nonzero(edges > WEAK) < BLANK_PERMILLE * edges.size
        soft = self._known(grey) and sharpness < SOFT * self._sharpness
        if not blank and self._sees_room(edges):
            if soft:
                return Hindrance.SOFT
            self._learn(grey, sharpness, at_us)
            return None
        if level < DARK:
            return Hindrance.DARK
        if level > BRIGHT:
            return Hindrance.BRIGHT
        if soft and self._looks_alike(grey):
            return Hindrance.SOFT
        return Hindrance.BLANK if blank else Hindrance.OTHER_VIEW

    def _known(self, grey: Grey) -> bool:
        """Return whether the room is known well enough to be missed."""
        learned = self._room is not None and self._room.shape == grey.shape
        return learned and self._looks >= FIRST_LOOKS

    def _sees_room(self, edges: Grey) -> bool:
        """Return whether the room's edges are there, more of them than by chance."""
        if self._room is None or not self._known(edges):
            return True
        room = self._edges(self._room.astype(np.uint8))
        strong = room > STRONG
        kept = float((edges > room // DIMMED)[strong].mean()) if strong.any() else 0.0
        chance = float((edges > WEAK).mean())
        return kept - chance >= LEAST_KEPT * (1 - chance)

    def _looks_alike(self, grey: Grey) -> bool:
        """Return whether the large shapes are the room's."""
        if self._room is None:
            return False
        pictures = (grey.astype(np.float32), self._room)
        one, other = (cv2.resize(p, COARSE, interpolation=cv2.INTER_AREA) for p in pictures)
        return float(cv2.matchTemplate(one, other, cv2.TM_CCOEFF_NORMED)[0, 0]) >= SAME_ROOM

    def _learn(self, grey: Grey, sharpness: float, at_us: int) -> None:
        if self._room is None or self._room.shape != grey.shape:
            self._room, self._looks, self._sharpness = grey.astype(np.float32), 0, sharpness
        self._looks += 1
        share = min(1.0, max(1 / self._looks, (at_us - self._last_us) / MEMORY_US))
        cv2.accumulateWeighted(grey, self._room, share)
        self._sharpness += share * (sharpness - self._sharpness)
        self._last_us = at_us

    def _level(self, grey: Grey) -> float:
        """Return the mean grey level of what is not masked."""
        masked = self._masked_at((grey.shape[1], grey.shape[0]))
        return float(cv2.mean(grey, None if masked is None else cv2.bitwise_not(masked))[0])

    def _sharpness_of(self, grey: Grey) -> float:
        """Return how fine the picture's detail is, whatever its contrast."""
        fine = cv2.Laplacian(grey, cv2.CV_32F)
        masked = self._masked_at((grey.shape[1], grey.shape[0]))
        if masked is not None:
            fine[masked > 0] = 0.0
        return float(fine.var()) / (float(grey.var()) + 1.0)

    def _edges(self, grey: Grey) -> Grey:
        """Return by how much each pixel's neighbourhood differs in itself."""
        edges: Grey = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, NEIGHBOURS)  # type: ignore[assignment]
        masked = self._masked_at((grey.shape[1], grey.shape[0]))
        return edges if masked is None else cv2.subtract(edges, masked)  # type: ignore[return-value]

    def _masked_at(self, size: tuple[int, int]) -> Grey | None:
        if self._masked[0] != size:
            self._masked = size, area(self._masks, size)
        return self._masked[1]
