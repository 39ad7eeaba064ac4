"""The last pictures, as JPEGs in memory: what was seen before anybody knew that it mattered."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

RING_US = 60_000_000  # the longest that anybody asks for
RING_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, and when it was taken."""

    at_us: int
    jpeg: bytes


class Ring:
    """Holds the newest pictures, as many as time and memory allow.

    Args:
        most_us: how long a picture is held.
        most_bytes: how much all of them may take.
    """

    def __init__(self, most_us: int = RING_US, most_bytes: int = RING_BYTES) -> None:
        self._most_us, self._most_bytes = most_us, most_bytes
        self._pictures: deque[Picture] = deque()
        self._bytes = 0

    def add(self, picture: Picture) -> None:
        """Take the newest picture, and let go of the oldest."""
        self._pictures.append(picture)
        self._bytes += len(picture.jpeg)
        while len(self._pictures) > 1 and (
            self._bytes > self._most_bytes
            or self._pictures[0].at_us < picture.at_us - self._most_us
        ):
            self._bytes -= len(self._pictures.popleft().jpeg)

    def clear(self) -> None:
        """Forget all pictures."""
        self._pictures.clear()
        self._bytes = 0

    def between(self, from_us: int, to_us: int) -> Iterator[Picture]:
        """Yield the pictures of a span, both ends included."""
        return (one for one in self._pictures if from_us <= one.at_us <= to_us)

    def nearest(self, at_us: int) -> Picture | None:
        """Return the picture that was taken nearest to an instant."""
        return min(self._pictures, key=lambda one: abs(one.at_us - at_us), default=None)
