"""Hosts that are started ahead: they load their libraries while the daemon loads its own.

At that time nobody has checked the site file, and no record is open. So they are told what to load
and nothing else: no options, no hardware. Whichever the checked file then has no use for is ended.

They load in turn, and the daemon keeps a processor of its own: nothing is watched before it has
its own libraries, however many hosts wait with theirs.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from agent.config.drivers import DriverUnusable, installed
from agent.runtime.spawned import Spawned, spawn

MOST = 16  # of a file with more devices the rest is started when it is checked


class Ahead:
    """The hosts that nobody has taken over yet; leaving the context ends them.

    Args:
        tree: the site file as TOML has it; what of it makes no sense is left to its check.
        at_once: how many load at one time; as many as there are processors besides the daemon's.
    """

    def __init__(self, tree: Mapping[str, Any], at_once: int | None = None) -> None:
        self._hosts: dict[str, tuple[str, Spawned]] = {}
        self._waiting = [*dict(_wanted(tree)).items()][:MOST]
        self._changing = threading.Lock()
        for _ in range(at_once or max(1, len(os.sched_getaffinity(0)) - 1)):
            if (loading := self._start_next()) is not None:
                threading.Thread(
                    target=self._go_on, args=[loading], name="hosts ahead", daemon=True
                ).start()

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def take(self, device: str, entry: str) -> Spawned | None:
        """Give up the host of a device to the caller; None: there is none, nor will there be.

        Args:
            device: its id.
            entry: the entry point's value of the driver that it must have loaded.
        """
        with self._changing:
            self._waiting = [one for one in self._waiting if one[0] != device]
            if device not in self._hosts or self._hosts[device][0] != entry:
                return None
            return self._hosts.pop(device)[1]

    def end(self) -> None:
        """End those that are left."""
        with self._changing:
            self._waiting.clear()
            while self._hosts:
                self._hosts.popitem()[1][1].end()

    def _go_on(self, loading: int | None) -> None:
        """Start one after the other."""
        while loading is not None:
            os.read(loading, 1)  # ends when the host has loaded, and when it is gone
            os.close(loading)
            loading = self._start_next()

    def _start_next(self) -> int | None:
        """Start a host; return what its end is told by, of its loading. None: there is no more."""
        with self._changing, contextlib.suppress(OSError):  # the daemon's own attempt will say why
            if self._waiting:
                device, entry = self._waiting.pop(0)
                loading, theirs = os.pipe()
                try:
                    self._hosts[device] = entry, spawn(loading=theirs)
                except OSError:
                    os.close(loading)
                    raise
                finally:
                    os.close(theirs)
                self._hosts[device][1].send({"load": entry})
                return loading
        return None


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
