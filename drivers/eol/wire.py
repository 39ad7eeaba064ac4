"""What goes over the wire: the converter's frames, and pigpiod's SPI commands around them.

A frame is 24 clocks, so placed that the result ends with the last of them:

    MCP3008  sent 00000001 SDDDxxxx xxxxxxxx    received xxxxxxxx xxxxx0RR RRRRRRRR
    MCP3208  sent 000001SD DDxxxxxx xxxxxxxx    received xxxxxxxx xxx0RRRR RRRRRRRR

the start bit, S = 1 for a channel against ground, D the channel; then a clock to sample, the null
bit, and the result, highest bit first. A data line that nobody drives reads as all ones or all
zeros: the null bit shows the first, the reference channel both.

A command to pigpiod is four little-endian words (command, p1, p2, the extension's length) and the
extension; the answer repeats three of them, with a result that is negative when it refuses, and
ends with what was received.

Source: Microchip DS21295, section 6.1 and figure 6-1; DS21298, section 6.1. pigpio 79, `command.h`
(SPIO 71, SPIC 72, SPIX 75, HWVER 17) and `pigpio.h` (`spiOpen`; the errors).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from drivers.eol.bands import BITS

HWVER, SPIO, SPIC, SPIX = 17, 71, 72, 75
COMMAND = struct.Struct("<4I")
RESULT = struct.Struct("<12xi")
FRAME = 3  # bytes
BAUD = 1_000_000  # below the MCP3008's 1.35 MHz at 2.7 V

REFUSALS = {
    -24: "it has no free SPI handle; restart pigpiod",
    -25: "it was restarted, and knows our SPI handle no more",
    -73: "it cannot open the SPI bus; start pigpiod as root, on a Raspberry Pi",
    -76: "it has no such chip select",
    -88: "it knows no SPI commands; update pigpio",
    -89: "the transfer failed",
}


def frame(adc: str, channel: int) -> bytes:
    """Return what asks for a channel against ground."""
    return ((0b11000 | channel) << BITS[adc] + 2).to_bytes(FRAME, "big")


def code(adc: str, received: bytes) -> int | None:
    """Return the result that an answer bears; None where its null bit is not one."""
    bits = BITS[adc]
    value = int.from_bytes(received, "big")
    return None if value >> bits & 1 else value & (1 << bits) - 1


def command(number: int, p1: int = 0, p2: int = 0, extension: bytes = b"") -> bytes:
    """Return a command to pigpiod."""
    return COMMAND.pack(number, p1, p2, len(extension)) + extension


class Transfers:
    """All channels asked for in one go: as many commands, one send and one answer to wait for.

    Attributes:
        asked: what is sent.
        size: how many bytes answer it.
    """

    def __init__(self, adc: str, handle: int, channels: Sequence[int]) -> None:
        self.asked = b"".join(
            command(SPIX, handle, extension=frame(adc, channel)) for channel in channels
        )
        self._adc = adc
        self._answers = struct.Struct("<" + f"12xi{FRAME}s" * len(channels))
        self.size = self._answers.size

    def codes(self, answer: bytes) -> list[int | None] | None:
        """Return the channels' codes; None where a transfer was refused."""
        fields = self._answers.unpack(answer)
        if any(size != FRAME for size in fields[::2]):
            return None
        return [code(self._adc, received) for received in fields[1::2]]


def refusal(answer: bytes) -> str | None:
    """Return why pigpiod refuses, by an answer that is shorter than it should be."""
    for at in range(0, len(answer) - COMMAND.size + 1, COMMAND.size + FRAME):
        (result,) = RESULT.unpack_from(answer, at)
        if result < 0:
            return REFUSALS.get(result, f"error {result}")
    return None
