"""What stands before the simulated lens: drawn pictures of an arms store.

A scene is a short film that has happened once, then a loop that goes on for ever. Both are
finished JPEG pictures, made when the scene is first asked for, so that showing them costs
nothing. The loop's pictures differ by a sensor's noise, as a real camera's do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]
Point: TypeAlias = tuple[float, float]
Colour: TypeAlias = tuple[int, int, int]  # blue, green, red

DRAWN_AT = (1280, 720)  # twice the usual size; the reduction smooths every edge
JPEG_QUALITY = 80
NOISE = 2.5  # standard deviation of a grey level, a lit store
FILM_FPS = 10
LOOP = 8  # pictures; enough that no eye and no detector sees it return

CONCRETE: Colour = (168, 174, 176)
FLOOR: Colour = (92, 98, 104)
STEEL: Colour = (120, 112, 104)
DARK_STEEL: Colour = (58, 54, 52)
CRATE: Colour = (62, 92, 74)
GUNMETAL: Colour = (38, 36, 34)
STOCK: Colour = (40, 66, 104)
LAMP: Colour = (240, 250, 252)
COAT: Colour = (54, 44, 40)
TROUSERS: Colour = (74, 60, 52)
SKIN: Colour = (128, 160, 206)
PALM: Colour = (26, 30, 58)
GLOW: Colour = (34, 40, 92)


@dataclass(frozen=True, slots=True)
class Scene:
    """JPEG pictures, `FILM_FPS` of them a second: `film` once, then `loop` for ever."""

    film: tuple[bytes, ...]
    loop: tuple[bytes, ...]

    def at(self, elapsed_s: float) -> bytes:
        """Return the picture `elapsed_s` after the scene began."""
        index = int(elapsed_s * FILM_FPS)
        if index < len(self.film):
            return self.film[index]
        return self.loop[(index - len(self.film)) % len(self.loop)]


def encode(picture: Picture) -> bytes:
    """Return `picture` as JPEG."""
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return jpeg.tobytes()


def draw(name: str, size: tuple[int, int]) -> Scene:
    """Make the scene called `name` (a key of `SCENES`) at `size` (width, height) pixels."""
    film, still, noise = SCENES[name]()
    random = np.random.default_rng(len(name))

    def finish(picture: Picture) -> bytes:
        _caption(picture)
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        grain = random.normal(0.0, noise, (*small.shape[:2], 1))
        return encode(np.clip(small + grain, 0, 255).astype(np.uint8))

    return Scene(
        film=tuple(map(finish, film)),
        loop=tuple(finish(still) for _ in range(LOOP)),
    )


def _empty() -> tuple[list[Picture], Picture, float]:
    return [], _store(), NOISE


def _person() -> tuple[list[Picture], Picture, float]:
    """Somebody walks in from the left, in 3 s, and stops before the rack."""
    steps = 3 * FILM_FPS
    film = []
    for step in range(steps):
        picture = _store()
        _walker(picture, x=-60 + step / steps * 820, stride=math.sin(step * 0.9))
        film.append(picture)
    still = _store()
    _walker(still, x=760, stride=0.0)
    return film, still, NOISE


def _hand() -> tuple[list[Picture], Picture, float]:
    """A hand comes from below, in 0.6 s, and stays on the lens."""
    return [_palm(share) for share in (0.2, 0.4, 0.6, 0.75, 0.9, 0.97)], _palm(1.0), NOISE


def _dark() -> tuple[list[Picture], Picture, float]:
    """The lamp goes out."""
    return [], (_store() * 0.03).astype(np.uint8), 1.2


SCENES: dict[str, Callable[[], tuple[list[Picture], Picture, float]]] = {
    "empty": _empty,
    "person": _person,
    "hand": _hand,
    "dark": _dark,
}


def _store() -> Picture:
    picture = np.empty((DRAWN_AT[1], DRAWN_AT[0], 3), np.uint8)
    picture[:] = CONCRETE
    _room(picture)
    _shelves(picture)
    _rack(picture)
    return picture


def _caption(picture: Picture) -> None:
    """Write the camera's name as the camera does: over the picture, whatever that shows."""
    cv2.rectangle(picture, (40, 40), (300, 76), DARK_STEEL, -1)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, "ARMOURY  CAM 1", (52, 67), font, 0.85, LAMP, 2, cv2.LINE_AA)


