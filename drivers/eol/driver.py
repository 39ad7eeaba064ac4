"""The driver of end-of-line loops: every loop is measured, and what changes is told.

Each round measures all of them and the reference channel. While that one does not measure what it
must, the converter does not see, and none of the round's measurements is believed: all loops at
once would look cut or bridged. A converter that stays blind for `BLIND_US` is the device's fault,
which is an alarm of its own and leaves its zones unwatched in so many words; the loops' states are
told anew when it is back, so that what was cut meanwhile is an alarm then.
"""

from __future__ import annotations

from collections.abc import Sequence

from drivers.contract import DeviceConfused, Link, Outcome, now_us
from drivers.eol.bus import Bus, open_bus
from drivers.eol.loop import AGAIN_US, Loop
from drivers.eol.options import Options as EolOptions

ALIVE_US = 1_000_000
BLIND_US = 300_000  # a disturbance may be shorter; an input of 400 ms is not lost in one


class EolDriver:
    """One converter (see `drivers.contract.Driver`)."""

    Options = EolOptions

    def __init__(self, _device: str, options: EolOptions) -> None:
        self._options = options

    def run(self, link: Link) -> None:
        """Measure until told to stop."""
        channels = [self._options.reference]
        channels += [loop.channel for loop in self._options.inputs.values()]
        with open_bus(self._options, channels) as bus:
            watch = Watch(self._options, bus, link)
            watch.start()
            while True:
                watch.wait()
                watch.round()


class Watch:
    """One run: the bus, the daemon's end, and what is known of every loop."""

    def __init__(self, options: EolOptions, bus: Bus, link: Link) -> None:
        self._bus = bus
        self._link = link
        self._every_us = options.sample_ms * 1000
        self._resistors = options.resistors
        self._reference = range(*self._resistors.reference())
        rest_us = self._every_us * 9 // 10  # rounds do not come to the microsecond
        self._loops = [
            Loop(name, loop.bands(self._resistors), rest_us)
            for name, loop in options.inputs.items()
        ]
        self._due_us = 0
        self._blind_us: int | None = None  # since when
        self._alive_us = 0

    def start(self) -> None:
        """Measure until the converter sees; tell the present state of every loop."""
        while (codes := self._measure()) is None:
            self._due_us = now_us() + AGAIN_US
            self.wait()
        self._link.ready(self._bus.identity)
        at_us = now_us()
        for loop, code in zip(self._loops, codes, strict=True):
            self._link.report(loop.first(code, at_us))
        self._due_us = at_us + self._every_us
        self._say_alive(at_us)

    def wait(self) -> None:
        """Wait for the next round; refuse what is asked meanwhile."""
        while (left_us := self._due_us - now_us()) > 0:
            if action := self._link.next_action(left_us / 1e6):
                self._link.answer(action, Outcome.REFUSED, "a converter is asked for nothing")

    def round(self) -> None:
        """Measure every loop, and tell what there is to tell."""
        codes = self._measure()
        at_us = now_us()
        again = codes is None
        for loop, code in zip(self._loops, codes or (), strict=codes is not None):
            if code in loop.keeps and not loop.pending:
                loop.code = code
                continue
            if reading := loop.measured(code, at_us):
                self._link.report(reading)
            again = again or loop.again
        self._due_us = at_us + (AGAIN_US if again else self._every_us)
        if codes is not None and at_us >= self._alive_us:
            self._say_alive(at_us)

    def _measure(self) -> Sequence[int] | None:
        """Return the loops' codes; None while the converter does not see.

        Raises:
            DeviceError: it has not seen for too long, or cannot be reached.
        """
        reference, *loops = self._bus.convert()
        now = now_us()
        codes = [code for code in loops if code is not None]
        if reference in self._reference and len(codes) == len(loops):
            self._blind_us = None
            return codes
        if self._blind_us is None:
            self._blind_us = now
        if now - self._blind_us >= BLIND_US:
            raise DeviceConfused(
                f"{self._bus.where} does not measure: its reference channel reads {reference}, "
                f"where {self._reference.start} to {self._reference.stop} of "
                f"{self._resistors.full} are due; look at its supply, at the wires of the SPI bus "
                "and at the two resistors of the reference"
            )
        return None

    def _say_alive(self, at_us: int) -> None:
        self._link.alive({f"{loop.name}_ohm": loop.ohms for loop in self._loops})
        self._alive_us = at_us + ALIVE_US
