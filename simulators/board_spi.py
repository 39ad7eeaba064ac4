"""The board's main SPI bus, as pigpiod lets a client use it: two chip selects, 32 handles.

A handle outlives the connection that opened it: only SPIC, or pigpiod's own end, frees it.

Source: pigpio version 79, `spiOpen`, `spiXfer` and `spiClose` in `pigpio.c`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from simulators.adc import Adc
from simulators.pigpiod_wire import CommandRefused, ErrorCode

SELECTS = 2  # CE0 and CE1 of the main bus
SLOTS = 32  # PI_SPI_SLOTS
SPEEDS = range(32_000, 125_000_001)
LONGEST_FLAGS = 1 << 22
AUXILIARY = 1 << 8
LONGEST_TRANSFER = 65_536
NOTHING = 0xFF  # what a bus reads on which nobody drives the data line


@dataclass(slots=True)
class Opened:
    """One handle."""

    select: int
    baud: int


class Spi:
    """The bus. Not thread-safe: the board holds a lock.

    Attributes:
        adcs: what hangs at each chip select; None: nothing.
    """

    def __init__(self) -> None:
        self.adcs: list[Adc | None] = [None] * SELECTS
        self._opened: dict[int, Opened] = {}

    def adc(self, select: int) -> Adc:
        """Return the converter at a chip select.

        Raises:
            ValueError: there is none.
        """
        adc = self.adcs[select] if 0 <= select < SELECTS else None
        if adc is None:
            raise ValueError(f"no converter at chip select {select}: put one in with `adc`")
        return adc

    def open(self, select: int, baud: int, flags: bytes) -> int:
        """Return a handle."""
        if len(flags) != 4 or (word := struct.unpack("<I", flags)[0]) >= LONGEST_FLAGS:
            raise CommandRefused(ErrorCode.BAD_FLAGS)
        if word & AUXILIARY:
            raise CommandRefused(ErrorCode.SPI_OPEN_FAILED)
        if not 0 <= select < SELECTS:
            raise CommandRefused(ErrorCode.BAD_SPI_CHANNEL)
        if baud not in SPEEDS:
            raise CommandRefused(ErrorCode.BAD_SPI_SPEED)
        free = next((handle for handle in range(SLOTS) if handle not in self._opened), None)
        if free is None:
            raise CommandRefused(ErrorCode.NO_HANDLE)
        self._opened[free] = Opened(select, baud)
        return free

    def close(self, handle: int) -> None:
        """Free a handle."""
        self._of(handle)
        del self._opened[handle]

    def transfer(self, handle: int, sent: bytes) -> bytes:
        """Send, and return what was read meanwhile."""
        opened = self._of(handle)
        if not 0 < len(sent) < LONGEST_TRANSFER:
            raise CommandRefused(ErrorCode.BAD_SPI_COUNT)
        adc = self.adcs[opened.select]
        return bytes([NOTHING] * len(sent)) if adc is None else adc.transfer(sent)

    def handles(self) -> list[int]:
        """Return the handles that are open."""
        return sorted(self._opened)

    def _of(self, handle: int) -> Opened:
        if handle not in self._opened:
            raise CommandRefused(ErrorCode.BAD_HANDLE)
        return self._opened[handle]
