"""What the simulated serial modules' readers of frames share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

F = TypeVar("F")


class FrameReader(ABC, Generic[F]):
    """Finds frames in what arrives, however it is cut; skips what cannot be one."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def reset(self) -> None:
        """Forget the frame that was begun: the line was quiet for too long."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[F]:
        """Take in what arrived; return the frames that it completes."""
        self._buffer += data
        frames = []
        while frame := self._next():
            frames.append(frame)
        return frames

    @abstractmethod
    def _next(self) -> F | None:
        """Take the next whole frame out of the buffer; None: there is none yet."""
