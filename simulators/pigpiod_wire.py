"""The socket protocol of pigpiod, seen from the daemon's end.

A request is four little-endian 32-bit words: command, p1, p2, and the size of an extension
that follows. The answer repeats the first three and puts the result into the fourth, negative
results (errors) in two's complement; what SPI received follows it, as many bytes as the result
says. A socket that sent `NOIB` is sent reports from then on: 12 bytes, sequence and flags of 16
bits, tick (microseconds, wraps) and the levels of pins 0-31.

Source: pigpio version 79, `command.h`, `pigpio.h` and `pthSocketThreadHandler` in `pigpio.c`.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

REQUEST = struct.Struct("<4I")
REPORT = struct.Struct("<HHII")
LONGEST_EXTENSION = 1 << 16  # bytes; pigpiod hangs up on a longer one
WORD = 0xFFFF_FFFF
VERSION = 79


class Command(IntEnum):
    """The commands that the simulated board knows."""

    MODES = 0
    MODEG = 1
    PUD = 2
    READ = 3
    WRITE = 4
    PWM = 5
    PRS = 6
    PFS = 7
    BR1 = 10
    BR2 = 11
    BC1 = 12
    BS1 = 14
    TICK = 16
    HWVER = 17
    NB = 19
    NP = 20
    NC = 21
    PRG = 22
    PFG = 23
    PIGPV = 26
    SPIO = 71
    SPIC = 72
    SPIR = 73
    SPIW = 74
    SPIX = 75
    GDC = 83
    FG = 97
    NOIB = 99


class ErrorCode(IntEnum):
    """Results that say no."""

    BAD_USER_GPIO = -2
    BAD_GPIO = -3
    BAD_MODE = -4
    BAD_LEVEL = -5
    BAD_PUD = -6
    BAD_DUTYCYCLE = -8
    BAD_DUTYRANGE = -21
    NO_HANDLE = -24
    BAD_HANDLE = -25
    SPI_OPEN_FAILED = -73
    BAD_SPI_CHANNEL = -76
    BAD_FLAGS = -77
    BAD_SPI_SPEED = -78
    BAD_SPI_COUNT = -84
    UNKNOWN_COMMAND = -88
    NOT_PWM_GPIO = -92
    BAD_FILTER = -125


class CommandRefused(Exception):
    """A command that pigpiod answers with an error code."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.name)
        self.code = code


class Request(NamedTuple):
    """What a client asks."""

    command: int
    p1: int
    p2: int
    extension: int
    extra: bytes = b""

    @classmethod
    def parse(cls, frame: bytes) -> Request:
        """Read the four words of `frame`."""
        return cls(*REQUEST.unpack(frame))

    def answer(self, result: int | bytes) -> bytes:
        """Return the answer's frame; bytes are announced by their number."""
        number, more = (len(result), result) if isinstance(result, bytes) else (result, b"")
        return REQUEST.pack(self.command, self.p1, self.p2, number & WORD) + more


def report(sequence: int, tick: int, levels: int) -> bytes:
    """Return the frame that says what pins 0-31 show since `tick`."""
    return REPORT.pack(sequence & 0xFFFF, 0, tick & WORD, levels & WORD)
