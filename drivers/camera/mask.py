"""What must not be looked at, nor kept: black in every picture, before anything else sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

PERMILLE = 1000
CORNERS = 2  # a mask of so many points is a rectangle between them

Masks: TypeAlias = Sequence[NDArray[np.float64]]


def parse(given: Any) -> Masks:
    """Return polygons as parts of the picture.

    Args:
        given: lists of points in thousandths of width and height, or of two opposite corners.

    Raises:
        ValueError: it is something else.
    """
    try:
        return [_polygon([(float(x), float(y)) for x, y in mask]) for mask in given]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"masks are lists of [x, y] in thousandths; there was {given!r}"
        ) from error


def _polygon(points: list[tuple[float, float]]) -> NDArray[np.float64]:
    if len(points) == CORNERS:
        (left, top), (right, bottom) = points
        points = [(left, top), (right, top), (right, bottom), (left, bottom)]
    if len(points) <= CORNERS:
        raise ValueError(points)
    return np.array(points) / PERMILLE


def blacken(picture: NDArray[Any], masks: Masks) -> None:
    """Paint the masks into a picture, in place."""
    height, width = picture.shape[:2]
    for mask in masks:
        corners = np.round(mask * (width, height)).astype(np.int32)
        cv2.fillPoly(picture, [corners], (0, 0, 0))


def area(masks: Masks, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Return where a picture of that width and height is masked, borders included; None: nowhere.

    255 there, 0 elsewhere.
    """
    if not masks:
        return None
    found = np.zeros((size[1], size[0]), np.uint8)
    for mask in masks:
        corners = np.round(mask * size).astype(np.int32)
        cv2.fillPoly(found, [corners], (255,))
    return cv2.dilate(found, np.ones((9, 9), np.uint8))  # type: ignore[return-value]  # any dtype
