"""An MCP3004/3008 or MCP3204/3208 on the SPI bus, and the loops that are wired to its channels.

A transfer is what the master clocks out while the chip select is low; the answer has a bit for
each. The converter waits for the start bit, takes the single/differential bit and D2-D0, samples
for a clock, and sends a null bit and the result, highest bit first; then the result's other bits
lowest first, then zeros. Before the null bit its output drives nothing: here such a bit reads 1.

Each channel measures a loop between it and ground, pulled up to the reference voltage.

Source: Microchip DS21295 (MCP3004/3008), sections 5.0 and 6.1, figures 5-1, 6-1, table 5-2;
DS21298 (MCP3204/3208), the same sections.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

CHANNELS = 8
BITS = {"mcp3008": 10, "mcp3208": 12}
COMMAND_BITS = 4  # single/differential, D2, D1, D0
CUT_OHM = 1e9


class Wire(StrEnum):
    """How a loop is."""

    NORMAL = "normal"
    ALARM = "alarm"
    OPEN = "open"
    SHORT = "short"


class Lost(StrEnum):
    """What its data line does where the chip is not there."""

    LOW = "low"
    HIGH = "high"
    NOISE = "noise"


@dataclass(slots=True)
class Loop:
    """What is wired to one channel: nothing at first.

    Attributes:
        ohms: of the loop in each state that it was wired for.
        pull_up_ohm: from the channel to the reference voltage; None: there is none.
        state: how it is.
        measures: a resistance that stands there whatever the state says.
        drift_ohm_s: by how much it grows each second since `since_s`.
        noise: the standard deviation of a reading, in parts of the full scale.
    """

    ohms: dict[Wire, float] = field(default_factory=dict)
    pull_up_ohm: float | None = None
    state: Wire = Wire.NORMAL
    measures: float | None = None
    drift_ohm_s: float = 0.0
    since_s: float = 0.0
    noise: float = 0.0

    def resistance(self, now_s: float) -> float:
        """Return the resistance to ground."""
        fixed = {Wire.OPEN: CUT_OHM, Wire.SHORT: 0.0}
        ohms = self.measures
        if ohms is None:
            ohms = {**fixed, **self.ohms}.get(self.state, CUT_OHM)
        return max(0.0, ohms + self.drift_ohm_s * (now_s - self.since_s))

    def ratio(self, now_s: float) -> float:
        """Return the channel's voltage in parts of the reference voltage."""
        if self.pull_up_ohm is None:
            return random.uniform(0.0, 0.2)  # nothing is wired: it floats
        ohms = self.resistance(now_s)
        return ohms / (ohms + self.pull_up_ohm) + random.gauss(0.0, self.noise)


class Adc:
    """One converter.

    Args:
        kind: "mcp3008" or "mcp3208".
        clock: seconds, for what drifts.
    """

    def __init__(self, kind: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.kind = kind
        self.loops = [Loop() for _ in range(CHANNELS)]
        self._lost: Lost | None = None
        self._lost_for: int | None = None
        self.conversions = 0
        self._bits = BITS[kind]
        self._clock = clock

    def lose(self, lost: Lost | None, transfers: int | None = None) -> None:
        """Be lost, for so many transfers or until it is said anew; None: be there."""
        self._lost, self._lost_for = lost, transfers

    def transfer(self, sent: bytes) -> bytes:
        """Return what the master reads while it sends this."""
        lost = self._lost
        if lost is not None:
            if self._lost_for is not None:
                self._lost_for -= 1
                self._lost = lost if self._lost_for else None
            return _nothing(lost, len(sent))
        clocked = [byte >> bit & 1 for byte in sent for bit in range(7, -1, -1)]
        answer = [1] * len(clocked)
        if 1 in clocked:
            begin = clocked.index(1) + 1
            command = clocked[begin : begin + COMMAND_BITS]
            if len(command) == COMMAND_BITS:
                at = begin + COMMAND_BITS + 1  # one clock to sample
                answer[at:] = self._answer(command, len(clocked) - at)
        return bytes(_byte(answer[at : at + 8]) for at in range(0, len(answer), 8))

    def _answer(self, command: list[int], clocks: int) -> list[int]:
        """Return the null bit, the result, and the result again from its lowest bit."""
        single, d2, d1, d0 = command
        code = self.code(d2 << 2 | d1 << 1 | d0, single=bool(single))
        high_first = [code >> bit & 1 for bit in range(self._bits - 1, -1, -1)]
        whole = [0, *high_first, *high_first[-2::-1]]
        return [*whole, *[0] * clocks][: max(0, clocks)]

    def code(self, channel: int, *, single: bool) -> int:
        """Convert: a channel, or the difference of a pair of them (table 5-2)."""
        self.conversions += 1
        now_s = self._clock()
        ratio = self.loops[channel].ratio(now_s)
        if not single:
            ratio -= self.loops[channel ^ 1].ratio(now_s)
        full = 1 << self._bits
        return min(full - 1, max(0, int(ratio * full)))


def _nothing(lost: Lost, size: int) -> bytes:
    match lost:
        case Lost.LOW:
            return bytes(size)
        case Lost.HIGH:
            return b"\xff" * size
        case Lost.NOISE:
            return random.randbytes(size)


def _byte(bits: list[int]) -> int:
    return sum(bit << place for place, bit in zip(range(7, -1, -1), bits, strict=True))
