"""A ZFM module's confirmation codes and status bits, as its user manual lists them."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """Confirmation codes."""

    OK = 0x00
    NOT_UNDERSTOOD = 0x01
    NO_FINGER = 0x02
    NO_IMAGE_TAKEN = 0x03
    MESSY = 0x06
    FEW_POINTS = 0x07
    NO_MATCH = 0x08
    NOT_FOUND = 0x09
    NOT_ONE_FINGER = 0x0A
    BAD_POSITION = 0x0B
    NOT_LOADED = 0x0C
    NOT_SENT = 0x0D
    NOT_DELETED = 0x10
    WRONG_PASSWORD = 0x13
    NO_IMAGE = 0x15
    FLASH = 0x18
    REGISTER = 0x1A
    ADDRESS = 0x20
    VERIFY_FIRST = 0x21
    ECHO = 0x55


class Status(IntEnum):
    """Bits of the status register."""

    FOUND = 1 << 1
    VERIFIED = 1 << 2
    IMAGE = 1 << 3
