"""The board through gpiozero: on the Pi itself (lgpio), or through a pigpiod.

Every call has a deadline, because a pigpiod that hangs would hang us for ever. All methods are
for the main thread (the deadline is a signal); changes are told from the library's thread.
"""

from __future__ import annotations

import contextlib
import io
import signal
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from drivers import pins_library
from drivers.contract import DeviceConfused, DeviceError, DeviceRefused, DeviceSilent, now_us
from drivers.gpio.options import Options
from drivers.gpio.wire import Notifications

DEADLINE_S = 1.5  # for one call; a healthy pigpiod answers in 0.1 ms
LOADING_S = 8.0  # for importing gpiozero: 0.1 s here, seconds from a cold SD card

Changed = Callable[[int, bool, int], None]  # pin, level, when it arrived (us)
Lost = Callable[[DeviceError], None]


class Board(ABC):
    """Pins by BCM number, through a gpiozero pin factory.

    Every method raises `DeviceError` when the board cannot, will not, or is late.

    Attributes:
        where: what a technician would call it.
        remedy: what to do where it cannot be used.
        revision: of the Raspberry Pi, hexadecimal.
    """

    where: str
    remedy: str
    revision: str

    def __init__(self) -> None:
        self._inputs: dict[int, Any] = {}
        self._listeners: list[object] = []  # gpiozero keeps weak references to them
        with self._talking(LOADING_S):
            kind = self._load()
        with self._talking():
            self._factory = self._open(kind)
            self.revision = self._factory.board_info.revision

    @abstractmethod
    def _load(self) -> Any:
        """Import the library; return the class of its pin factory."""

    @abstractmethod
    def _open(self, kind: Any) -> Any:
        """Return the pin factory, connected."""

    @abstractmethod
    def add_output(self, number: int, level: bool) -> None:
        """Make it an output that has `level` from its first moment."""

    @abstractmethod
    def write(self, number: int, level: bool, within_s: float = DEADLINE_S) -> None:
        """Drive an output."""

    @abstractmethod
    def prove(self) -> Mapping[int, bool]:
        """Ask the board what only it can know; return the level of every pin in use."""

    def add_input(self, number: int, pull: str) -> None:
        """Make it an input, pulled `up`, `down` or `floating`."""
        with self._talking():
            self._inputs[number] = self._factory.pin(number)
            self._inputs[number].pull = pull

    def watch(self, changed: Changed, lost: Lost) -> None:
        """Tell of every change of the inputs from now on, and of the end of the telling."""
        with self._talking():
            for number, pin in self._inputs.items():
                listener = _listener(number, changed)
                self._listeners.append(listener)
                pin.edges = "both"
                pin.when_changed = listener

    def read(self, number: int) -> bool:
        """Return an input's level."""
        with self._talking():
            return bool(self._inputs[number].state)

    @contextmanager
    def _talking(self, within_s: float = DEADLINE_S) -> Iterator[None]:
        """Bound a call of the library in time, and say its errors as ours."""
        try:
            with _deadline(within_s):
                yield
        except ModuleNotFoundError as error:
            raise DeviceRefused(
                f"{self.where}: the Python package {error.name} is not installed; "
                "install armoury-agent[pi] for factory lgpio, armoury-agent[gpio] for pigpio"
            ) from error
        except _Late as error:
            raise DeviceSilent(
                f"{self.where} does not answer within {within_s:g} s; restart it"
            ) from error
        except OSError as error:
            raise DeviceSilent(
                f"{self.where} cannot be reached ({error.strerror or error}); {self.remedy}"
            ) from error
        except struct.error as error:
            raise DeviceSilent(f"{self.where} broke off in the middle of an answer") from error
        except self._refusals() as error:
            raise DeviceRefused(f"{self.where} refuses ({error}); {self.remedy}") from error
        except (KeyError, ValueError) as error:
            raise DeviceConfused(f"{self.where} answers nonsense: {error}") from error

    def _refusals(self) -> tuple[type[Exception], ...]:
        """Return how the libraries say no; asked only once one of them has."""
        from gpiozero import GPIOZeroError

        return (GPIOZeroError,)


