"""What a loop may measure in each of its states, in the converter's codes. Pure.

The converter compares the channel's voltage with the reference voltage that also feeds the pull-up
resistor, so a code says `loop / (loop + pull-up)`, whatever the supply. Of each resistance the
lowest that it may be (its tolerance, and damp insulation of `LEAK_OHM` across it) and the highest
(its tolerance, and the cable's own resistance) make a band; the converter's errors widen it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from drivers.contract import PointState

LEAK_OHM = 100_000  # a cable whose insulation is worse than this counts as damaged
# Total unadjusted error, in codes: integral, offset and gain error at their worst together.
# Microchip DS21295 (MCP3008): 1 + 1.5 + 1; DS21298 (MCP3208-C): 2 + 3 + 5; one for rounding.
BITS = {"mcp3008": 10, "mcp3208": 12}
ERROR = {"mcp3008": 5, "mcp3208": 11}
HYSTERESIS = {"mcp3008": 4, "mcp3208": 16}  # 0.4 % of the scale
MOST_OHM = 999_999  # what an open loop is said to measure


@dataclass(frozen=True, slots=True)
class Resistors:
    """What all loops of one converter have in common.

    Attributes:
        adc: "mcp3008" or "mcp3208".
        pull_up_ohm: from each channel to the reference voltage.
        tolerance_pct: of every resistor.
        cable_ohm: the longest cable's resistance, out and back.
    """

    adc: str
    pull_up_ohm: int
    tolerance_pct: int
    cable_ohm: int

    @property
    def full(self) -> int:
        """How many codes there are."""
        return 1 << BITS[self.adc]

    def ohms(self, code: int) -> int:
        """Return the resistance that a code stands for."""
        return min(MOST_OHM, self.pull_up_ohm * code // max(1, self.full - code))

    def codes(self, least_ohm: float, most_ohm: float) -> tuple[int, int]:
        """Return the lowest and the highest code between two resistances (0 and inf allowed)."""
        low = _ratio(least_ohm, self.pull_up_ohm * (1 + self.tolerance_pct / 100))
        high = _ratio(most_ohm, self.pull_up_ohm * (1 - self.tolerance_pct / 100))
        error, last = ERROR[self.adc], self.full - 1
        return max(0, int(low * self.full) - error), min(last, int(high * self.full) + error)

    def resistor(self, ohm: float) -> tuple[int, int]:
        """Return the codes of a loop that ends in a resistance."""
        spread = self.tolerance_pct / 100
        least = ohm * (1 - spread)
        return self.codes(
            least * LEAK_OHM / (least + LEAK_OHM), ohm * (1 + spread) + self.cable_ohm
        )

    def reference(self) -> tuple[int, int]:
        """Return the codes of the channel between two equal resistors."""
        spread, error = self.tolerance_pct / 100, ERROR[self.adc] + HYSTERESIS[self.adc]
        return (
            int((1 - spread) / 2 * self.full) - error,
            int((1 + spread) / 2 * self.full) + error,
        )


@dataclass(frozen=True, slots=True)
class Band:
    """One state, and the codes (both included) that mean it."""

    state: PointState
    low: int
    high: int


class Bands:
    """The bands of one loop, lowest first.

    Attributes:
        resistors: what its codes are worth.
    """

    def __init__(self, resistors: Resistors, bands: Sequence[Band]) -> None:
        self.resistors = resistors
        self._bands = tuple(sorted(bands, key=lambda band: band.low))
        self._normal = next(band for band in self._bands if band.state is PointState.NORMAL)
        self._hysteresis = HYSTERESIS[resistors.adc]

    def __iter__(self) -> Iterator[Band]:
        return iter(self._bands)

    def overlaps(self) -> Iterator[tuple[Band, Band]]:
        """Yield neighbours that cannot be told apart for sure."""
        for lower, upper in pairwise(self._bands):
            if upper.low - lower.high <= 2 * self._hysteresis:
                yield lower, upper

    def of(self, code: int, before: Band | None) -> Band | None:
        """Return the band of a code; None where it is in none.

        Args:
            code: the converter's.
            before: the band that it was in, which it leaves only by the hysteresis.
        """
        step = self._hysteresis
        if before is not None and before.low - step <= code <= before.high + step:
            return before
        return next((band for band in self._bands if band.low <= code <= band.high), None)

    def state(self, code: int, band: Band | None) -> PointState:
        """Return what a reading means.

        One that is in no band is a loop that is not as it was wired, and nobody knows how: it is
        never called normal, nor a mere alarm, which nobody hears of by day.
        """
        if band is not None:
            return band.state
        return PointState.OPEN if code > self._normal.high else PointState.SHORT

    def keeps(self, band: Band | None) -> range:
        """Return the codes that leave a band as it is."""
        if band is None:
            return range(0)
        return range(band.low - self._hysteresis, band.high + self._hysteresis + 1)


def _ratio(loop_ohm: float, pull_up_ohm: float) -> float:
    return 1.0 if loop_ohm == float("inf") else loop_ohm / (loop_ohm + pull_up_ohm)
