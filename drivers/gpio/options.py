"""What the site file may say about a GPIO board. Light to import."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, TypeAlias

from drivers.contract import PIGPIOD, Claim, Mistake, Need, Offers, Within, gpio

LIBRARIES = ("gpiozero",)
# By factory, what it takes besides, and the extra that brings all of it.
BESIDES = {"lgpio": ("lgpio", "pi"), "pigpio": ("pigpio", "gpio")}

# Pins 2 and 3 (the I2C bus) have 1.8 kOhm pull-ups soldered on the board: Raspberry Pi
# schematics; gpiozero refuses any other pull there.
FIXED_PULL_UP = frozenset({2, 3})
# Pins 0-8 are pulled up from power-on until somebody sets them: BCM2835 ARM Peripherals,
# table 6-31. What is active high there is on at every start of the machine.
PULLED_UP_AT_BOOT = range(9)
NOT_A_LOCK = frozenset({"siren", "led"})
# What opens or makes noise has a longest time also where none is written: twice the longest
# release of a door, and the longest siren.
LONGEST_S = {"strike": 60, "lock": 60, "siren": 900}
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")

Pin: TypeAlias = Annotated[int, Within(0, 27)]
REACHED_BY = ("factory", "host", "port")  # the options that say whose pins they are
FORBID_UNKNOWN: dict[str, str] = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One contact or detector.

    Attributes:
        pin: BCM number.
        pull: the pin's resistor.
        normal: what is there while all is well. `closed` and `open` speak of a contact: to
            ground where the pin is pulled up, to 3.3 V where it is pulled down; `low` and
            `high` speak of the level, for what drives the pin itself.
    """

    __pydantic_config__: ClassVar = FORBID_UNKNOWN

    pin: Pin
    pull: Literal["up", "down", "floating"]
    normal: Literal["closed", "open", "low", "high"] = "closed"

    @property
    def normal_level(self) -> bool:
        """The level that means `normal`; the other one means `alarm`."""
        closed = self.pull == "down"
        return {"closed": closed, "open": not closed, "low": False, "high": True}[self.normal]

    @property
    def shows_cut(self) -> bool:
        """Whether a cut wire is an alarm: what the pin falls to by itself is not normal."""
        return self.pull != "floating" and self.normal_level != (self.pull == "up")


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """One thing that is switched.

    Attributes:
        pin: BCM number.
        fail_state: what it is put into at start, at the end and when the daemon is gone.
        active: the level that switches it on.
        kind: what hangs there.
        max_on_s: the longest it may be on at a stretch, whatever is asked.
    """

    __pydantic_config__: ClassVar = FORBID_UNKNOWN

    pin: Pin
    fail_state: Literal["off", "on"]
    active: Literal["high", "low"] = "high"
    kind: Literal["strike", "lock", "relay", "siren", "led"] = "relay"
    max_on_s: Annotated[int, Within(1, 86_400)] | None = None

    @property
    def longest_s(self) -> int | None:
        """The longest it may be on; None: as long as it is asked to."""
        return self.max_on_s or LONGEST_S.get(self.kind)

    @property
    def boots_on(self) -> bool:
        """Whether it is on from power-on until somebody sets the pin."""
        return self.active == "high" and self.pin in PULLED_UP_AT_BOOT

    def level(self, on: bool) -> bool:
        """Return the level that switches it on or off."""
        return on == (self.active == "high")


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """A Raspberry Pi's pins.

    Attributes:
        factory: how they are reached: `lgpio` on the Pi itself, `pigpio` through a pigpiod.
            Never anything else than what is written here.
        host: where pigpiod runs; 127.0.0.1 where nothing is written.
        port: of pigpiod; 8888 where nothing is written.
        inputs: points, by name.
        outputs: what actions name as their target.
    """

    __pydantic_config__: ClassVar = FORBID_UNKNOWN

    factory: Literal["lgpio", "pigpio"]
    host: Annotated[str, Within(1, 253)] | None = None
    port: Annotated[int, Within(1, 65_535)] | None = None
    inputs: dict[str, Input] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)

    @property
    def address(self) -> tuple[str, int]:
        """Where pigpiod listens."""
        return self.host or PIGPIOD[0], self.port or PIGPIOD[1]

    def offers(self) -> Offers:
        """Say what the site half may refer to."""
        limits = {name: output.longest_s for name, output in self.outputs.items()}
        return Offers(
            points=frozenset(self.inputs),
            outputs=frozenset(self.outputs),
            longest_s={name: limit for name, limit in limits.items() if limit is not None},
            fails_on=frozenset(n for n, one in self.outputs.items() if one.fail_state == "on"),
            # a lock that is on at every start is refused here already
            boots_on=frozenset(
                n for n, one in self.outputs.items() if one.boots_on and one.kind in NOT_A_LOCK
            ),
            loops={
                name: "nc" if point.shows_cut else "none" for name, point in self.inputs.items()
            },
            claims=tuple(
                Claim(gpio(pin, self._reached), f"{key}.pin", by=REACHED_BY)
                for key, pin in self._pins()
            ),
            needs=(self._need,),
        )

    @property
    def _need(self) -> Need:
        module, extra = BESIDES[self.factory]
        return Need("factory", (*LIBRARIES, module), extra)

    @property
    def _reached(self) -> tuple[str, int] | None:
        return self.address if self.factory == "pigpio" else None

    def _pins(self) -> Iterator[tuple[str, int]]:
        for name, point in self.inputs.items():
            yield f"inputs.{name}", point.pin
        for name, output in self.outputs.items():
            yield f"outputs.{name}", output.pin

    def mistakes(self) -> Iterable[Mistake]:
        """Find what no single field shows."""
        yield from self._whole()
        yield from self._names()
        yield from self._shared_pins()
        for name, point in self.inputs.items():
            yield from _input_mistakes(f"inputs.{name}", point)
        for name, output in self.outputs.items():
            yield from _output_mistakes(f"outputs.{name}", output)

    def _whole(self) -> Iterator[Mistake]:
        if self.factory == "lgpio":
            for key, value in (("host", self.host), ("port", self.port)):
                if value is not None:
                    yield Mistake(
                        key,
                        f"{value} beside factory lgpio, which only reaches this machine's pins",
                        f'remove {key}, or write factory = "pigpio"',
                    )
        if not self.inputs and not self.outputs:
            yield Mistake("inputs", "neither inputs nor outputs", "name what is wired to the board")

    def _names(self) -> Iterator[Mistake]:
        for table in ("inputs", "outputs"):
            names: Mapping[str, Input | Output] = getattr(self, table)
            for name in names:
                if not NAME.fullmatch(name):
                    yield Mistake(
                        f"{table}.{name}",
                        f"the name {name!r}",
                        "use small letters, digits, - and _, as in store-contact",
                    )
        for name in self.inputs.keys() & self.outputs.keys():
            yield Mistake(
                f"outputs.{name}", "an input has the same name", "give the output another name"
            )

    def _shared_pins(self) -> Iterator[Mistake]:
        owners: dict[int, str] = {}
        for key, pin in self._pins():
            if pin in owners:
                yield Mistake(
                    f"{key}.pin",
                    f"pin {pin}, which {owners[pin]} uses",
                    "give it a pin of its own",
                    by=(f"{owners[pin]}.pin",),
                )
            owners.setdefault(pin, key)


def _input_mistakes(key: str, point: Input) -> Iterator[Mistake]:
    if point.pull == "floating" and point.normal in ("closed", "open"):
        yield Mistake(
            f"{key}.normal",
            f"{point.normal} on a floating pin, where a contact shows nothing",
            'write normal = "low" or "high", or pull the pin "up" or "down"',
        )
    if point.pull != "up" and point.pin in FIXED_PULL_UP:
        yield Mistake(
            f"{key}.pull",
            f"{point.pull} on pin {point.pin}, which is pulled up on the board itself",
            'write pull = "up", or use a pin other than 2 and 3',
        )


def _output_mistakes(key: str, output: Output) -> Iterator[Mistake]:
    if output.kind not in NOT_A_LOCK and output.boots_on:
        yield Mistake(
            f"{key}.pin",
            f"pin {output.pin} for an active-high {output.kind}: pins 0-8 are pulled up at boot, "
            "so it would open at every start",
            "use a pin from 9 to 27",
            by=(f"{key}.active", f"{key}.kind"),
        )
