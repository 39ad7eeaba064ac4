"""A ZFM-20 / R30x fingerprint module: a command frame in, its answer out. No I/O.

The commands, their acknowledgements' sizes and their codes are those of the ZFM user manual
(chapter "Instructions"); an acknowledgement has its command's size also when it refuses.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from simulators.zfm_codes import Code, Status
from simulators.zfm_finger import TEMPLATE_BYTES, Finger, Window, score
from simulators.zfm_frame import Frame, Kind, encode
from simulators.zfm_memory import INDEX_PAGES, Memory

STEP_BAUD = 9600  # the module keeps its baud rate as a multiple of this
SCORE_NEEDED = {1: 30, 2: 50, 3: 70, 4: 90, 5: 110}  # by security level


# The one error in here: a command that the module refuses, with the code that says why.
class Refused(Exception):
    """The command's answer is this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Ram:
    """What a module forgets without power."""

    verified: bool
    image: Finger | None = None
    buffers: dict[int, bytes] = field(default_factory=dict)
    found: bool = False
    download: tuple[int, bytearray] | None = None  # buffer, and what came of it so far


class Module:
    """One module under power.

    Args:
        memory: its flash.
        window: where fingers are laid.
        changed: called when its flash has changed.

    Attributes:
        images: how many images were asked for.
    """

    def __init__(
        self, memory: Memory, window: Window, changed: Callable[[], None] = lambda: None
    ) -> None:
        self.memory = memory
        self.window = window
        self._changed = changed
        self._chance = random.Random(memory.system_id)
        self.images = 0
        self.power_up()

    @property
    def baud(self) -> int:
        """Return its speed on the line."""
        return self.memory.baud * STEP_BAUD

    def power_up(self) -> None:
        """Start afresh, with what the flash holds."""
        self._ram = Ram(verified=self.memory.password == 0)

    def answer(self, frame: Frame) -> bytes:
        """Return what the module sends on one frame: nothing, an acknowledgement, data too."""
        if frame.kind in (Kind.DATA, Kind.END):
            self._take_data(frame)
            return b""
        if frame.kind != Kind.COMMAND:
            return b""
        self._ram.download = None
        command = COMMANDS.get(frame.payload[0])
        if not frame.intact or command is None:
            return self._acknowledge(bytes([Code.NOT_UNDERSTOOD]))
        try:
            said = self._run(command, frame)
        except Refused as refused:
            self._ram.found = False
            return self._acknowledge(bytes([refused.code]).ljust(1 + command.answers, b"\0"))
        if command.writes:
            self._changed()
        reply = self._acknowledge(said[: 1 + command.answers])
        return reply + self._data(said[1 + command.answers :])

    def _run(self, command: Command, frame: Frame) -> bytes:
        if frame.address != self.memory.address:
            raise Refused(Code.ADDRESS)
        if len(frame.payload) != 1 + command.takes:
            raise Refused(Code.NOT_UNDERSTOOD)
        if not self._ram.verified and command.run is not Module.verify_password:
            raise Refused(Code.VERIFY_FIRST)
        return command.run(self, frame.payload[1:])

    def _acknowledge(self, payload: bytes) -> bytes:
        return encode(self.memory.address, Kind.ACKNOWLEDGE, payload)

    def _data(self, data: bytes) -> bytes:
        size = 32 << self.memory.packet
        parts = [data[start : start + size] for start in range(0, len(data), size)]
        kinds = [Kind.DATA] * (len(parts) - 1) + [Kind.END]
        pairs = zip(kinds, parts, strict=False)
        return b"".join(encode(self.memory.address, kind, part) for kind, part in pairs)

    def _take_data(self, frame: Frame) -> None:
        if self._ram.download is None or not frame.intact:
            self._ram.download = None
            return
        number, received = self._ram.download
        received += frame.payload
        if frame.kind == Kind.END or len(received) > TEMPLATE_BYTES:
            self._ram.download = None
            if len(received) == TEMPLATE_BYTES:
                self._ram.buffers[number] = bytes(received)

    # The commands. Each takes its parameters and returns its code and what follows it.

    def verify_password(self, given: bytes) -> bytes:
        """13: open the module."""
        self._ram.verified = int.from_bytes(given, "big") == self.memory.password
        return bytes([Code.OK if self._ram.verified else Code.WRONG_PASSWORD])

    def set_password(self, given: bytes) -> bytes:
        """12: needed from the next start on."""
        self.memory.password = int.from_bytes(given, "big")
        return bytes([Code.OK])

    def set_address(self, given: bytes) -> bytes:
        """15: the acknowledgement bears the new address already."""
        self.memory.address = int.from_bytes(given, "big")
        return bytes([Code.OK])

    def set_parameter(self, given: bytes) -> bytes:
        """0E: baud rate (4), security level (5), packet size (6)."""
        number, value = given
        known = {4: ("baud", 1, 12), 5: ("security", 1, 5), 6: ("packet", 0, 3)}
        name, low, high = known.get(number, ("", 1, 0))
        if not low <= value <= high:
            raise Refused(Code.REGISTER)
        setattr(self.memory, name, value)
        return bytes([Code.OK])

    def read_parameters(self, _given: bytes) -> bytes:
        """0F: status register, then the parameters."""
        memory = self.memory
        status = (
            (Status.FOUND if self._ram.found else 0)
            | (Status.VERIFIED if self._ram.verified else 0)
            | (Status.IMAGE if self._ram.image else 0)
        )
        words = [status, memory.system_id, memory.capacity, memory.security]
        words += [memory.address >> 16, memory.address & 0xFFFF, memory.packet, memory.baud]
        return bytes([Code.OK]) + b"".join(_word(word) for word in words)

    def read_image(self, _given: bytes) -> bytes:
        """01: take an image of what lies on the window."""
        self.images += 1
        finger = self.window.finger
        if finger is None:
            self._ram.image = None
            raise Refused(Code.NO_FINGER)
        if finger.flaw == Code.NO_IMAGE_TAKEN:
            raise Refused(finger.flaw)
        self._ram.image = finger.impression(self._chance)
        return bytes([Code.OK])

    def upload_image(self, _given: bytes) -> bytes:
        """0A: send the image."""
        return bytes([Code.OK]) + self._imaged().image()

    def convert(self, given: bytes) -> bytes:
        """02: make features of the image, in buffer 1 or 2."""
        image = self._imaged()
        if image.flaw:
            raise Refused(image.flaw)
        self._ram.buffers[_buffer(given)] = image.features
        return bytes([Code.OK])

    def search(self, given: bytes) -> bytes:
        """04 and 1B: find a buffer's features among the templates from `start` on."""
        features = self._buffered(given[:1], Code.NOT_FOUND)
        best, position = self.memory.nearest(features, *_words(given[1:]))
        if best < SCORE_NEEDED[self.memory.security]:
            raise Refused(Code.NOT_FOUND)
        self._ram.found = True
        return bytes([Code.OK]) + _word(position) + _word(best)

    def compare(self, _given: bytes) -> bytes:
        """03: how alike the two buffers are."""
        alike = score(*self._both())
        if alike < SCORE_NEEDED[self.memory.security]:
            raise Refused(Code.NO_MATCH)
        return bytes([Code.OK]) + _word(alike)

    def make_model(self, _given: bytes) -> bytes:
        """05: make one template of the two buffers, in both."""
        first, second = self._both()
        if score(first, second) < SCORE_NEEDED[self.memory.security]:
            raise Refused(Code.NOT_ONE_FINGER)
        self._ram.buffers = {1: first, 2: first}
        return bytes([Code.OK])

    def store(self, given: bytes) -> bytes:
        """06: keep a buffer at a position."""
        features = self._buffered(given[:1], Code.FLASH)
        self.memory.templates[self._position(given[1:])] = features
        return bytes([Code.OK])

    def load(self, given: bytes) -> bytes:
        """07: put a template into a buffer."""
        kept = self.memory.templates.get(self._position(given[1:]))
        if kept is None:
            raise Refused(Code.NOT_LOADED)
        self._ram.buffers[_buffer(given[:1])] = kept
        return bytes([Code.OK])

    def upload_template(self, given: bytes) -> bytes:
        """08: send a buffer."""
        return bytes([Code.OK]) + self._buffered(given, Code.NOT_SENT)

    def download_template(self, given: bytes) -> bytes:
        """09: what follows as data is a buffer's new content."""
        self._ram.download = (_buffer(given), bytearray())
        return bytes([Code.OK])

    def delete(self, given: bytes) -> bytes:
        """0C: forget `count` templates from a position on."""
        start, count = _words(given)
        if start + count > self.memory.capacity:
            raise Refused(Code.NOT_DELETED)
        for position in range(start, start + count):
            self.memory.templates.pop(position, None)
        return bytes([Code.OK])

    def empty(self, _given: bytes) -> bytes:
        """0D: forget all templates."""
        self.memory.templates.clear()
        return bytes([Code.OK])

    def count(self, _given: bytes) -> bytes:
        """1D: how many templates are kept."""
        return bytes([Code.OK]) + _word(len(self.memory.templates))

    def index(self, given: bytes) -> bytes:
        """1F: which of a page's 256 positions are in use, a bit each, least first."""
        if given[0] >= INDEX_PAGES:
            raise Refused(Code.BAD_POSITION)
        return bytes([Code.OK]) + self.memory.index(given[0])

    def draw(self, _given: bytes) -> bytes:
        """14: a random number."""
        return bytes([Code.OK]) + os.urandom(4)

    def echo(self, _given: bytes) -> bytes:
        """53: the module is there."""
        return bytes([Code.ECHO])

    def _imaged(self) -> Finger:
        if self._ram.image is None:
            raise Refused(Code.NO_IMAGE)
        return self._ram.image

    def _buffered(self, number: bytes, otherwise: int) -> bytes:
        if (features := self._ram.buffers.get(_buffer(number))) is None:
            raise Refused(otherwise)
        return features

    def _both(self) -> tuple[bytes, bytes]:
        one, two = (self._buffered(number, Code.NOT_ONE_FINGER) for number in (b"\1", b"\2"))
        return one, two

    def _position(self, given: bytes) -> int:
        position = int.from_bytes(given, "big")
        if position >= self.memory.capacity:
            raise Refused(Code.BAD_POSITION)
        return position


