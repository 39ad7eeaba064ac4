"""Frames of the ZFM fingerprint modules' serial line. Pure.

    EF01 | address 4 | kind 1 | length 2 = payload + 2 | payload | sum 2

The sum is over kind, length and payload, 16 bits; all numbers high byte first (ZFM user
manual, "Data package format").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from simulators import frame_reader

HEADER = b"\xef\x01"
FRONT = len(HEADER) + 4 + 1 + 2  # bytes before the payload
LONGEST_PAYLOAD = 256


class Kind(IntEnum):
    """What a frame carries."""

    COMMAND = 0x01
    DATA = 0x02
    ACKNOWLEDGE = 0x07
    END = 0x08


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `intact` says whether its sum is right."""

    address: int
    kind: int
    payload: bytes
    intact: bool = True


def encode(address: int, kind: int, payload: bytes) -> bytes:
    """Return the frame's bytes."""
    body = bytes([kind]) + (len(payload) + 2).to_bytes(2, "big") + payload
    return HEADER + address.to_bytes(4, "big") + body + (sum(body) & 0xFFFF).to_bytes(2, "big")


class FrameReader(frame_reader.FrameReader[Frame]):
    """Finds this protocol's."""

    def _next(self) -> Frame | None:
        buffer = self._buffer
        while True:
            start = buffer.find(HEADER)
            del buffer[: start if start >= 0 else max(0, len(buffer) - 1)]
            if len(buffer) < FRONT:
                return None
            length = int.from_bytes(buffer[7:9], "big")
            if not 2 < length <= LONGEST_PAYLOAD + 2:
                del buffer[0]  # no header after all
                continue
            if len(buffer) < FRONT + length:
                return None
            body, told = buffer[6 : FRONT + length - 2], buffer[FRONT + length - 2 : FRONT + length]
            frame = Frame(
                address=int.from_bytes(buffer[2:6], "big"),
                kind=body[0],
                payload=bytes(body[3:]),
                intact=sum(body) & 0xFFFF == int.from_bytes(told, "big"),
            )
            del buffer[: FRONT + length]
            return frame
