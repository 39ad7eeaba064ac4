"""The end of a host's process, wherever its driver hangs.

`faulthandler` has a thread that needs no interpreter, which a library may keep to itself. On its
way it says where that was: to a host's standard output, which nobody reads.
"""

from __future__ import annotations

import faulthandler
import time

BEAT_S = 1  # how often the end is put off, at the most
NOWHERE = 1  # standard output


class Lifetime:
    """How long the process has left; for ever until it is first put off."""

    def __init__(self) -> None:
        self._stuck_s = 0.0
        self._next_s = 0.0

    def begin(self, stuck_s: float) -> None:
        """End the process once it cannot put this off for so long."""
        self._stuck_s = stuck_s + BEAT_S
        self.go_on()

    def go_on(self) -> None:
        """Put the end off, if it was begun and is time; to be called every `BEAT_S`."""
        if self._stuck_s and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + BEAT_S
            self._set(self._stuck_s)

    def end(self, grace_s: float) -> None:
        """End the process after this time, whatever happens."""
        self._set(grace_s)

    def _set(self, left_s: float) -> None:
        faulthandler.dump_traceback_later(left_s, exit=True, file=NOWHERE)
