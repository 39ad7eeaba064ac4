"""Whether something lies on the reader's window, told from a row of images. Pure."""

from __future__ import annotations

from drivers.contract import PointState

EMPTY_IMAGES = 2  # so many in a row, and the finger was lifted: one alone may be a twitch


class Presence:
    """One presentation: a finger comes, is read once, and goes.

    Args:
        covered_us: something that lies there for longer covers the window.

    Attributes:
        window: NORMAL, or ALARM while the window is covered.
        fresh: something lies there that was not read yet.
    """

    def __init__(self, covered_us: int) -> None:
        self._covered_us = covered_us
        self._since_us: int | None = None
        self._empty = 0
        self.window = PointState.NORMAL
        self.fresh = False

    @property
    def occupied(self) -> bool:
        """Whether something lies there."""
        return self._since_us is not None

    def see(self, something: bool, at_us: int) -> bool:
        """Take in what an image shows; return whether `window` has changed."""
        before = self.window
        if something:
            self._see_something(at_us)
        else:
            self._see_nothing()
        return self.window is not before

    def read(self) -> None:
        """What lies there was read; it is not fresh any more."""
        self.fresh = False

    def _see_something(self, at_us: int) -> None:
        self._empty = 0
        if self._since_us is None:
            self._since_us = at_us
            self.fresh = True
        if at_us - self._since_us >= self._covered_us:
            self.window = PointState.ALARM

    def _see_nothing(self) -> None:
        self._empty += 1
        if self._empty >= EMPTY_IMAGES:
            self._since_us = None
            self.fresh = False
            self.window = PointState.NORMAL
