"""What the site file may say about a converter and its loops. Light to import."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, TypeAlias

from drivers.contract import PIGPIOD, Claim, Mistake, Need, Offers, PointState, Within, gpio
from drivers.eol.bands import LEAK_OHM, Band, Bands, Resistors

# The main SPI bus: BCM2835 ARM Peripherals, table 6-31, alternate function 0.
BUS_PINS = (9, 10, 11)  # MISO, MOSI, SCLK
SELECT_PINS = (8, 7)  # CE0, CE1
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
REACHED_BY = ("factory", "host", "port")  # the options that say whose bus it is
MEASURED_BY = ("adc", "pull_up_ohm", "tolerance_pct", "cable_ohm")
FORBID_UNKNOWN: dict[str, str] = {"extra": "forbid"}
INFINITE = float("inf")

Channel: TypeAlias = Annotated[int, Within(0, 7)]
Ohm: TypeAlias = Annotated[int, Within(100, 50_000)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One loop: a detector at its end, and resistors inside the detector's housing.

    Attributes:
        channel: of the converter.
        end_ohm: the end-of-line resistor.
        alarm_ohm: the alarm contact's own resistor; where there is none, the contact cuts or
            bridges the loop, and of the four states three are left.
        contact: `nc` opens on alarm: its resistor lies across it, in series with the end-of-line
            resistor. `no` closes on alarm: in series with its resistor it lies across that one.
    """

    __pydantic_config__: ClassVar = FORBID_UNKNOWN

    channel: Channel
    end_ohm: Ohm
    alarm_ohm: Ohm | None = None
    contact: Literal["nc", "no"] = "nc"

    def bands(self, resistors: Resistors) -> Bands:
        """Return what it may measure in each of its states."""
        nc = self.contact == "nc"
        cut, bridged = PointState.OPEN, PointState.SHORT
        bands = [Band(PointState.NORMAL, *resistors.resistor(self.end_ohm))]
        if self.alarm_ohm is None:
            cut, bridged = (PointState.ALARM, bridged) if nc else (cut, PointState.ALARM)
        else:
            both = self.end_ohm + self.alarm_ohm
            ohm = both if nc else self.end_ohm * self.alarm_ohm / both
            bands.append(Band(PointState.ALARM, *resistors.resistor(ohm)))
        bands.append(Band(cut, *resistors.codes(LEAK_OHM, INFINITE)))
        bands.append(Band(bridged, *resistors.codes(0, resistors.cable_ohm)))
        return Bands(resistors, bands)

    @property
    def shows_cut(self) -> str:
        """What shows when the wire is cut: its own state, or the same as an alarm."""
        return "nc" if self.alarm_ohm is None and self.contact == "nc" else "eol"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """One converter.

    Attributes:
        factory: how it is reached: `lgpio` on the Pi itself, `pigpio` through a pigpiod. Never
            anything else than what is written here.
        host: where pigpiod runs; 127.0.0.1 where nothing is written.
        port: of pigpiod; 8888 where nothing is written.
        adc: the converter.
        select: the chip select of the main SPI bus that it hangs at.
        reference: the channel that lies between two equal resistors, one to the reference
            voltage and one to ground. What it measures shows whether the converter lives.
        pull_up_ohm: the resistor from each channel to the reference voltage.
        tolerance_pct: of every resistor.
        cable_ohm: what the longest cable has, out and back.
        sample_ms: how often every loop is measured.
        inputs: points, by name.
    """

    __pydantic_config__: ClassVar = FORBID_UNKNOWN

    factory: Literal["lgpio", "pigpio"]
    host: Annotated[str, Within(1, 253)] | None = None
    port: Annotated[int, Within(1, 65_535)] | None = None
    adc: Literal["mcp3008", "mcp3208"]
    select: Annotated[int, Within(0, 1)]
    reference: Channel
    pull_up_ohm: Ohm
    tolerance_pct: Annotated[int, Within(1, 10)] = 1
    cable_ohm: Annotated[int, Within(0, 500)] = 50
    sample_ms: Annotated[int, Within(20, 200)] = 100
    inputs: dict[str, Input] = field(default_factory=dict)

    @property
    def address(self) -> tuple[str, int]:
        """Where pigpiod listens."""
        return self.host or PIGPIOD[0], self.port or PIGPIOD[1]

    @property
    def resistors(self) -> Resistors:
        """What all its loops have in common."""
        return Resistors(self.adc, self.pull_up_ohm, self.tolerance_pct, self.cable_ohm)

    def offers(self) -> Offers:
        """Return what it offers to the site half of the file."""
        loops = {name: loop.shows_cut for name, loop in self.inputs.items()}
        return Offers(
            points=frozenset(self.inputs),
            loops=loops,
            claims=tuple(self._claims()),
            needs=(Need("factory", ("lgpio",), "pi"),) if self.factory == "lgpio" else (),
        )

    def _claims(self) -> Iterator[Claim]:
        pigpiod = self.address if self.factory == "pigpio" else None
        yield Claim(gpio(SELECT_PINS[self.select], pigpiod), "select", by=REACHED_BY)
        for pin in BUS_PINS:
            yield Claim(gpio(pin, pigpiod), "factory", bus="SPI", by=REACHED_BY)

    def mistakes(self) -> Iterable[Mistake]:
        """Return what no single field shows."""
        yield from self._whole()
        owners = {self.reference: "reference"}  # by channel, the option that says so
        for name, loop in self.inputs.items():
            key = f"inputs.{name}"
            if not NAME.fullmatch(name):
                remedy = "use small letters, digits, - and _, as in store-movement"
                yield Mistake(key, f"the name {name!r}", remedy)
            own = f"{key}.channel"
            if (owner := owners.setdefault(loop.channel, own)) != own:
                found = f"channel {loop.channel}, which {owner.removesuffix('.channel')} uses"
                yield Mistake(own, found, "give it a channel of its own", by=(owner,))
            yield from _not_told_apart(key, loop, loop.bands(self.resistors))

    def _whole(self) -> Iterator[Mistake]:
        if self.factory == "lgpio":
            for key, value in (("host", self.host), ("port", self.port)):
                if value is not None:
                    yield Mistake(
                        key,
                        f"{value} beside factory lgpio, which only reaches this machine's bus",
                        f'remove {key}, or write factory = "pigpio"',
                    )
        if not self.inputs:
            yield Mistake("inputs", "no inputs", "name the loops that are wired to the converter")


def _not_told_apart(key: str, loop: Input, bands: Bands) -> Iterator[Mistake]:
    """Yield the states of a loop whose bands meet; told once, for one change mends all of them."""
    meeting = [f"{lower.state} and {upper.state}" for lower, upper in bands.overlaps()]
    if not meeting:
        return
    at_fault = "end_ohm" if loop.alarm_ohm is None else "alarm_ohm"
    shown = ", ".join(f"{band.state} {band.low}-{band.high}" for band in bands)
    yield Mistake(
        f"{key}.{at_fault}",
        f"{' and '.join(meeting)} too close to be told apart (of {bands.resistors.full}: {shown})",
        "take resistors like the pull-up's value (4700 beside 4700), of a smaller tolerance_pct, "
        "or a shorter cable",
        by=(*MEASURED_BY, key),
    )
