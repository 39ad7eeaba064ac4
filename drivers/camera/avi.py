"""Pictures to a film: JPEGs as they are, one after the other, in an AVI file (Motion JPEG).

Any player opens it, from a phone's to a court's, and each picture in it is the very one that
was seen: nothing is coded twice, and a picture can be taken out and compared byte for byte.

Layout: Microsoft, "AVI RIFF File Reference". All its numbers are little-endian.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

MEDIA = "video/x-msvideo"
HEADER_SIZE = 224  # up to the first picture's chunk
HAS_INDEX = 0x10
KEY_FRAME = 0x10
S = 1_000_000


class AviWriter:
    """A film that is being written.

    Args:
        file: empty, open for writing, and for going back to its begin.
        size: width and height of every picture.
    """

    def __init__(self, file: BinaryIO, size: tuple[int, int]) -> None:
        self._file = file
        self._size = size
        self._index: list[tuple[int, int]] = []  # of each picture: where it begins, its bytes
        self._position = 4  # counted from the list's own name, as the index wants it
        self._times: list[int] = []
        file.write(bytes(HEADER_SIZE))

    @property
    def times(self) -> list[int]:
        """Return when each picture was taken, in microseconds."""
        return self._times

    @property
    def written(self) -> int:
        """Return how many bytes there are so far."""
        return HEADER_SIZE + self._position - 4

    def add(self, jpeg: bytes, at_us: int) -> None:
        """Add a picture; it was taken no earlier than the one before."""
        padding = len(jpeg) % 2
        self._file.write(struct.pack("<4sI", b"00dc", len(jpeg)) + jpeg + bytes(padding))
        self._index.append((self._position, len(jpeg)))
        self._position += 8 + len(jpeg) + padding
        self._times.append(at_us)

    def finish(self) -> None:
        """Write what only the end knows; the film is whole then. It has a picture at least."""
        self._file.write(struct.pack("<4sI", b"idx1", 16 * len(self._index)))
        for position, size in self._index:
            self._file.write(struct.pack("<4sIII", b"00dc", KEY_FRAME, position, size))
        self._file.seek(0)
        self._file.write(self._header())

    def _header(self) -> bytes:
        count = len(self._times)
        steps = max(1, count - 1)
        picture_us = max(1, (self._times[-1] - self._times[0]) // steps) if count > 1 else S
        width, height = self._size
        largest = max(size for _, size in self._index)
        main = struct.pack(
            "<14I",
            *(picture_us, largest * S // picture_us & 0xFFFFFFFF, 0, HAS_INDEX, count, 0, 1),
            *(largest, width, height, 0, 0, 0, 0),
        )
        stream = struct.pack(
            "<4s4sIHHIIIIIIIIHHHH",
            *(b"vids", b"MJPG", 0, 0, 0, 0, picture_us, S, 0, count, largest, 0xFFFFFFFF, 0),
            *(0, 0, width, height),
        )
        form = struct.pack(
            "<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0
        )
        strl = b"strl" + _chunk(b"strh", stream) + _chunk(b"strf", form)
        hdrl = b"hdrl" + _chunk(b"avih", main) + _chunk(b"LIST", strl)
        whole = 4 + 8 + len(hdrl) + 8 + self._position + 8 + 16 * count
        return (
            struct.pack("<4sI4s", b"RIFF", whole, b"AVI ")
            + _chunk(b"LIST", hdrl)
            + struct.pack("<4sI4s", b"LIST", self._position, b"movi")
        )


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content
