"""What one loop's measurements become: readings, at once and never by mistake. Pure.

What differs from the state last told is measured again after `AGAIN_US`, so that one bad transfer
tells nothing; when it still differs it is told, dated at the first measurement. Where it does not,
the first was a spike; the third of those within `SPIKES_US` is told all the same, so that no
rhythm hides an input.

A return to normal is told only when it has lasted from one round to the next, and dated then. So
an input seems no shorter than it is, however rarely it is measured, and one of 400 ms passes every
debouncing that the site knows (EN 60839-11-1).
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from drivers.contract import Json, PointReading, PointState
from drivers.eol.bands import Band, Bands

AGAIN_US = 5_000
SPIKES_US = 1_000_000
SPIKES = 3
NORMAL = PointState.NORMAL


class First(NamedTuple):
    """The first measurement that differs from what was told."""

    at_us: int
    normal: bool


class Loop:
    """One loop, and what was last told of it.

    Args:
        name: of the point.
        bands: what it may measure.
        rest_us: how long it must be normal to be told so: nearly from one round to the next.

    Attributes:
        code: as last measured.
        keeps: the codes that change nothing while nothing is `pending`.
        told: the state last told.
    """

    def __init__(self, name: str, bands: Bands, rest_us: int) -> None:
        self.name = name
        self.code = 0
        self.keeps = range(0)
        self.told = PointState.UNKNOWN
        self._rest_us = rest_us
        self._bands = bands
        self._band: Band | None = None
        self._first: First | None = None
        self._spikes_us: deque[int] = deque(maxlen=SPIKES - 1)

    @property
    def ohms(self) -> int:
        """What it measures."""
        return self._bands.resistors.ohms(self.code)

    @property
    def pending(self) -> bool:
        """Whether its last measurement was something new that is not told yet."""
        return self._first is not None

    @property
    def again(self) -> bool:
        """Whether it is to be measured again soon, and not only in the next round."""
        return self._first is not None and not self._first.normal

    def first(self, code: int, at_us: int) -> PointReading:
        """Take the first measurement; return it as the present state."""
        self.code = code
        return self._tell(self._bands.of(code, None), at_us)

    def measured(self, code: int, at_us: int) -> PointReading | None:
        """Take a measurement; return what there is to tell."""
        self.code = code
        band = self._bands.of(code, self._band)
        state = self._bands.state(code, band)
        normal = state is NORMAL
        first = self._first
        if first is not None and (state is self.told or normal != first.normal):
            self._forget(first)
            first = None
        if state is self.told:
            self._band, self.keeps = band, self._bands.keeps(band)
            return None
        if first is None and (normal or not self._restless(at_us)):
            self._first = First(at_us, normal)
            return None
        if normal and first is not None and at_us - first.at_us < self._rest_us:
            return None
        return self._tell(band, at_us if normal or first is None else first.at_us)

    def _forget(self, first: First) -> None:
        self._first = None
        if not first.normal:
            self._spikes_us.append(first.at_us)

    def _restless(self, at_us: int) -> bool:
        """Whether it spiked so often of late that this one counts."""
        full = len(self._spikes_us) == SPIKES - 1
        return full and at_us - self._spikes_us[0] <= SPIKES_US

    def _tell(self, band: Band | None, at_us: int) -> PointReading:
        self._band, self.told = band, self._bands.state(self.code, band)
        self.keeps = self._bands.keeps(band)
        self._first = None
        self._spikes_us.clear()
        detail: dict[str, Json] = {"ohms": self.ohms}
        if band is None:
            detail["outside"] = True
        return PointReading(self.name, self.told, at_us, detail)
