"""The end of a host's process, wherever its driver hangs.

`faulthandler` has a thread that needs no interpreter, which a library may keep to itself. On its
way it says where that was: to a host's standard output, which nobody reads.
"""

from __future__ import annotations

import faulthandler
import time

NOWHERE = 1  # standard output


class Lifetime:
    """How long the process has left; for ever until it is first put off.

    Attributes:
        beat_ms: how often the end is to be put off; None: not yet.
    """

    def __init__(self) -> None:
        self.beat_ms: float | None = None
        self._next_s = 0.0

    def begin(self, stuck_s: float) -> None:
        """End the process once it has not put this off for so long, and half as long again."""
        self.beat_ms = stuck_s * 1000 / 2
        self.go_on()

    def go_on(self) -> None:
        """Put the end off, if it was begun and is time."""
        if self.beat_ms is not None and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + self.beat_ms / 1000
            self._set(3 * self.beat_ms / 1000)

    def end(self, grace_s: float) -> None:
        """End the process after this time, whatever happens."""
        self._set(grace_s)

    def _set(self, left_s: float) -> None:
        faulthandler.dump_traceback_later(left_s, exit=True, file=NOWHERE)
