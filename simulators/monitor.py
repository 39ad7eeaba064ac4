"""The central monitor's end of the feed: an independent client that keeps what it is told.

It is Debian's `mosquitto_sub`, with a persistent session, so that what was published while it
was away reaches it. Nothing here shares code with the agent; what it understands of the feed
is what `docs/feed.md` says.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.bound import bound
from simulators.broker import BrokerError

SUBSCRIBED_S = 60.0  # on a busy machine; a limit ends only what has failed
SESSION_EXPIRY_S = 86_400


@dataclass(frozen=True)
class Told:
    """One message: where, what, and when it arrived (microseconds UTC, the client's clock)."""

    topic: str
    payload: bytes
    at_us: int


class Monitor:
    """Subscribes to everything of one site and reads what has come.

    Args:
        folder: where it writes what it hears.
        port: of the broker on loopback.
        site: the site's id.
        tls: more words for `mosquitto_sub` ("--cafile", ...).
        below: which topics of the site it hears.
        session: the client id that the broker knows it by.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        site: str,
        tls: Sequence[str] = (),
        below: str = "#",
        session: str = "monitor",
    ) -> None:
        self._out = folder / f"{session}.heard"
        self._command = ["mosquitto_sub", "-V", "5", "-h", "127.0.0.1", "-p", str(port)]
        self._command += ["-i", session, "-c", "-x", str(SESSION_EXPIRY_S), "-q", "1", *tls]
        self._command += ["-t", f"armoury/v1/{site}/{below}", "-F", "%U %t %x"]
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0
        self._told: list[Told] = []
        self._heard: list[dict[str, Any]] = []  # what the first `_looked_through` messages bear
        self._looked_through = 0

    def start(self) -> None:
        """Subscribe; returns when the session stands, so that nothing is missed."""
        if shutil.which(self._command[0]) is None:
            raise BrokerError("mosquitto_sub is not there; try: apt-get install mosquitto-clients")
        once = [*self._command, "-E"]  # -E: leave as soon as the subscription is granted
        with self._out.open("ab") as out:  # a session that was there before may be told meanwhile
            subprocess.run(once, timeout=SUBSCRIBED_S, check=True, stdout=out)
            self._process = subprocess.Popen(
                bound(self._command), stdout=out, stderr=subprocess.DEVNULL, start_new_session=True
            )

    def end(self) -> None:
        """Leave; what was heard stays readable."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            self._process.wait(5)
            self._process = None

    def told(self) -> list[Told]:
        """Return every message so far, in the order of arrival."""
        if self._out.exists():
            with self._out.open("rb") as heard:
                heard.seek(self._read)
                whole = heard.read().rpartition(b"\n")[0]
            self._read += len(whole) + 1 if whole else 0
            self._told += [_read_line(line) for line in whole.splitlines()]
        return list(self._told)

    def events(self) -> dict[int, dict[str, Any]]:
        """Return every numbered event by number; repeats are dropped, as a monitor must."""
        return {event["seq"]: event for event in self.heard()}

    def heard(self) -> list[dict[str, Any]]:
        """Return every numbered event so far, repeats as well, in the order of arrival."""
        new = self.told()[self._looked_through :]
        for told in new:
            self._heard += events_in(told)
            self._looked_through += 1
        return list(self._heard)

    def wait_for(self, count: int, timeout_s: float) -> bool:
        """Wait until the events 1 to `count` are all here."""
        deadline = time.monotonic() + timeout_s
        while not self.events().keys() >= set(range(1, count + 1)):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def events_in(told: Told) -> Iterator[dict[str, Any]]:
    """Yield the numbered events that one message bears."""
    if "/event/" not in told.topic:
        return
    said = json.loads(told.payload if told.payload[:1] == b"{" else zlib.decompress(told.payload))
    yield from (event for event in said.get("events", [said]) if "seq" in event)


def _read_line(line: bytes) -> Told:
    at, topic, payload = line.split(b" ")
    seconds, _, fraction = at.partition(b".")
    at_us = int(seconds) * 1_000_000 + int(fraction[:6].ljust(6, b"0") or 0)
    return Told(topic.decode(), bytes.fromhex(payload.decode()), at_us)
