"""What the monitor is told beside events: what there is, and how devices, areas and we are.

Once a second it looks at what has changed, and tells only that; nothing of it touches the disk.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from agent.config.devices import DeviceSpec
from agent.config.sitefile import SiteFile
from agent.runtime import gauges
from agent.runtime.clock import Clock
from agent.runtime.host import Host
from agent.site.inputs import DeviceNews, Input, PointRead, PointState
from agent.site.site import Site
from agent.uplink.worker import Worker

HEALTH_S = 60.0
FIRST_S = 5.0  # a start has more urgent things to do
CHANGED_S = 5.0  # between two tellings, however often something changes
FULL_PCT = 90


class Uplink(Protocol):
    """What takes it to the monitor."""

    def device(self, device: str, state: Mapping[str, Any]) -> None: ...

    def area(self, area: str, state: Mapping[str, Any]) -> None: ...

    def health(self, state: Mapping[str, Any]) -> None: ...

    def status(self) -> Mapping[str, Mapping[str, Any]]: ...

    def head(self) -> int: ...

    def waiting(self) -> int: ...


class Telling:
    """All methods are the loop's.

    Attributes:
        trouble: what ails the record; "" for nothing.
        sealed: how many events the newest checkpoint covers.
        record_pct: how much of what it may take the record takes, once that is known.

    Args:
        file: the site's.
        folder: of the record.
        site: what is decided.
        hosts: of the devices; filled before anything is told.
        clock: the gateway's.
        loop: runs it.
    """

    def __init__(
        self,
        file: SiteFile,
        folder: Path,
        site: Site,
        hosts: Mapping[str, Host],
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.trouble = ""
        self.sealed = 0
        self.record_pct: int | None = None
        self._specs: Mapping[str, DeviceSpec] = {}
        self._folder = folder
        self._site = site
        self._hosts = hosts
        self._clock = clock
        self._loop = loop
        self._worker = Worker("gauges", loop)
        self._reading: asyncio.Future[dict[str, Any]] | None = None
        self._gauges: dict[str, Any] = {}
        self._points: dict[str, dict[str, PointState]] = {}
        self._gone: dict[str, dict[str, Any]] = {}
        self._changed: set[str] = set()
        self._stirred = True
        self.keep(file)
        self._began_s = loop.time()
        self._due_s = self._began_s + FIRST_S
        self._told_s = float("-inf")
        self._told: object = None

    def keep(self, file: SiteFile) -> None:
        """Tell of the devices of this site file from now on, and once of those that are gone."""
        before, self._specs = self._specs, {spec.id: spec for spec in file.devices}
        self._changed |= self._specs.keys() | before.keys()
        self._points = {name: self._points[name] for name in self._points if name in self._specs}
        for name in before.keys() - self._specs.keys():
            self._gone[name] = self._state(before[name], "gone", "the site file has it no more")

    def close(self) -> None:
        """Let the worker end."""
        self._worker.stop()

    def take(self, what: Input) -> None:
        """Take note of an input on its way to the site."""
        match what:
            case PointRead(device, point, state):
                self._points.setdefault(device, {})[point] = state
                self._changed.add(device)
            case DeviceNews(device):
                self._changed.add(device)
        self._stirred = True

    def stir(self) -> None:
        """Hear that something was decided."""
        self._stirred = True

    def tick(self, uplink: Uplink) -> None:
        """Tell what has changed since the last second."""
        changed, self._changed = self._changed, set()
        for device in changed:
            uplink.device(device, self.device(device))
        if self._stirred:
            self._stirred = False
            for area, state in self._site.areas().items():
                uplink.area(area, state)
        self._tell_health(uplink)

    # Devices

    def device(self, device: str) -> dict[str, Any]:
        """Return how a device is."""
        if device not in self._specs:
            return self._gone[device]
        host = self._hosts[device]
        condition = host.condition.value if host.condition else "starting"
        state = self._state(self._specs[device], condition, host.reason)
        return state | {
            "since": self._clock.now().at(host.since_us).utc_us,
            "restarts": host.restarts,
            "points": {name: s.value for name, s in self._points.get(device, {}).items()},
        }

    def _state(self, spec: DeviceSpec, condition: str, reason: str) -> dict[str, Any]:
        return {
            "driver": spec.driver,
            "simulated": spec.simulated,
            "condition": condition,
            "reason": reason,
            "since": self._clock.now().utc_us,
            "restarts": 0,
            "points": {},
        }

    # The gateway itself

    def _tell_health(self, uplink: Uplink) -> None:
        """Tell it once a minute, and soon when something of it changes that matters."""
        now_s = self._loop.time()
        if now_s >= self._due_s:
            self._due_s = now_s + HEALTH_S
            self._measure()
        matters = self._matters(uplink)
        if self._gauges and matters != self._told and now_s - self._told_s >= CHANGED_S:
            self._told, self._told_s = matters, now_s
            uplink.health(self.health(uplink))

    def _measure(self) -> None:
        if self._reading is not None:  # the machine has not answered for a minute
            self._gauges = {**self._gauges, "disk": {"trouble": "the disk does not answer"}}
            self._told = None
            return
        self._reading = self._worker.run(lambda: gauges.read(self._folder))
        self._reading.add_done_callback(self._measured)

    def _measured(self, done: asyncio.Future[dict[str, Any]]) -> None:
        self._reading = None
        if not done.cancelled():
            self._gauges = done.result()
            self._told = None

    def _matters(self, uplink: Uplink) -> object:
        paths = {id: (how["condition"], how["carries"]) for id, how in uplink.status().items()}
        return paths, self.trouble, self._conditions(), self._clock.now().trusted

    def _conditions(self) -> dict[str, int]:
        conditions = (host.condition for host in self._hosts.values())
        return dict(Counter(c.value if c else "starting" for c in conditions))

    def health(self, uplink: Uplink) -> dict[str, Any]:
        """Return how the gateway is."""
        trusted = self._clock.now().trusted
        conditions = self._conditions()
        bad = sum(number for name, number in conditions.items() if name in ("lost", "faulted"))
        return {
            **self._gauges,
            "up_s": int(self._loop.time() - self._began_s),
            "clock": _troubled({"trusted": trusted}, "" if trusted else "it is not synchronised"),
            "disk": self._disk(),
            "paths": {id: _path(how) for id, how in uplink.status().items()},
            "record": _troubled(
                {
                    "head": uplink.head(),
                    "waiting": uplink.waiting(),
                    "checkpoint": self.sealed,
                },
                self.trouble,
            ),
            "devices": _troubled(
                {"conditions": conditions}, f"{bad} of {len(self._hosts)} fail" if bad else ""
            ),
        }

    def _disk(self) -> dict[str, Any]:
        disk = dict(self._gauges["disk"])
        if self.record_pct is not None:
            disk["record_pct"] = self.record_pct
        full = max(disk.get("used_pct", 0), disk.get("record_pct", 0)) >= FULL_PCT
        return _troubled(disk, "it is nearly full" if full else "")


def _path(how: Mapping[str, Any]) -> dict[str, Any]:
    facts = {name: how[name] for name in ("condition", "reason", "carries", "last_ack_us")}
    return _troubled(facts, f"{how['reason']}" if how["condition"] != "ready" else "")


def _troubled(facts: dict[str, Any], trouble: str) -> dict[str, Any]:
    return facts | ({"trouble": trouble} if trouble else {})
