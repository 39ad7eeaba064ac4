"""The pins of a Raspberry Pi, as pigpiod lets a client use them, and what is wired to them.

No sockets, no clock but the one in the history. Not thread-safe: the board holds a lock.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from simulators.pigpiod_wire import CommandRefused, ErrorCode

LAST_PIN = 53
LAST_USER_PIN = 31
PULLED_UP_AT_BOOT = range(9)  # BCM 0-8; the others are pulled down (BCM2835 manual, table 6-31)
LONGEST_STEADY_US = 300_000  # of the glitch filter
DUTY_RANGES = range(25, 40_001)
HISTORY = 4096  # changes kept of each pin


class Mode(IntEnum):
    """A pin's function; those above OUTPUT are the alternate ones."""

    INPUT = 0
    OUTPUT = 1
    ALT5 = 2
    ALT4 = 3
    ALT0 = 4
    ALT1 = 5
    ALT2 = 6
    ALT3 = 7


class Pull(IntEnum):
    """A pin's internal resistor."""

    OFF = 0
    DOWN = 1
    UP = 2


@dataclass(slots=True)
class Pin:
    """One pin.

    Attributes:
        external: the level that the outside drives, None where nothing does.
        released: what `external` goes back to when a pressed pin is released.
        latch: the level it drives as an output; kept while it is an input.
        duty: of `duty_range` while it is dimmed, None otherwise.
        steady_us: how long a change must last to be reported.
        changes: how often its level changed while `steady_us` was set.
        history: (CLOCK_MONOTONIC in microseconds, level driven or None as an input).
    """

    pull: Pull
    mode: Mode = Mode.INPUT
    external: int | None = None
    released: int | None = None
    pressed: bool = False
    latch: int = 0
    duty: int | None = None
    duty_range: int = 255
    frequency_hz: int = 800
    steady_us: int = 0
    changes: int = 0
    history: deque[tuple[int, int | None]] = field(default_factory=lambda: deque(maxlen=HISTORY))

    @property
    def driven(self) -> int | None:
        """What the board drives the pin to, None as an input."""
        return self.latch if self.mode is Mode.OUTPUT else None

    @property
    def level(self) -> int:
        """What can be read there: the stronger of output, outside and resistor."""
        for level in (self.driven, self.external):
            if level is not None:
                return level
        return int(self.pull is Pull.UP)


class Pins:
    """All pins of a board.

    Args:
        changed: called with a pin's number after its level has changed.
    """

    def __init__(self, changed: Callable[[int], None]) -> None:
        self._changed = changed
        self._pins = [
            Pin(Pull.UP if number in PULLED_UP_AT_BOOT else Pull.DOWN)
            for number in range(LAST_PIN + 1)
        ]

    def __getitem__(self, number: int) -> Pin:
        if not 0 <= number <= LAST_PIN:
            raise CommandRefused(ErrorCode.BAD_GPIO)
        return self._pins[number]

    def user(self, number: int) -> Pin:
        """Return a pin that can be watched and dimmed."""
        if not 0 <= number <= LAST_USER_PIN:
            raise CommandRefused(ErrorCode.BAD_USER_GPIO)
        return self._pins[number]

    @contextmanager
    def _change(self, number: int) -> Iterator[Pin]:
        pin = self[number]
        before, driven = pin.level, pin.driven
        yield pin
        if pin.driven != driven:
            pin.history.append((time.monotonic_ns() // 1000, pin.driven))
        if pin.level != before:
            self._changed(number)

    def set_mode(self, number: int, mode: int) -> None:
        """Make it an input, an output (of its latch) or what else it can be."""
        with self._change(number) as pin:
            if mode not in list(Mode):
                raise CommandRefused(ErrorCode.BAD_MODE)
            pin.mode = Mode(mode)
            pin.duty = None

    def set_pull(self, number: int, pull: int) -> None:
        """Switch its internal resistor."""
        with self._change(number) as pin:
            if pull not in list(Pull):
                raise CommandRefused(ErrorCode.BAD_PUD)
            pin.pull = Pull(pull)

    def write(self, number: int, level: int) -> None:
        """Drive it; an input becomes an output that has this level from the start."""
        with self._change(number) as pin:
            if level not in (0, 1):
                raise CommandRefused(ErrorCode.BAD_LEVEL)
            pin.latch, pin.mode, pin.duty = level, Mode.OUTPUT, None

    def write_bank(self, bits: int, level: int) -> None:
        """Drive those of pins 0-31 whose bit is set; only the latch of one that is an input."""
        for number in range(LAST_USER_PIN + 1):
            if bits >> number & 1:
                with self._change(number) as pin:
                    pin.latch = level

    def read_bank(self, first: int) -> int:
        """Return the levels of 32 pins from `first` on, the first in the lowest bit."""
        return sum(pin.level << bit for bit, pin in enumerate(self._pins[first : first + 32]))

    def dim(self, number: int, duty: int) -> None:
        """Drive it by pulses; a pin that is dimmed at all reads as 1."""
        self.user(number)
        with self._change(number) as pin:
            if duty > pin.duty_range:
                raise CommandRefused(ErrorCode.BAD_DUTYCYCLE)
            pin.latch, pin.mode, pin.duty = int(duty > 0), Mode.OUTPUT, duty

    def duty(self, number: int) -> int:
        """Return how much a dimmed pin is on, in parts of its range."""
        duty = self.user(number).duty
        if duty is None:
            raise CommandRefused(ErrorCode.NOT_PWM_GPIO)
        return duty

    def set_duty_range(self, number: int, full: int) -> int:
        """Say what counts as fully on; returns the real range: this board dims as finely."""
        if full not in DUTY_RANGES:
            raise CommandRefused(ErrorCode.BAD_DUTYRANGE)
        self.user(number).duty_range = full
        return full

    def set_frequency(self, number: int, hertz: int) -> int:
        """Set the frequency of the pulses; returns the real one: this board takes any."""
        self.user(number).frequency_hz = hertz
        return hertz

    def set_steady(self, number: int, steady_us: int) -> None:
        """Report a change only when it has lasted this long."""
        if steady_us > LONGEST_STEADY_US:
            raise CommandRefused(ErrorCode.BAD_FILTER)
        self.user(number).steady_us = steady_us

    def drive(self, number: int, level: int | None) -> None:
        """Be the outside: drive the pin, or leave it open (None)."""
        with self._change(number) as pin:
            pin.external, pin.pressed = _outside(level), False

    def press(self, number: int, level: int | None) -> None:
        """Be a button: drive `level`; None: the other level than now. Pressed stays pressed."""
        with self._change(number) as pin:
            if pin.pressed:
                return
            before = pin.external
            pin.external = 1 - pin.level if level is None else _outside(level)
            pin.released, pin.pressed = before, True

    def release(self, number: int) -> None:
        """Undo `press`."""
        with self._change(number) as pin:
            if pin.pressed:
                pin.external, pin.pressed = pin.released, False


def _outside(level: int | None) -> int | None:
    if level not in (None, 0, 1):
        raise CommandRefused(ErrorCode.BAD_LEVEL)
    return level
