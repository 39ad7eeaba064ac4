"""One frame of a fingerprint module, as it arrives. Pure.

`EF01 | address 4 | kind 1 | length 2 = payload + 2 | payload | sum 2`, the sum 16 bits over
kind, length and payload (ZFM user manual, "Data package format").
"""

from __future__ import annotations

HEADER = b"\xef\x01"
FRONT = 9  # bytes before the payload
SMALLEST = FRONT + 3  # an acknowledgement has at least its code, and a frame its sum
LONGEST = 256 + 2  # what a frame's length can say
MOST_JUNK = 1024  # bytes, before a frame


class Garbled(Exception):
    """What arrived is not what a module sends; the text says why, after "they"."""


class Answer:
    """Collects one frame; drops what stands before it.

    Attributes:
        frame: what there is of it, from its header on.
        junk: how many bytes were dropped.
    """

    def __init__(self) -> None:
        self.frame = bytearray()
        self.junk = 0

    @property
    def begun(self) -> bool:
        """Whether its header is there, or so much without one that the header was spoilt."""
        return self.frame.startswith(HEADER) or self.junk >= FRONT

    @property
    def missing(self) -> int:
        """How many bytes it lacks, as far as can be said by now; 0 when it is whole."""
        if len(self.frame) < SMALLEST:
            return SMALLEST - len(self.frame)
        return FRONT + self._length() - len(self.frame)

    def feed(self, received: bytes) -> None:
        """Take in what arrived: `missing` bytes at most.

        Raises:
            Garbled: it is noise, too long or too short, or its sum is wrong.
        """
        self.frame += received
        self._drop_junk()
        if self.junk > MOST_JUNK:
            raise Garbled("are noise")
        if len(self.frame) >= SMALLEST:
            if not SMALLEST <= FRONT + self._length() <= FRONT + LONGEST:
                raise Garbled(f"claim to be {self._length()} bytes long")
            if not self.missing and not self._sum_is_right():
                raise Garbled("have a wrong sum")

    def _length(self) -> int:
        return int.from_bytes(self.frame[7:9], "big")

    def _sum_is_right(self) -> bool:
        return sum(self.frame[6:-2]) & 0xFFFF == int.from_bytes(self.frame[-2:], "big")

    def _drop_junk(self) -> None:
        """Drop what stands before a header, or before what may become one."""
        start = self.frame.find(HEADER)
        if start < 0:
            start = len(self.frame) - self.frame.endswith(HEADER[:1])
        del self.frame[:start]
        self.junk += start
