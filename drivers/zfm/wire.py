"""The serial line under pyfingerprint: no exchange can hang, and none gets out of step.

pyfingerprint reads a frame byte by byte, for as long as its length says, from wherever the
line happens to be. So it is not given the port. It is given a `Wire`, which takes a command's
bytes, has the whole exchange with the module itself, and hands out only the bytes of one
frame that came in time, complete and with the right sum:

* what was left on the line is thrown away before a command, stray bytes before its answer;
* an answer that is garbled (it breaks off, its header, sum or length is wrong) is asked for once
  more, when the line is quiet. All commands that the driver sends may be sent twice;
* nothing for `REPLY_S`, or garbled twice, ends the driver with a sentence.
"""

from __future__ import annotations

import contextlib
import termios
import time
from collections.abc import Iterator

import serial

from drivers.contract import DeviceConfused, DeviceError, DeviceSilent
from drivers.serial_port import why_not_open
from drivers.zfm.answer import FRONT, Answer, Garbled

REPLY_S = 3.0  # modules need up to 1 s for a search (R30x manual, "Average searching time")
GAP_S = 0.25  # longer pauses within a frame do not occur; USB adapters add up to 16 ms
WRITE_S = 1.0
AT_ONCE = 4096  # bytes
QUIET_WITHIN_S = 1.0  # a line that is not quiet by then babbles


class Wire:
    """A serial port with a fingerprint module at its end; to be closed.

    It is what pyfingerprint takes for its `serial.Serial`: `write`, `read`, `isOpen`, `close`.

    Args:
        port: path of the port; opened at once, for us alone.
        baud: as the module is set.

    Attributes:
        port: the same, for messages.
        code: confirmation code of the last answer, None while there is none.

    Raises:
        DeviceSilent: the port cannot be opened.
        DeviceRefused: it is no serial port.
    """

    def __init__(self, port: str, baud: int) -> None:
        self.port = port
        self.code: int | None = None
        self._baud = baud
        self._command = bytearray()
        self._answer = bytearray()
        try:
            self._serial = serial.Serial(
                port, baud, timeout=GAP_S, write_timeout=WRITE_S, exclusive=True
            )
        except OSError as error:  # pyserial's own errors are OSErrors
            raise why_not_open(port, error) from error

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the port: held open after unplugging, the kernel renumbers the next one."""
        self._serial.close()

    def isOpen(self) -> bool:  # noqa: N802 - pyserial's name; pyfingerprint asks at its end
        """Return whether the port is held."""
        return bool(self._serial.is_open)

    def write(self, data: bytes) -> int:
        """Take the next bytes of a command."""
        self._command += data
        return len(data)

    def read(self, size: int = 1) -> bytes:
        """Return the next bytes of the answer to what was written."""
        if not self._answer:
            self._answer = self._exchange()
        given = bytes(self._answer[:size])
        del self._answer[:size]
        return given

    def _exchange(self) -> bytearray:
        command = bytes(self._command)
        self._command.clear()
        self.code = None
        with self._unplugging():
            try:
                answer = self._ask(command)
            except Garbled:
                self._await_quiet()
                answer = self._ask_again(command)
        self.code = answer[FRONT]
        return answer

    def _ask_again(self, command: bytes) -> bytearray:
        try:
            return self._ask(command)
        except Garbled as error:
            raise DeviceConfused(
                f"{self.port}: the reader's answers are garbled: they {error}; "
                "check its cable and what runs beside it"
            ) from error

    def _ask(self, command: bytes) -> bytearray:
        self._serial.reset_input_buffer()
        self._serial.write(command)
        deadline_s = time.monotonic() + REPLY_S
        answer = Answer()
        while answer.missing:
            received = self._serial.read(answer.missing)
            answer.feed(received)
            if answer.begun and not received:
                raise Garbled("break off")
            if time.monotonic() > deadline_s:
                raise self._silent(answer.junk)
        return answer.frame

    def _silent(self, junk: int) -> DeviceError:
        what = f"only {junk} stray bytes came" if junk else "nothing came"
        return DeviceSilent(
            f"{self.port}: the reader does not answer at {self._baud} baud ({what} in "
            f"{REPLY_S:.0f} s); check its power, its cable and its baud rate"
        )

    def _await_quiet(self) -> None:
        deadline_s = time.monotonic() + QUIET_WITHIN_S
        while self._serial.read(AT_ONCE):
            if time.monotonic() > deadline_s:
                raise DeviceConfused(
                    f"{self.port}: the reader sends without being asked; "
                    "check that it is one, its baud rate and its cable"
                )

    @contextlib.contextmanager
    def _unplugging(self) -> Iterator[None]:
        try:
            yield
        except (OSError, termios.error) as error:
            raise DeviceSilent(
                f"{self.port}: the reader is gone ({error.args[-1]}); was it unplugged?"
            ) from error
