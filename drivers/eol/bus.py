"""The SPI bus that the converter hangs at: this machine's own (lgpio), or behind a pigpiod.

Not through gpiozero's `MCP3008`: where the hardware bus cannot be had it goes on with one that it
makes of pins, with a warning; it does not look at the null bit; and each of its readings is a
round trip of its own, which at ten rounds a second costs three times the processor. What we need
of the wire is in `wire`.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from drivers import pins_library
from drivers.contract import DeviceConfused, DeviceError, DeviceRefused, DeviceSilent, Json
from drivers.eol.options import Options
from drivers.eol.wire import (
    BAUD,
    COMMAND,
    HWVER,
    RESULT,
    SPIC,
    SPIO,
    Transfers,
    code,
    command,
    frame,
    refusal,
)

DEADLINE_S = 1.5  # for one exchange; a healthy pigpiod answers eight channels in 2 ms
TIMEVAL = struct.pack("ll", int(DEADLINE_S), int(DEADLINE_S % 1 * 1_000_000))
FLAGS = bytes(4)  # SPI mode 0,0; the main bus


class Bus(ABC):
    """The way to one converter; to be closed.

    Every method raises `DeviceError` when the bus cannot, will not, or is late.

    Attributes:
        where: what a technician would call it.
        identity: what would show that it is another one.
    """

    where: str
    identity: dict[str, Json]

    def __enter__(self) -> Bus:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def convert(self) -> list[int | None]:
        """Measure every channel in use, in order; None is no answer of a converter."""

    @abstractmethod
    def close(self) -> None:
        """Give it back."""


class LgpioBus(Bus):
    """The machine's own bus."""

    def __init__(self, options: Options, channels: Sequence[int]) -> None:
        self.where = f"{options.adc.upper()} at /dev/spidev0.{options.select}"
        self.identity = {"adc": options.adc}
        self._adc = options.adc
        self._frames = [frame(options.adc, channel) for channel in channels]
        try:
            lgpio = pins_library.lgpio()
        except ModuleNotFoundError as error:
            raise DeviceRefused(
                f"{self.where}: the Python package lgpio is not installed; "
                "install armoury-agent[pi]"
            ) from error
        self._lgpio: Any = lgpio
        try:
            self._handle = lgpio.spi_open(0, options.select, BAUD, 0)
        except lgpio.error as error:
            raise DeviceRefused(
                f"{self.where} cannot be opened ({error}); write dtparam=spi=on in config.txt, "
                "and run as a user in the group spi"
            ) from error

    def convert(self) -> list[int | None]:
        try:
            answers = [self._lgpio.spi_xfer(self._handle, sent) for sent in self._frames]
        except self._lgpio.error as error:
            raise DeviceSilent(f"{self.where} cannot be read ({error})") from error
        return [code(self._adc, bytes(received)) for _, received in answers]

    def close(self) -> None:
        self._lgpio.spi_close(self._handle)


class PigpioBus(Bus):
    """The bus behind a pigpiod."""

    def __init__(self, options: Options, channels: Sequence[int]) -> None:
        self._address = options.address
        daemon = "pigpiod at {}:{}".format(*self._address)
        self.where = f"{options.adc.upper()} at chip select {options.select}, {daemon}"
        self._handle: int | None = None
        self._expected = 0
        try:
            self._sock = socket.create_connection(self._address, DEADLINE_S)
        except OSError as error:
            raise self._unreachable(error) from error
        try:
            self._open(options, channels)
        except DeviceError:
            self.close()
            raise

    def _open(self, options: Options, channels: Sequence[int]) -> None:
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.settimeout(None)  # the kernel keeps the deadline, for two calls less a round
        for deadline in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self._sock.setsockopt(socket.SOL_SOCKET, deadline, TIMEVAL)
        revision = self._ask(command(HWVER))
        self.identity = {"adc": options.adc, "revision": f"{revision:04x}"}
        self._handle = self._ask(command(SPIO, options.select, BAUD, FLAGS))
        self._transfers = Transfers(options.adc, self._handle, channels)

    def convert(self) -> list[int | None]:
        answer = self._exchange(self._transfers.asked, self._transfers.size)
        codes = self._transfers.codes(answer)
        if codes is None:
            raise self._refused(answer)
        return codes

    def close(self) -> None:
        """Give the handle back, which outlives a connection, and hang up."""
        with self._sock:
            if self._handle is not None:
                with contextlib.suppress(OSError):  # it is gone, and its handles with it
                    self._sock.sendall(command(SPIC, self._handle))

    def _ask(self, asked: bytes) -> int:
        answer = self._exchange(asked, COMMAND.size)
        (result,) = RESULT.unpack(answer)
        if answer[:4] != asked[:4]:
            raise DeviceConfused(f"{self.where} answers what it was not asked")
        if result < 0:
            raise self._refused(answer)
        return int(result)

    def _exchange(self, asked: bytes, size: int) -> bytes:
        try:
            self._expect(size)
            self._sock.sendall(asked)
            answer = self._sock.recv(size)
        except BlockingIOError as error:  # what SO_RCVTIMEO raises
            raise DeviceSilent(
                f"{self.where} does not answer within {DEADLINE_S:g} s; restart it"
            ) from error
        except OSError as error:
            raise self._unreachable(error) from error
        if len(answer) < size:
            raise self._short(answer)
        return answer

    def _expect(self, size: int) -> None:
        """Be woken once for a whole answer, however many pieces it comes in."""
        if size != self._expected:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
            self._expected = size

    def _short(self, answer: bytes) -> DeviceError:
        """Return what is wrong with an answer that is not whole in time: it may be a refusal."""
        if refusal(answer):
            return self._refused(answer)
        how = "broke off in the middle of an answer" if answer else "hung up"
        return DeviceSilent(f"{self.where} {how}")

    def _refused(self, answer: bytes) -> DeviceError:
        reason = refusal(answer)
        if reason is None:
            return DeviceConfused(f"{self.where} answers nonsense: {answer[:19].hex(' ')}")
        return DeviceRefused(f"{self.where} refuses: {reason}")

    def _unreachable(self, error: OSError) -> DeviceError:
        return DeviceSilent(
            f"{self.where} cannot be reached ({error.strerror or error}); "
            "start it, and check host and port in the site file"
        )


def open_bus(options: Options, channels: Sequence[int]) -> Bus:
    """Open the bus as the site file says, and in no other way."""
    match options.factory:
        case "lgpio":
            return LgpioBus(options, channels)
        case "pigpio":
            return PigpioBus(options, channels)
