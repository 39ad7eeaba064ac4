"""Frames of OSDP v2 (IEC 60839-11-5) on RS-485, as a reader sees them. Pure.

    53 | address 1 | length 2 | control 1 | security block | code 1 | data | MAC 4 | CRC 2

The length counts everything, low byte first, as the CRC does. The security block is there when
the control byte says so: its own length, its kind, its data. Answers have the address's top
bit set, and the sequence number of what they answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators import frame_reader

SOM = 0x53
REPLY = 0x80
SEQUENCE, CRC, SECURE = 0x03, 0x04, 0x08  # of the control byte
FRONT = 5
LONGEST = 1440
MAC_BYTES, CRC_BYTES = 4, 2


@dataclass(frozen=True, slots=True)
class Frame:
    """One command on its way to the reader.

    Attributes:
        security: kind and data of the security block; empty without one.
        body: code and data, encrypted where the security block says so; without MAC.
        signed: all that the MAC is of.
        mac: empty without a secure channel.
    """

    address: int
    sequence: int
    security: bytes
    body: bytes
    signed: bytes
    mac: bytes
    intact: bool = True


def crc(data: bytes) -> bytes:
    """Return the CRC-16 of OSDP: polynomial 0x1021, from 0x1D0F."""
    value = 0x1D0F
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value.to_bytes(2, "little")


def head(address: int, sequence: int, security: bytes, body: bytes, *, mac: bool) -> bytes:
    """Return an answer's bytes up to where its MAC, if any, and its CRC follow."""
    block = bytes([len(security) + 1]) + security if security else b""
    length = FRONT + len(block) + len(body) + (MAC_BYTES if mac else 0) + CRC_BYTES
    control = sequence | CRC | (SECURE if security else 0)
    front = bytes([SOM, address | REPLY]) + length.to_bytes(2, "little") + bytes([control])
    return front + block + body


class FrameReader(frame_reader.FrameReader[Frame]):
    """Finds this protocol's."""

    def _next(self) -> Frame | None:
        buffer = self._buffer
        while True:
            start = buffer.find(SOM)
            del buffer[: start if start >= 0 else len(buffer)]
            if len(buffer) < FRONT:
                return None
            length = int.from_bytes(buffer[2:4], "little")
            if FRONT + CRC_BYTES < length <= LONGEST and buffer[4] & CRC:
                break
            del buffer[0]  # no frame after all
        if len(buffer) < length:
            return None
        whole = bytes(buffer[:length])
        del buffer[:length]
        return _parsed(whole)


def _parsed(whole: bytes) -> Frame:
    rest = whole[FRONT:-CRC_BYTES]
    security = mac = b""
    if whole[4] & SECURE:
        security, rest = rest[1 : rest[0]], rest[rest[0] :]
        if security[:1] >= b"\x15":
            rest, mac = rest[:-MAC_BYTES], rest[-MAC_BYTES:]
    signed = whole[: len(whole) - CRC_BYTES - len(mac)]
    intact = crc(whole[:-CRC_BYTES]) == whole[-CRC_BYTES:]
    return Frame(whole[1], whole[4] & SEQUENCE, security, rest, signed, mac, intact)