def _word(number: int) -> bytes:
    return number.to_bytes(2, "big")


def _words(given: bytes) -> tuple[int, int]:
    return int.from_bytes(given[:2], "big"), int.from_bytes(given[2:4], "big")


def _buffer(given: bytes) -> int:
    return 1 if given == b"\1" else 2  # manual: whatever is not 1 is taken for 2


Run: TypeAlias = Callable[[Module, bytes], bytes]


@dataclass(frozen=True, slots=True)
class Command:
    """One command: bytes it takes, bytes its acknowledgement has after the code."""

    run: Run
    takes: int = 0
    answers: int = 0
    writes: bool = False


COMMANDS = {
    0x01: Command(Module.read_image),
    0x02: Command(Module.convert, takes=1),
    0x03: Command(Module.compare, answers=2),
    0x04: Command(Module.search, takes=5, answers=4),
    0x05: Command(Module.make_model),
    0x06: Command(Module.store, takes=3, writes=True),
    0x07: Command(Module.load, takes=3),
    0x08: Command(Module.upload_template, takes=1),
    0x09: Command(Module.download_template, takes=1),
    0x0A: Command(Module.upload_image),
    0x0C: Command(Module.delete, takes=4, writes=True),
    0x0D: Command(Module.empty, writes=True),
    0x0E: Command(Module.set_parameter, takes=2, writes=True),
    0x0F: Command(Module.read_parameters, answers=16),
    0x12: Command(Module.set_password, takes=4, writes=True),
    0x13: Command(Module.verify_password, takes=4),
    0x14: Command(Module.draw, answers=4),
    0x15: Command(Module.set_address, takes=4, writes=True),
    0x1B: Command(Module.search, takes=5, answers=4),
    0x1D: Command(Module.count, answers=2),
    0x1F: Command(Module.index, takes=1, answers=32),
    0x53: Command(Module.echo),
}
