"""The drivers that are installed, and their options; the drivers themselves are not loaded."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from types import ModuleType
from typing import TYPE_CHECKING

from drivers.contract import Need, Offers, Options

if TYPE_CHECKING:
    from agent.config.shape import Shape

GROUP = "armoury.drivers"
# The keys of a device's table that are the daemon's; the rest is for the driver's options.
DAEMON_KEYS = ("id", "driver", "simulated", "supervision_s")


# Part of a site file's mistakes: told as one, where the driver is named.
class DriverUnusable(Exception):
    """A driver that is named but cannot work on this machine; the text says what to do."""


@dataclass(frozen=True)
class InstalledDriver:
    """A driver by its entry point."""

    entry: EntryPoint

    @property
    def value(self) -> str:
        """What a host is told to run: "package.module:Class"."""
        return self.entry.value

    @cached_property
    def options(self) -> Shape[Options]:
        """The shape of its options: class `Options`, module `options` beside the driver's.

        Raises:
            DriverUnusable: the package is not what the contract asks for.
        """
        from agent.config.shape import Shape  # pydantic: hosts are started ahead of it

        module = self._options_module
        try:
            return Shape(module.Options, beside=DAEMON_KEYS)
        except AttributeError as error:
            raise DriverUnusable(
                f"this driver is broken, install another version: {error}"
            ) from error

    @property
    def behind(self) -> bool:
        """Whether its hosts let all others go first.

        Raises:
            DriverUnusable: as `options`.
        """
        return bool(getattr(self._options_module, "BEHIND", False))

    def missing(self, offers: Offers) -> Iterator[tuple[str, str]]:
        """Yield how to install what a device cannot do without, beside the key that asks for it.

        Args:
            offers: the device's.

        Raises:
            DriverUnusable: as `options`.
        """
        libraries = tuple(getattr(self._options_module, "LIBRARIES", ()))
        distribution = self.entry.dist.name if self.entry.dist else "armoury-agent"
        for need in offers.needs or (Need("driver", libraries, self.entry.name),):
            absent = [name for name in need.modules if importlib.util.find_spec(name) is None]
            if absent:
                how = f"pip install '{distribution}[{need.extra}]'"
                yield need.key, f"{' and '.join(absent)} is not installed here: {how}"

    @cached_property
    def _options_module(self) -> ModuleType:
        name = f"{self.entry.module.rpartition('.')[0]}.options"
        try:
            return importlib.import_module(name)
        except ImportError as error:
            raise DriverUnusable(
                f"this driver is broken, install another version: {error}"
            ) from error


def installed() -> dict[str, InstalledDriver]:
    """Return every driver by its name in the site file."""
    return {entry.name: InstalledDriver(entry) for entry in _entries()}


@cache
def _entries() -> EntryPoints:
    """Look once through all that is installed; a driver that comes later needs a new start."""
    return entry_points(group=GROUP)
