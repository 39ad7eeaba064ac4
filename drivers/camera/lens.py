"""Whether the lens sees what it used to: the edges of the room are what it goes by.

Light makes edges stronger or weaker; only something before the lens, a blow to the camera or
darkness makes most of them vanish.
"""

from __future__ import annotations

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
LEAST_KEPT = 0.25  # of the room's strong edges; fewer, and the lens is covered
BLANK_PERMILLE = 20  # of the picture; fewer pixels on edges than in any room
DARK = 20  # mean grey level
BRIGHT = 235
FIRST_LOOKS = 10  # pictures from which the reference is made; then it only follows
MEMORY_US = 60_000_000  # in which the reference follows a change in the room


class Hindrance(StrEnum):
    """Why the camera cannot see the room."""

    DARK = "dark"
    BRIGHT = "bright"
    BLANK = "blank"  # something near and out of focus, or a wall
    OTHER_VIEW = "other view"  # edges, but not the room's: turned away, or a cloth


class Lens:
    """Compares pictures with a slowly learned reference of the room.

    Args:
        masks: what is black in the pictures: its borders are no edges of the room.
    """

    def __init__(self, masks: Masks = ()) -> None:
        self._masks = masks
        self._masked: tuple[tuple[int, int], Grey | None] = ((0, 0), None)
        self._room: NDArray[np.float32] | None = None
        self._looks = 0
        self._last_us = 0

    def hindrance(self, grey: Grey, at_us: int) -> Hindrance | None:
        """Return what hinders the view in this picture.

        Args:
            grey: the picture, `smoothed`, height by width.
            at_us: when it was taken.
        """
        edges = self._edges(grey)
        blank = PERMILLE * np.count_nonzero(edges > WEAK) < BLANK_PERMILLE * edges.size
        if not blank and self._sees_room(edges):
            self._learn(grey, at_us)
            return None
        level = float(grey.mean())
        if level < DARK:
            return Hindrance.DARK
        if level > BRIGHT:
            return Hindrance.BRIGHT
        return Hindrance.BLANK if blank else Hindrance.OTHER_VIEW

    def _sees_room(self, edges: Grey) -> bool:
        """Return whether the room's edges are there, more of them than by chance."""
        if self._room is None or self._room.shape != edges.shape or self._looks < FIRST_LOOKS:
            return True
        room = self._edges(self._room.astype(np.uint8))
        strong = room > STRONG
        kept = float((edges > room // DIMMED)[strong].mean()) if strong.any() else 0.0
        chance = float((edges > WEAK).mean())
        return kept - chance >= LEAST_KEPT * (1 - chance)

    def _learn(self, grey: Grey, at_us: int) -> None:
        if self._room is None or self._room.shape != grey.shape:
            self._room, self._looks = grey.astype(np.float32), 0
        self._looks += 1
        share = max(1 / self._looks, (at_us - self._last_us) / MEMORY_US)
        cv2.accumulateWeighted(grey, self._room, min(1.0, share))
        self._last_us = at_us

    def _edges(self, grey: Grey) -> Grey:
        """Return by how much each pixel's neighbourhood differs in itself."""
        edges: Grey = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, NEIGHBOURS)  # type: ignore[assignment]
        masked = self._masked_at((grey.shape[1], grey.shape[0]))
        return edges if masked is None else cv2.subtract(edges, masked)  # type: ignore[return-value]

    def _masked_at(self, size: tuple[int, int]) -> Grey | None:
        if self._masked[0] != size:
            self._masked = size, area(self._masks, size)
        return self._masked[1]
