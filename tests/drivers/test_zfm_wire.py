"""The fingerprint driver's wire, on a pseudo-terminal with the test at its other end."""

from __future__ import annotations

import errno
import os
import threading
import time
import tty
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import serial

from drivers.contract import DeviceConfused, DeviceError, DeviceRefused, DeviceSilent
from drivers.serial_port import why_not_open
from drivers.zfm.wire import Wire

ASKED = bytes.fromhex("EF01FFFFFFFF 01 0003 1D 0021")
SAID = bytes.fromhex("EF01FFFFFFFF 07 0005 00 0003 000F")


class FarSide:
    """The module's end of a pseudo-terminal, answering each command with the next reply."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)
        self.heard: list[bytes] = []
        self._threads: list[threading.Thread] = []

    def will_say(self, *replies: bytes) -> None:
        thread = threading.Thread(target=self._answer, args=(replies,))
        thread.start()
        self._threads.append(thread)

    def _answer(self, replies: Sequence[bytes]) -> None:
        for reply in replies:
            command = b""
            while len(command) < len(ASKED):
                command += os.read(self.master, 100)
            self.heard.append(command)
            os.write(self.master, reply)

    def close(self) -> None:
        for thread in self._threads:
            thread.join(timeout=60)
            assert not thread.is_alive(), "the wire did not ask as often as expected"
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def far() -> Iterator[FarSide]:
    side = FarSide()
    yield side
    side.close()


@pytest.fixture
def wire(far: FarSide) -> Iterator[Wire]:
    with Wire(far.port, 57600) as wire:
        yield wire


def ask(wire: Wire) -> bytes:
    """Ask as pyfingerprint does: byte by byte, as long as the answer is."""
    for byte in ASKED:
        wire.write(bytes([byte]))
    return b"".join(wire.read() for _ in SAID)


def test_a_command_leaves_whole_and_its_answer_is_handed_out_byte_by_byte(
    far: FarSide, wire: Wire
) -> None:
    far.will_say(SAID, SAID)
    assert ask(wire) == SAID
    assert ask(wire) == SAID
    assert far.heard == [ASKED, ASKED]
    assert wire.code == 0


@pytest.mark.parametrize("stray", [b"\0", b"\xef", b"\xef\xef", b"\x01\xef", b"noise"])
def test_stray_bytes_before_and_after_an_answer_do_no_harm(
    far: FarSide, wire: Wire, stray: bytes
) -> None:
    far.will_say(stray + SAID + stray, SAID)
    assert ask(wire) == SAID
    os.write(far.master, stray)
    assert ask(wire) == SAID
    assert far.heard == [ASKED, ASKED]


GARBLED = {
    "breaks off": SAID[:8],
    "wrong sum": SAID[:-1] + b"\x10",
    "too long": SAID[:7] + b"\x7f\xff" + SAID[9:],
    "longer than it is": SAID[:7] + b"\0\x20" + SAID[9:],
    "no header": b"\xee" + SAID[1:],
    "half a header": SAID[:1] + SAID[2:],
    "noise": bytes(2000),
}


@pytest.mark.parametrize("garbled", GARBLED.values(), ids=GARBLED)
def test_a_garbled_answer_is_asked_for_once_more(far: FarSide, wire: Wire, garbled: bytes) -> None:
    far.will_say(garbled, SAID)
    assert ask(wire) == SAID
    assert far.heard == [ASKED, ASKED]


@pytest.mark.parametrize("garbled", GARBLED.values(), ids=GARBLED)
def test_garbled_twice_is_the_end(far: FarSide, wire: Wire, garbled: bytes) -> None:
    far.will_say(garbled, garbled)
    with pytest.raises(DeviceConfused, match="answers are garbled"):
        ask(wire)
    assert wire.code is None


def test_a_module_that_does_not_answer_is_known_within_4_s(far: FarSide, wire: Wire) -> None:
    before_s = time.monotonic()
    with pytest.raises(DeviceSilent, match="does not answer at 57600 baud"):
        ask(wire)
    assert time.monotonic() - before_s < 4.0


def test_the_port_of_another_is_left_to_it(far: FarSide, wire: Wire) -> None:
    with pytest.raises(DeviceSilent, match="another program holds this port"):
        Wire(far.port, 57600)


def test_a_port_that_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DeviceSilent) as missing:
        Wire(str(tmp_path / "port"), 57600)
    assert str(missing.value).startswith(f"{tmp_path}/port: no such port; is the reader plugged in")


def test_what_is_no_serial_port_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file", Path("/dev/null")):
        with pytest.raises(DeviceRefused, match="cannot be used as a serial port"):
            Wire(str(path), 57600)


@pytest.mark.parametrize(
    ("number", "kind", "hint"),
    [
        (errno.EACCES, DeviceSilent, "group dialout"),
        (errno.EPERM, DeviceSilent, "systemctl restart armoury-agent"),
        (errno.EBUSY, DeviceSilent, "another program"),
        (errno.EIO, DeviceRefused, "cannot be used"),
        (None, DeviceRefused, "cannot be used"),
    ],
)
def test_every_reason_has_its_sentence(
    number: int | None, kind: type[DeviceError], hint: str
) -> None:
    told = why_not_open("/dev/ttyUSB0", serial.SerialException(number, "could not open port"))
    assert type(told) is kind
    assert str(told).startswith("/dev/ttyUSB0: ")
    assert hint in str(told)


def test_nothing_stays_open(far: FarSide) -> None:
    before = open_files()
    with Wire(far.port, 57600):
        assert open_files() > before
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
