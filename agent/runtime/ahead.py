"""Hosts that are started ahead: they load their libraries while the daemon loads its own.

At that time nobody has checked the site file, and no record is open. So they are told what to load
and nothing else: no options, no hardware. Whichever the checked file then has no use for is ended.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from agent.config.drivers import DriverUnusable, installed
from agent.runtime.process import Spawned, spawn

MOST = 16  # of a file with more devices the rest is started when it is checked


class Ahead:
    """The hosts that nobody has taken over yet; leaving the context ends them.

    Args:
        tree: the site file as TOML has it; what of it makes no sense is left to its check.
    """

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._hosts: dict[str, tuple[str, Spawned]] = {}
        with contextlib.suppress(OSError):  # the daemon's own attempt will say why
            for device, entry in _wanted(tree):
                if device not in self._hosts and len(self._hosts) < MOST:
                    spawned = spawn()
                    self._hosts[device] = entry, spawned
                    spawned.send({"load": entry})

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def take(self, device: str, entry: str) -> Spawned | None:
        """Give up the host of a device to the caller; None: there is none.

        Args:
            device: its id.
            entry: the entry point's value of the driver that it must have loaded.
        """
        if device not in self._hosts or self._hosts[device][0] != entry:
            return None
        return self._hosts.pop(device)[1]

    def end(self) -> None:
        """End those that are left."""
        while self._hosts:
            self._hosts.popitem()[1][1].end()


def _wanted(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield id and driver of each device that has both; whoever lets all others go first waits."""
    drivers = installed()
    tables = tree.get("device")
    for table in tables if isinstance(tables, list) else ():
        if not isinstance(table, dict):
            continue
        device, driver = table.get("id"), drivers.get(str(table.get("driver")))
        if isinstance(device, str) and driver is not None:
            with contextlib.suppress(DriverUnusable):
                if not driver.behind:
                    yield device, driver.value