def _room(picture: Picture) -> None:
    _area(picture, [(0, 720), (0, 600), (180, 500), (1100, 500), (1280, 600), (1280, 720)], FLOOR)
    _area(picture, [(0, 0), (180, 90), (180, 500), (0, 600)], (150, 156, 158))
    _area(picture, [(1280, 0), (1100, 90), (1100, 500), (1280, 600)], (146, 152, 154))
    _area(picture, [(0, 0), (1280, 0), (1100, 90), (180, 90)], (188, 192, 194))
    _area(picture, [(560, 22), (740, 22), (720, 56), (580, 56)], LAMP)
    for x in range(220, 1100, 110):  # joints of the concrete blocks
        cv2.line(picture, (x, 90), (x, 500), (160, 166, 168), 2, cv2.LINE_AA)
    for y in range(150, 500, 70):
        cv2.line(picture, (180, y), (1100, y), (158, 164, 166), 2, cv2.LINE_AA)


def _shelves(picture: Picture) -> None:
    for x in (230, 520):
        cv2.rectangle(picture, (x, 170), (x + 10, 510), DARK_STEEL, -1)
    for row, y in enumerate((230, 320, 410, 500)):
        cv2.rectangle(picture, (224, y), (536, y + 10), STEEL, -1)
        for box in range(3 - row % 2):
            left = 250 + box * 94 + row * 6
            cv2.rectangle(picture, (left, y - 52), (left + 78, y - 1), CRATE, -1)
            cv2.rectangle(picture, (left, y - 52), (left + 78, y - 1), DARK_STEEL, 2)
            cv2.line(picture, (left + 26, y - 30), (left + 52, y - 30), CONCRETE, 3)


def _rack(picture: Picture) -> None:
    cv2.rectangle(picture, (700, 180), (1060, 510), (100, 94, 88), -1)
    cv2.rectangle(picture, (700, 180), (1060, 510), DARK_STEEL, 5)
    for slot in range(6):
        x = 740 + slot * 56
        cv2.rectangle(picture, (x - 3, 205), (x + 3, 330), GUNMETAL, -1)  # barrel
        cv2.rectangle(picture, (x - 9, 330), (x + 9, 400), GUNMETAL, -1)  # receiver
        _area(picture, [(x - 7, 400), (x + 7, 400), (x + 15, 484), (x - 11, 484)], STOCK)
        _area(picture, [(x + 9, 372), (x + 24, 412), (x + 14, 416), (x + 2, 384)], GUNMETAL)
    for y in (245, 440):
        cv2.rectangle(picture, (704, y), (1056, y + 9), STEEL, -1)


def _walker(picture: Picture, x: float, stride: float) -> None:
    """Draw somebody of 430 pixels' height, feet at `x`; `stride` -1 to 1 swings the legs."""
    hip, shoulder, foot = (x, 440.0), (x + 6, 300.0), 650.0
    for side in (-1, 1):
        knee = (x + side * stride * 34 + 6, 545.0)
        ankle = (x + side * stride * 62, foot - abs(stride) * 8)
        _limb(picture, [hip, knee, ankle, (ankle[0] + 24, foot)], TROUSERS, 36)
        hand = (x - side * stride * 52 + 16, 440.0)
        _limb(picture, [shoulder, (x - side * stride * 26 - 4, 372.0), hand], COAT, 27)
        cv2.circle(picture, _whole(hand), 14, SKIN, -1, cv2.LINE_AA)
    _area(picture, [(x - 40, 285), (x + 46, 285), (x + 38, 460), (x - 36, 460)], COAT)
    cv2.ellipse(picture, _whole((x + 8, 250)), (27, 34), 0, 0, 360, SKIN, -1, cv2.LINE_AA)
    cv2.ellipse(picture, _whole((x + 2, 238)), (29, 26), 0, 150, 380, DARK_STEEL, -1, cv2.LINE_AA)


def _palm(share: float) -> Picture:
    """Return the store with a hand over `share` of the lens, out of focus as it is so near."""
    width, height = DRAWN_AT
    skin = np.full((height // 8, width // 8, 3), PALM, np.uint8)
    for x in range(26, width // 8, 36):  # light glows through where the fingers meet
        cv2.line(skin, (x, 0), (x + 5, 60), GLOW, 6)
    near = cv2.resize(cv2.GaussianBlur(skin, (0, 0), 5), DRAWN_AT, interpolation=cv2.INTER_LINEAR)
    rows = np.arange(height, dtype=np.float32)
    edge = height * (1 - 1.3 * share)
    cover = np.clip((rows - edge) / 60, 0, 1)[:, None, None]
    return (_store() * (1 - cover) + near * cover).astype(np.uint8)


def _area(picture: Picture, corners: list[Point], colour: Colour) -> None:
    cv2.fillPoly(picture, [np.array(corners, np.int32)], colour, cv2.LINE_AA)


def _limb(picture: Picture, joints: list[Point], colour: Colour, thickness: int) -> None:
    cv2.polylines(picture, [np.array(joints, np.int32)], False, colour, thickness, cv2.LINE_AA)


def _whole(point: Point) -> tuple[int, int]:
    return round(point[0]), round(point[1])
