"""The uplink over a real journal, and what an independent subscriber makes of its feed."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import time
import zlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from agent.journal.journal import Journal
from agent.journal.record import Batch, Commit, Entry, Sealed
from agent.site.inputs import Condition, PathInput, PathNews
from agent.site.moment import Moment
from agent.site.step import Event, Severity
from agent.uplink.contract import channel_of
from agent.uplink.desk import Desk
from agent.uplink.feed import Events
from agent.uplink.options import PathOptions, TlsOptions
from agent.uplink.uplink import Uplink
from tests.broker import Broker, Certificates, Subscriber
from tests.waiting import BUSY, pause_s

SITE = "test-01"
BIRTH = {"feed": "1", "version": "1.2", "name": "Test", "boot": "b", "started": 1}
AREA: dict[str, Any] = {
    "mode": "armed", "part": "", "alarm": False, "alarms": [], "not_ready": {},
    "technician": False, "walk": False,
}  # fmt: skip
HEALTH: dict[str, Any] = {
    "up_s": 1, "clock": {"trusted": True}, "disk": {"used_pct": 12}, "memory": {}, "load_pct": [1],
    "paths": {}, "record": {"head": 1, "waiting": 0}, "devices": {"conditions": {}},
}  # fmt: skip


def device(condition: str) -> dict[str, Any]:
    """Return a device's state, as the runtime tells it."""
    return {
        "driver": "gpio", "simulated": False, "condition": condition, "reason": "", "since": 1,
        "restarts": 0, "points": {},
    }  # fmt: skip


def path_to(broker: Broker, id: str = "fibre", **more: Any) -> PathOptions:
    """Return the options that reach a broker, with a client certificate if it wants one."""
    if isinstance(broker.tls, Certificates) and "tls" not in more:
        tls = broker.tls
        more["tls"] = TlsOptions(ca=str(tls.ca), cert=str(tls.client_cert), key=str(tls.client_key))
    return PathOptions(id=id, host="127.0.0.1", port=broker.port, **more)


def on_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test on a loop of its own; what fails in a callback fails the test."""

    @functools.wraps(test)
    def run(*args: Any, **named: Any) -> None:
        failed: list[dict[str, Any]] = []

        async def watched() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: failed.append(context))
            await test(*args, **named)

        asyncio.run(watched())
        assert not failed, failed

    return run


async def until(condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Return the first true value of `condition`, leaving the loop free meanwhile."""
    began = time.monotonic()
    while not (value := condition()):
        waited_s = time.monotonic() - began
        assert waited_s < timeout_s * BUSY, f"not within {timeout_s * BUSY} s: {what}"
        await asyncio.sleep(pause_s(waited_s))
    return value


class Rig:
    """A journal and an uplink, joined as the runtime joins them."""

    def __init__(self, folder: Path, *paths: PathOptions) -> None:
        self._folder = folder
        self._paths = paths
        self._tags = itertools.count()
        self.news: list[PathNews] = []
        self.told: list[PathInput] = []  # the rest of what the site is told
        self.desk: Desk | None = None
        self.alarms_on: Literal["carrier", "all"] = "carrier"
        self.origin: str | None = None
        self.submitted = 0
        self.recorded = 0

    async def __aenter__(self) -> Rig:
        self._loop = asyncio.get_running_loop()
        self._open = True
        self.journal = Journal.open(
            self._folder,
            committed=self._on_writer,
            failed=lambda error: None,
            sealed=self._sealed_on_writer,
            origin=self.origin,
        )
        self.uplink = Uplink(
            SITE, self._paths, self.journal, self._hear, self._loop, self.desk, self.alarms_on
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.uplink.close()
        self._open = False
        self.journal.close()

    def record(self, count: int = 1, severity: Severity = Severity.INFO, data: str = "") -> None:
        """Have events recorded, as one batch."""
        now = Moment(time.time_ns() // 1000, time.monotonic_ns() // 1000, "b" * 36, trusted=True)
        kind = "panic.raised" if severity is Severity.ALARM else "point.changed"
        event = Event(kind, "store", severity, now, "board", {"text": data} if data else {})
        self.submitted += count
        self.journal.submit(Batch((Entry(event),) * count), next(self._tags))

    def _sealed_on_writer(self, sealed: Sealed) -> None:
        if self._open:
            self._loop.call_soon_threadsafe(self.uplink.checkpoint, sealed.note)

    def _hear(self, what: PathInput) -> None:
        if isinstance(what, PathNews):
            self.news.append(what)
        else:
            self.told.append(what)

    def _on_writer(self, commit: Commit) -> None:
        self._loop.call_soon_threadsafe(self._committed, commit)

    def _committed(self, commit: Commit) -> None:
        self.recorded += len(commit.rows)
        self.uplink.committed(commit.rows)

    async def recorded_all(self, count: int) -> None:
        """Wait until so many events of this run are on the disk."""
        await until(lambda: self.recorded >= count, 30, f"{count} events recorded")

    async def condition(self, condition: Condition, timeout_s: float = 30) -> PathNews:
        """Wait until the last news of any path is this condition."""
        await until(
            lambda: self.news and self.news[-1].condition is condition,
            timeout_s,
            f"news {condition} (so far {self.news})",
        )
        return self.news[-1]

    def bodies(self) -> dict[int, bytes]:
        """Return the record."""
        return {row.seq: row.body for row in self.journal.read(0, 1_000_000)}


@dataclass(frozen=True)
class Heard:
    """One event as the subscriber had it."""

    topic: str
    seq: int
    body: bytes
    historical: bool


def heard(subscriber: Subscriber) -> list[Heard]:
    """Return every event so far, in order of arrival, repeats included."""
    return [one for topic, _, payload in subscriber.received() for one in events(topic, payload)]


class Tally:
    """What a subscriber has, read as it comes: a week is too much to be read again and again."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber
        self.numbers: list[int] = []

    def read(self) -> list[int]:
        """Return the number of every event so far, in order of arrival."""
        for topic, _, payload in self._subscriber.more():
            self.numbers += [one.seq for one in events(topic, payload)]
        return self.numbers


def keeps_to_the_contract(subscriber: Subscriber) -> None:
    """Hold every message so far against the models that the shipped contract is written from."""
    for topic, _, payload in subscriber.received():
        channel = channel_of(topic)
        assert channel is not None, topic
        if not channel.payloads:
            continue
        text = payload if payload.startswith(b"{") else zlib.decompress(payload)
        shape = Events if b'"events":' in text else channel.payloads[0]
        assert shape in channel.payloads, topic
        said = shape.model_validate_json(text)
        for one in (said, *getattr(said, "events", ())):
            assert not one.model_extra, f"{topic}: not in the contract: {one.model_extra}"


def events(topic: str, payload: bytes) -> list[Heard]:
    """Take a message of an event topic apart."""
    if "/event/" not in topic:
        return []
    if not payload.startswith(b"{"):
        payload = zlib.decompress(payload)
    said = json.loads(payload)
    several: Sequence[Any] = said.get("events", [said])
    historical = said.get("historical", False)
    return [Heard(topic, one["seq"], canonical(one), historical) for one in several if "seq" in one]


def canonical(value: Any) -> bytes:
    """Write a parsed event as RFC 8785 has it, within what the record may hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
