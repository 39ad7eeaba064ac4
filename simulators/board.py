"""A simulated GPIO board: a Raspberry Pi's pins behind the pigpiod protocol.

    python -m simulators.board --listen 127.0.0.1:0 --control /run/board.sock --closed 17 27

It stands where pigpiod would, so gpiozero's `PiGPIOFactory` and the `pigpio` package connect to
it unchanged. Its SPI bus takes converters with loops at their channels (`adc`, `wire`, `loop`).
What is wired to the pins, and every misbehaviour, is moved over the control
channel: `{"do": "help"}` lists the verbs.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from typing import Any

from simulators.board_loops import Loops
from simulators.board_pins import LAST_USER_PIN, Pin
from simulators.board_server import BoardServer, Fault
from simulators.control import ControlServer, Json, SimulatorError, Verb, until_stopped
from simulators.pigpiod_wire import CommandRefused

LONGEST_BOUNCE_MS = 600_000
FASTEST_BOUNCE_HZ = 5_000


class Board:
    """What a person can do to the simulated board: the verbs of its control channel."""

    def __init__(self, server: BoardServer) -> None:
        self._server = server
        self._recovery: threading.Timer | None = None

    def verbs(self) -> dict[str, Verb]:
        """Return the verbs by name."""
        own = (self.set, self.press, self.release, self.read, self.pins, self.bounce, self.swap)
        faults = (
            self.silence, self.garbage, self.half, self.disconnect, self.slow, self.vanish,
            self.recover,
        )  # fmt: skip
        loops = Loops(self._server.spi, self._server.lock).verbs()
        return {verb.__name__: _sentenced(verb) for verb in own + faults} | loops

    def set(self, asked: dict[str, Any]) -> Json:
        """Wire `pin` to `level` 0 (a closed contact to ground) or 1; null leaves it open."""
        with self._server.lock:
            self._server.pins.drive(asked["pin"], asked["level"])
        return None

    def press(self, asked: dict[str, Any]) -> Json:
        """Be a button on `pin`: drive `level`, or where none is given the other level than now."""
        with self._server.lock:
            self._server.pins.press(asked["pin"], asked.get("level"))
        return None

    def release(self, asked: dict[str, Any]) -> Json:
        """Let go of the button on `pin`."""
        with self._server.lock:
            self._server.pins.release(asked["pin"])
        return None

    def read(self, asked: dict[str, Any]) -> Json:
        """Return the level of `pin`."""
        with self._server.lock:
            return self._server.pins[asked["pin"]].level

    def pins(self, _asked: dict[str, Any]) -> Json:
        """Return every pin: its state, and `history`: what the board drove it to, and when."""
        with self._server.lock:
            pins = self._server.pins
            return {str(number): _shown(pins[number]) for number in range(LAST_USER_PIN + 1)}

    def bounce(self, asked: dict[str, Any]) -> Json:
        """Toggle `pin` with `hz` for `for_ms`; in the end it is as it was before, or at `level`."""
        pin, hz, for_ms = int(asked["pin"]), int(asked["hz"]), int(asked["for_ms"])
        if not (0 < hz <= FASTEST_BOUNCE_HZ and 0 < for_ms <= LONGEST_BOUNCE_MS):
            raise SimulatorError(f"up to {FASTEST_BOUNCE_HZ} Hz and {LONGEST_BOUNCE_MS} ms")
        with self._server.lock:
            before = self._server.pins[pin].external
        end = asked.get("level", before)
        changes = 2 * hz * for_ms // 1000
        threading.Thread(target=self._bounce, args=(pin, hz, changes, end), daemon=True).start()
        return changes

    def _bounce(self, pin: int, hz: int, changes: int, end: int | None) -> None:
        started = time.monotonic()
        for number in range(1, changes + 1):
            with self._server.lock:
                self._server.pins.drive(pin, 1 - self._server.pins[pin].level)
            time.sleep(max(0.0, started + number / (2 * hz) - time.monotonic()))
        with self._server.lock:
            self._server.pins.drive(pin, end)

    def swap(self, asked: dict[str, Any]) -> Json:
        """Be another board: hang up, and say `revision` (hexadecimal text) from now on."""
        self._server.revision = int(asked["revision"], 16)
        self._server.hang_up()
        return None

    def silence(self, asked: dict[str, Any]) -> Json:
        """Take everything and answer nothing, for `for_s` seconds or until `recover`."""
        return self._misbehave(Fault.SILENCE, asked)

    def garbage(self, asked: dict[str, Any]) -> Json:
        """Send nonsense at once, and as every frame, for `for_s` seconds or until `recover`."""
        self._misbehave(Fault.GARBAGE, asked)
        self._server.babble(12)
        return None

    def half(self, asked: dict[str, Any]) -> Json:
        """Cut every frame in the middle, for `for_s` seconds or until `recover`."""
        return self._misbehave(Fault.HALF, asked)

    def disconnect(self, _asked: dict[str, Any]) -> Json:
        """Hang up on every client, once."""
        self._server.hang_up()
        return None

    def slow(self, asked: dict[str, Any]) -> Json:
        """Answer `ms` milliseconds late, for `for_s` seconds or until `recover`."""
        self._server.slow_s = int(asked["ms"]) / 1000
        return self._misbehave(Fault.NONE, asked)

    def vanish(self, asked: dict[str, Any]) -> Json:
        """Hang up and listen no more, for `for_s` seconds or until `recover`."""
        self._server.vanish()
        return self._misbehave(Fault.NONE, asked)

    def recover(self, _asked: dict[str, Any]) -> Json:
        """Behave again."""
        if self._recovery:
            self._recovery.cancel()
        self._server.fault, self._server.slow_s = Fault.NONE, 0.0
        try:
            self._server.listen()
        except OSError as error:
            raise SimulatorError(f"cannot listen any more: {error}") from error
        return None

    def _misbehave(self, fault: Fault, asked: dict[str, Any]) -> Json:
        if self._recovery:
            self._recovery.cancel()
        self._server.fault = fault
        if asked.get("for_s") is not None:
            self._recovery = threading.Timer(float(asked["for_s"]), self.recover, ({},))
            self._recovery.daemon = True
            self._recovery.start()
        return None


def _sentenced(verb: Verb) -> Verb:
    """Let a verb's refusals be sentences."""

    def ask(asked: dict[str, Any]) -> Json:
        try:
            return verb(asked)
        except CommandRefused as refused:
            raise SimulatorError(f"the board says {refused}") from refused

    ask.__doc__ = verb.__doc__
    return ask


