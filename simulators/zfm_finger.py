"""Fingers as a ZFM module sees them, and the window that they are laid on.

A finger is 512 bytes of features. No two impressions of it are the same: each differs in a
few bytes. How alike two of them are is the score.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

TEMPLATE_BYTES = 512
IMAGE_BYTES = 256 * 288 // 2  # 256 x 288 pixels of 4 bits
BLURRED_BYTES = 20  # of an impression, that differ from the finger's own
SCORE_AT_MOST = 250


@dataclass(frozen=True, slots=True)
class Finger:
    """What lies on the window.

    Attributes:
        name: for people.
        features: 512 bytes.
        flaw: the code with which a module refuses its image, or to convert it; or 0.
    """

    name: str
    features: bytes
    flaw: int = 0

    @classmethod
    def named(cls, name: str) -> Finger:
        """Return the finger of this name, always the same one."""
        return cls(name, hashlib.shake_256(name.encode()).digest(TEMPLATE_BYTES))

    def impression(self, chance: random.Random) -> Finger:
        """Return what one image of it shows."""
        features = bytearray(self.features)
        for place in chance.sample(range(TEMPLATE_BYTES), BLURRED_BYTES):
            features[place] = chance.randrange(256)
        return Finger(self.name, bytes(features), self.flaw)

    def image(self) -> bytes:
        """Return its picture, two pixels a byte, the left one in the high nibble."""
        tile = IMAGE_BYTES // TEMPLATE_BYTES
        return b"".join(bytes([feature]) * tile for feature in self.features)


def score(features: bytes, others: bytes) -> int:
    """Return how alike two sets of features are: strangers' fingers 0 to 5, one's own > 200."""
    same = sum(a == b for a, b in zip(features, others, strict=False))
    return same * SCORE_AT_MOST // TEMPLATE_BYTES


class Window:
    """The glass, and the finger on it until it is lifted.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._finger: Finger | None = None
        self._until_s = clock()

    def lay(self, finger: Finger, hold_ms: int | None) -> None:
        """Lay a finger for `hold_ms`, or (None) until `lift`."""
        self._finger = finger
        self._until_s = float("inf") if hold_ms is None else self._clock() + hold_ms / 1000

    def lift(self) -> None:
        """Take the finger away."""
        if self._finger is not None:
            self._until_s = min(self._until_s, self._clock())
        self._finger = None

    @property
    def clear_ms(self) -> int:
        """How long the glass has been clear; 0 while something lies there."""
        return 0 if self.finger else round((self._clock() - self._until_s) * 1000)

    @property
    def finger(self) -> Finger | None:
        """What lies there now."""
        if self._clock() >= self._until_s:
            self._finger = None
        return self._finger
