"""A bound on how fast one device may speak, so that it cannot drown the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from agent.site.inputs import CredentialRead, DeviceFlooded, Input, PointRead

READINGS_A_SECOND = 500
SLICE_S = 0.1
READINGS_A_SLICE = int(READINGS_A_SECOND * SLICE_S)
FIRST_AND_LAST = 2


class ReadingRate:
    """Lets readings through up to a rate; above it, thins out what each point says.

    Nothing is delayed below the rate. Above it, the first change and the last state of every
    point are told at the end of the slice of time: a press of a panic button in the middle of
    another input's flood is late, not lost. The site hears once a flood that it was one.
    """

    def __init__(self, device: str, tell: Callable[[Input], None]) -> None:
        self._device = device
        self._tell = tell
        self._slice_ends_s = 0.0
        self._taken = 0
        self._held: dict[str, list[PointRead]] = {}
        self._dropped = 0
        self._flooding = False
        self._later: asyncio.TimerHandle | None = None

    def take(self, reading: PointRead | CredentialRead) -> None:
        """Pass a reading on, now or at the end of the slice."""
        now_s = time.monotonic()
        if now_s >= self._slice_ends_s and self._later is None:
            self._slice_ends_s = now_s + SLICE_S
            self._taken = 0
            self._flooding = False
        self._taken += 1
        if self._taken <= READINGS_A_SLICE and self._later is None:
            self._tell(reading)
        else:
            self._hold(reading, now_s)

    def _hold(self, reading: PointRead | CredentialRead, now_s: float) -> None:
        if self._later is None:
            loop = asyncio.get_running_loop()
            self._later = loop.call_later(max(0.0, self._slice_ends_s - now_s), self._flush)
        if isinstance(reading, CredentialRead):  # readers cannot flood by people: it is dropped
            self._dropped += 1
            return
        kept = self._held.setdefault(reading.point, [])
        if len(kept) == FIRST_AND_LAST:
            self._dropped += 1
            kept.pop()
        kept.append(reading)

    def _flush(self) -> None:
        self._later = None
        held, self._held = self._held, {}
        if self._dropped and not self._flooding:
            point = next(iter(held), "")
            at_us = time.monotonic_ns() // 1000
            self._tell(DeviceFlooded(self._device, point, self._dropped, at_us))
            self._flooding = True
        self._dropped = 0
        for reading in sorted((r for kept in held.values() for r in kept), key=_at):
            self._tell(reading)
        self._slice_ends_s = time.monotonic() + SLICE_S
        self._taken = len(held)

    def end(self) -> None:
        """Tell what is held and stop."""
        if self._later is not None:
            self._later.cancel()
            self._flush()


def _at(reading: PointRead) -> int:
    return reading.at_us