def _shown(pin: Pin) -> Json:
    return {
        "mode": pin.mode.name.lower(),
        "pull": pin.pull.name.lower(),
        "level": pin.level,
        "external": pin.external,
        "history": [[at_us, level] for at_us, level in pin.history],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulators.board", description=__doc__.split("\n")[0])
    parser.add_argument("--listen", required=True, metavar="HOST:PORT", help="port 0: any free one")
    parser.add_argument("--control", required=True, metavar="PATH", help="control socket to make")
    parser.add_argument(
        "--closed",
        type=int,
        nargs="*",
        default=[],
        metavar="PIN",
        help="contacts to ground, closed",
    )
    parser.add_argument(
        "--revision", type=_hexadecimal, default="a02082", help="of the Raspberry Pi (a02082: 3B)"
    )
    return parser.parse_args()


def main() -> int:
    """Run the board until SIGTERM."""
    try:
        _run(_arguments())
    except (SimulatorError, ValueError, OSError) as error:
        sys.stderr.write(f"board: {error}\n")
        return 1
    return 0


def _run(asked: argparse.Namespace) -> None:
    host, _, port = asked.listen.rpartition(":")
    server = BoardServer(host, int(port), asked.revision)
    for pin in asked.closed:
        server.pins.drive(pin, 0)
    server.listen()
    control = ControlServer(asked.control, Board(server).verbs())
    control.start()
    until_stopped("listening on {}:{}".format(*server.address))
    control.close()


def _hexadecimal(text: str) -> int:
    return int(text, 16)


if __name__ == "__main__":
    sys.exit(main())
