"""The serial port, as libosdp takes it: what goes wrong inside its callbacks is kept for us."""

from __future__ import annotations

import termios

import serial
from osdp import Channel

from drivers.contract import DeviceSilent
from drivers.serial_port import why_not_open

WRITE_S = 0.5  # a frame of 1440 bytes takes 1.5 s at 9600 baud, and ours are of 30


class Port(Channel):  # type: ignore[misc] # libosdp has no types
    """A serial port with an RS-485 bus behind it; to be closed.

    Args:
        port: path of the port; opened at once, for us alone.
        baud: as the reader is set.

    Raises:
        DeviceSilent: it cannot be opened.
        DeviceRefused: it is no serial port.
    """

    def __init__(self, port: str, baud: int) -> None:
        super().__init__()
        self.name = port
        self.heard = 0
        self._lost: Exception | None = None
        try:
            self._serial = serial.Serial(
                port, baud, timeout=0, write_timeout=WRITE_S, exclusive=True
            )
        except OSError as error:  # pyserial's own errors are OSErrors
            raise why_not_open(port, error) from error

    def __enter__(self) -> Port:
        return self

    def __exit__(self, *_: object) -> None:
        self._serial.close()

    def read(self, max_bytes: int) -> bytes:
        """Return what has arrived, without waiting."""
        try:
            received = bytes(self._serial.read(max_bytes))
        except (OSError, termios.error) as error:
            self._lost = error
            return b""
        self.heard += len(received)
        return received

    def write(self, buf: bytes) -> int:
        """Send."""
        try:
            return int(self._serial.write(buf) or 0)
        except (OSError, termios.error) as error:
            self._lost = error
            return 0

    def flush(self) -> None:
        """Forget what was not read."""
        try:
            self._serial.reset_input_buffer()
        except (OSError, termios.error) as error:
            self._lost = error

    def check(self) -> None:
        """See that the port is there.

        Raises:
            DeviceSilent: it went away since.
        """
        if self._lost is not None:
            raise DeviceSilent(
                f"{self.name}: the RS-485 adapter is gone ({self._lost.args[-1]}); "
                "was it unplugged?"
            ) from self._lost