class LgpioBoard(Board):
    """The pins of the machine itself."""

    where = "the GPIO chip of this machine"
    remedy = "run on a Raspberry Pi, as a user in the group gpio, and use pins that it has"

    def __init__(self, _options: Options) -> None:
        self._outputs: dict[int, Any] = {}
        super().__init__()

    def _load(self) -> Any:
        pins_library.lgpio()  # gpiozero would load it where nothing can be written
        from gpiozero.pins.lgpio import LGPIOFactory

        return LGPIOFactory

    def _open(self, kind: Any) -> Any:
        return kind()

    def add_output(self, number: int, level: bool) -> None:
        import lgpio

        with self._talking():
            self._outputs[number] = self._factory.pin(number)
            # gpiozero would claim it low and write then: a blip where low switches on
            lgpio.gpio_claim_output(self._factory._handle, number, int(level))  # noqa: SLF001

    def write(self, number: int, level: bool, within_s: float = DEADLINE_S) -> None:
        with self._talking(within_s):
            self._outputs[number].state = level

    def prove(self) -> Mapping[int, bool]:
        with self._talking():
            pins = self._inputs | self._outputs
            return {number: bool(pin.state) for number, pin in pins.items()}

    def _refusals(self) -> tuple[type[Exception], ...]:
        import lgpio

        return (*super()._refusals(), lgpio.error)


class PigpioBoard(Board):
    """The pins behind a pigpiod."""

    remedy = "start it, and check host, port and pins in the site file"

    def __init__(self, options: Options) -> None:
        self._address = options.address
        self._outputs: list[int] = []
        self.where = "pigpiod at {}:{}".format(*self._address)
        super().__init__()
        self._pi = self._factory.connection

    def _load(self) -> Any:
        # Says why not, which the library does not; and while nobody is there, each attempt costs
        # a connection and not the library's import.
        socket.create_connection(self._address).close()
        from gpiozero.pins.pigpio import PiGPIOFactory

        return PiGPIOFactory

    def _open(self, kind: Any) -> Any:
        with contextlib.redirect_stdout(io.StringIO()):  # where the library prints its advice
            return kind(*self._address)

    def add_output(self, number: int, level: bool) -> None:
        self._outputs.append(number)
        self.write(number, level)

    def watch(self, changed: Changed, lost: Lost) -> None:
        import pigpio

        def lost_here(error: DeviceError) -> None:
            lost(type(error)(f"{self.where} {error}"))

        def told(number: int, level: int, _tick: int) -> None:
            changed(number, bool(level), now_us())

        with self._talking():
            self._pi._notify.stop()  # noqa: SLF001 - `wire` says what is wrong with it
            self._pi._notify = Notifications(self._pi, self._address, lost_here)  # noqa: SLF001
            for number in self._inputs:  # gpiozero's way is five calls longer, for every press
                self._pi.callback(number, pigpio.EITHER_EDGE, told)

    def write(self, number: int, level: bool, within_s: float = DEADLINE_S) -> None:
        # Not gpiozero's output: it would make the pin an input first, then drive its old level.
        # pigpiod's own write sets the level before the mode (pigpio.c, gpioWrite).
        with self._talking(within_s):
            self._pi.write(number, int(level))

    def prove(self) -> Mapping[int, bool]:
        with self._talking():
            revision = f"{self._pi.get_hardware_revision():04x}"
            levels = self._pi.read_bank_1()
        if revision != self.revision:
            raise DeviceConfused(
                f"{self.where} says that it is a board of revision {revision}; "
                f"at start it was {self.revision}"
            )
        return {number: bool(levels >> number & 1) for number in (*self._inputs, *self._outputs)}

    def _refusals(self) -> tuple[type[Exception], ...]:
        import pigpio

        return (*super()._refusals(), pigpio.error)


def open_board(options: Options) -> Board:
    """Connect to the board as the site file says, and in no other way."""
    match options.factory:
        case "lgpio":
            return LgpioBoard(options)
        case "pigpio":
            return PigpioBoard(options)


def _listener(number: int, changed: Changed) -> Callable[[object, int], None]:
    def listener(_ticks: object, level: int) -> None:
        changed(number, bool(level), now_us())

    return listener


class _Late(Exception):
    """The deadline has passed."""


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    def late(_signal: int, _frame: object) -> None:
        raise _Late

    previous = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
