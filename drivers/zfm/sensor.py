"""The fingerprint module: pyfingerprint with types, and with errors that can be told apart."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeVar

from drivers.contract import DeviceConfused, DeviceError, DeviceRefused
from drivers.zfm.wire import Wire

T = TypeVar("T")

INDEX_PAGE = 256  # positions in a page of the module's index

# Confirmation codes (ZFM user manual, "Instructions").
IMAGE_FAILED = 0x03
POOR_IMAGE = {0x06, 0x07, 0x15}  # messy, too few features, nothing of a finger
WRONG_ADDRESS = 0x20
VERIFY_FIRST = 0x21


class Sight(Enum):
    """What an image shows."""

    NOTHING = auto()
    FINGER = auto()
    BLUR = auto()  # something is there, but the image failed


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a module says of itself. `packet_size` in bytes, `baud` in bits a second."""

    system_id: int
    capacity: int
    security: int
    address: int
    packet_size: int
    baud: int


@dataclass(frozen=True, slots=True)
class Match:
    """Where the module knows a finger from, and how sure it is."""

    position: int
    score: int


class Sensor:
    """The module at the end of a wire. Every method is one exchange or a few.

    Args:
        wire: the open line.
        address: the module's.
        password: the module's.
        contact: called after every exchange that went well.

    Every method raises `DeviceError` when the module does not answer, or not as it should.
    """

    def __init__(
        self, wire: Wire, address: int, password: int, contact: Callable[[], None]
    ) -> None:
        self._wire = wire
        self._contact = contact
        self._library = _pyfingerprint(wire, address, password)

    def unlock(self) -> None:
        """Give the password."""
        if not self._ask(self._library.verifyPassword):
            raise DeviceRefused(
                f"{self._wire.port}: the reader does not take this password; "
                "is it the module that was installed here?"
            )

    def parameters(self) -> Parameters:
        """Return what the module says of itself."""
        _status, *said = self._ask(self._library.getSystemParameters)
        system_id, capacity, security, address, packet, baud = said
        return Parameters(system_id, capacity, security, address, 32 << packet, baud * 9600)

    def set_security(self, level: int) -> None:
        """Set how strictly the module matches; kept in its flash."""
        self._ask(self._library.setSecurityLevel, level)

    def count(self) -> int:
        """Return how many templates are kept."""
        return int(self._ask(self._library.getTemplateCount))

    def in_use(self, position: int) -> bool:
        """Return whether a template is kept at this position."""
        page, place = divmod(position, INDEX_PAGE)
        return bool(self._ask(self._library.getTemplateIndex, page)[place])

    def positions(self) -> list[int]:
        """Return where templates are kept."""
        capacity = self.parameters().capacity
        pages = -(-capacity // INDEX_PAGE)
        used = [self._ask(self._library.getTemplateIndex, page) for page in range(pages)]
        return [
            page * INDEX_PAGE + place
            for page, places in enumerate(used)
            for place, is_used in enumerate(places)
            if is_used and page * INDEX_PAGE + place < capacity
        ]

    def take_image(self) -> Sight:
        """Take an image of what lies on the window."""
        try:
            return Sight.FINGER if self._ask(self._library.readImage) else Sight.NOTHING
        except DeviceConfused:
            if self._wire.code == IMAGE_FAILED:
                return Sight.BLUR
            raise

    def convert(self, buffer: int) -> bool:
        """Make features of the image in buffer 1 or 2; False when it is too poor."""
        try:
            self._ask(self._library.convertImage, buffer)
        except DeviceConfused:
            if self._wire.code in POOR_IMAGE:
                return False
            raise
        return True

    def search(self) -> Match | None:
        """Look the features of buffer 1 up among all templates."""
        position, score = self._ask(self._library.searchTemplate)
        return None if position < 0 else Match(position, score)

    def merge(self) -> bool:
        """Make one template of both buffers; False when they are of different fingers."""
        return bool(self._ask(self._library.createTemplate))

    def store(self, position: int) -> None:
        """Keep the merged template."""
        self._ask(self._library.storeTemplate, position)

    def delete(self, position: int) -> None:
        """Forget a template."""
        if not self._ask(self._library.deleteTemplate, position):
            raise DeviceConfused(f"{self._wire.port}: the reader cannot delete at {position}")

    def _ask(self, what: Callable[..., T], *given: int) -> T:
        """Call pyfingerprint, which says everything that went wrong with a bare `Exception`."""
        try:
            said = what(*given)
        except DeviceError:
            raise
        except Exception as error:
            raise self._translated(error) from error
        finally:
            if self._wire.code is not None:  # it answered, whatever it said
                self._contact()
        return said

    def _translated(self, error: Exception) -> DeviceError:
        port, code = self._wire.port, self._wire.code
        if code == WRONG_ADDRESS:
            return DeviceRefused(f"{port}: the reader has another address than the site file says")
        if code == VERIFY_FIRST:
            return DeviceConfused(f"{port}: the reader wants its password again; it lost power")
        return DeviceConfused(f"{port}: the reader said what it must not ({error})")


def _pyfingerprint(wire: Wire, address: int, password: int) -> Any:
    """Return a `PyFingerprint` on this wire.

    Its constructor is left out: it would open the port itself, twice and not for us alone.
    The three attributes are all that it sets (pyfingerprint 1.5).
    """
    _load_pillow_when_used()
    from pyfingerprint.pyfingerprint import PyFingerprint

    library = PyFingerprint.__new__(PyFingerprint)
    given = {"serial": wire, "address": address, "password": password}
    vars(library).update({f"_PyFingerprint__{name}": value for name, value in given.items()})
    return library


def _load_pillow_when_used() -> None:
    """Make Pillow load at its first use, which never comes: pictures stay in the module.

    pyfingerprint imports it for `downloadImage` only; it is a quarter of the host's memory.
    This is the standard library's recipe for lazy imports (importlib, `LazyLoader`).
    """
    name = "PIL.Image"
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    vars(sys.modules["PIL"])["Image"] = module
