"""What a person can do to the board's converters and the loops at their channels."""

from __future__ import annotations

import threading
import time
from typing import Any

from simulators.adc import BITS, CHANNELS, Adc, Loop, Lost, Wire
from simulators.board_spi import SELECTS, Spi
from simulators.control import Json, SimulatorError, Verb


class Loops:
    """Verbs of the board's control channel; `select` is the chip select, 0 unless it is said.

    Args:
        spi: the bus.
        lock: to be held while it changes.
    """

    def __init__(self, spi: Spi, lock: threading.RLock) -> None:
        self._spi = spi
        self._lock = lock

    def verbs(self) -> dict[str, Verb]:
        """Return the verbs by name."""
        own = (self.adc, self.wire, self.loop, self.lose, self.loops)
        return {verb.__name__: self._held(verb) for verb in own}

    def adc(self, asked: dict[str, Any]) -> Json:
        """Put in a converter, `kind` mcp3008 or mcp3208, in place of what was there; null: none."""
        select, kind = _select(asked), asked["kind"]
        if kind is not None and kind not in BITS:
            raise SimulatorError(f"no kind {kind!r}; there are: {', '.join(BITS)}")
        fresh = None if kind is None else Adc(kind)
        before = self._spi.adcs[select]
        if fresh is not None and before is not None:
            fresh.loops = before.loops
        self._spi.adcs[select] = fresh
        return None

    def wire(self, asked: dict[str, Any]) -> Json:
        """Wire `channel`: `pull_up_ohm`, and `normal`, `alarm` in ohms (null is a cut)."""
        loop = self._loop(asked)
        loop.pull_up_ohm = float(asked["pull_up_ohm"])
        loop.ohms = {}
        for state in (Wire.NORMAL, Wire.ALARM):
            if asked.get(state) is not None:
                loop.ohms[state] = float(asked[state])
        return None

    def loop(self, asked: dict[str, Any]) -> Json:
        """Have the loop at `channel` be in `state` (normal, alarm, open, short), or have `ohms`.

        `drift` is by how many ohms it grows each second from now on, `noise` the standard
        deviation of each reading in parts of the full scale; both stay until they are said anew.
        """
        loop = self._loop(asked)
        if "state" in asked:
            loop.state, loop.measures = Wire(asked["state"]), None
        if "ohms" in asked:
            loop.measures = float(asked["ohms"])
        if "drift" in asked:
            loop.drift_ohm_s, loop.since_s = float(asked["drift"]), time.monotonic()
        if "noise" in asked:
            loop.noise = float(asked["noise"])
        return None

    def lose(self, asked: dict[str, Any]) -> Json:
        """Lose the converter: its data line is `low`, `high` or `noise`; null: it is back.

        `transfers` is for how many of them; left out, until it is said anew.
        """
        to, transfers = asked["to"], asked.get("transfers")
        if transfers is not None and int(transfers) < 1:
            raise SimulatorError("transfers: 1 or more")
        self._spi.adc(_select(asked)).lose(None if to is None else Lost(to), transfers)
        return None

    def loops(self, asked: dict[str, Any]) -> Json:
        """Return the converter: its loops, how many conversions it made, and the open handles."""
        adc = self._spi.adc(_select(asked))
        now_s = time.monotonic()
        return {
            "kind": adc.kind,
            "conversions": adc.conversions,
            "handles": list[Json](self._spi.handles()),
            "ohms": [round(loop.resistance(now_s)) for loop in adc.loops],
        }

    def _loop(self, asked: dict[str, Any]) -> Loop:
        channel = int(asked["channel"])
        if not 0 <= channel < CHANNELS:
            raise SimulatorError(f"channels are 0 to {CHANNELS - 1}")
        return self._spi.adc(_select(asked)).loops[channel]

    def _held(self, verb: Verb) -> Verb:
        def ask(asked: dict[str, Any]) -> Json:
            with self._lock:
                return verb(asked)

        ask.__doc__ = verb.__doc__
        return ask


def _select(asked: dict[str, Any]) -> int:
    select = int(asked.get("select", 0))
    if not 0 <= select < SELECTS:
        raise SimulatorError(f"chip selects are 0 to {SELECTS - 1}")
    return select
