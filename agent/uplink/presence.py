"""What a gateway says of itself on one path: birth, will, goodbye, heartbeat, its devices."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from agent.journal.note import Signer
from agent.uplink import heartbeat
from agent.uplink.feed import DeviceState, Heartbeat, Status, Topics


class Portrait(Struct):
    """What is said of the house on every path.

    Attributes:
        birth: what the gateway has and can do.
        retained: what the broker keeps of it, by topic: each device's state, the checkpoint.
    """

    birth: dict[str, Any] = field(default_factory=dict)
    retained: dict[str, bytes] = field(default_factory=dict)


class Presence:
    """One path's words.

    Attributes:
        status_topic: where birth, will and goodbye go, retained.
        beat_topic: where heartbeats go.

    Args:
        topics: of the site.
        path: id of the path.
        run: the newest event's number when this process began.
    """

    def __init__(self, topics: Topics, path: str, run: int) -> None:
        self.status_topic = topics.status(path)
        self.beat_topic = topics.heartbeat(path)
        self._site = topics.site
        self._path = path
        self._run = run
        self._beats = 0

    def birth(self, portrait: Portrait) -> bytes:
        return self._status(online=True, run=self._run, at=utc_us(), birth=portrait.birth or None)

    def goodbye(self) -> bytes:
        return self._status(online=False, clean=True, at=utc_us())

    def will(self) -> bytes:
        return self._status(online=False, clean=False)

    def _status(self, **said: Any) -> bytes:
        return Status(site=self._site, path=self._path, **said).encode()

    def beat(
        self, head: int, waiting: int, boot: str | None = None, signer: Signer | None = None
    ) -> bytes:
        """Return the next heartbeat; no two are alike. Without a key it is not signed."""
        self._beats += 1
        beat = Heartbeat(
            site=self._site,
            path=self._path,
            run=self._run,
            number=self._beats,
            nonce=secrets.token_hex(8),
            at=utc_us(),
            boot=boot,
            mono=mono_us(),
            head=head,
            waiting=waiting,
        )
        return heartbeat.signed(beat, signer)


def device_state(topics: Topics, device: str, state: Mapping[str, Any]) -> bytes:
    """Return what is published of a device."""
    return DeviceState(site=topics.site, device=device, state=dict(state)).encode()


def mono_us() -> int:
    """Return the clock that the site's inputs bear."""
    return time.monotonic_ns() // 1000


def utc_us() -> int:
    """Return the wall clock, for people; nothing here is decided by it."""
    return time.time_ns() // 1000
