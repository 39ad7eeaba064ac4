"""Whether a site lives, as its status messages and heartbeats show. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from agent.monitor.said import Matter, Word
from agent.uplink.feed import Heartbeat, Status

LOST_S = 90.0  # EN 50136-1: a path's loss is known within 90 s
RESUMED_S = 15.0  # for so long after we came a broker may deliver again what it had delivered
RECENT_MOST = 16  # heartbeats of a path; they expire at the broker before there are more


class Way(Struct):
    """One path to a site.

    Attributes:
        online: what its last status said; None before one.
        run: of the process whose heartbeat came last ...
        number: ... the heartbeat's number ...
        started: ... and when that process began, by its own clock.
        recent: run, number and nonce of the last ones.
    """

    online: bool | None = None
    run: int = 0
    number: int = 0
    started: int = 0
    recent: deque[tuple[int, int, str]] = field(default_factory=lambda: deque(maxlen=RECENT_MOST))


class Pulse:
    """One site's.

    Attributes:
        ways: by the path's id.
        lost: no heartbeat has come for so long that the site is.

    Args:
        now_s: since when we listen.
        ways: before a restart of ours.
    """

    def __init__(self, now_s: float, ways: Mapping[str, Way] | None = None) -> None:
        self.ways = dict(ways or {})
        self._heard_s = self._resumed_s = now_s
        self.lost = False

    def listening(self, now_s: float) -> None:
        """Our own connection is there again; before, nobody could be heard."""
        self._heard_s = self._resumed_s = now_s

    def status(self, said: Status) -> Iterator[Word]:
        """Take a birth, a goodbye or a will."""
        way = self.ways.setdefault(said.path, Way())
        started = said.birth.started if said.birth else 0
        if said.run is not None:
            if said.run < way.run:
                return  # what the broker had kept of an earlier run, or a replay
            if (said.run, started) > (way.run, way.started):
                way.run, way.started, way.number = said.run, started, 0
        before, way.online = way.online, said.online
        facts = {"path": said.path, "online": said.online, "clean": said.clean}
        if said.online and not before:
            yield Matter.ONLINE, f"{said.path}: the gateway is there", facts
        elif not said.online and before is not False:
            left = "has said goodbye" if said.clean else "has vanished"
            yield Matter.OFFLINE, f"{said.path}: the gateway {left}", facts

    def beat(self, said: Heartbeat, now_s: float, *, retained: bool, again: bool) -> Iterator[Word]:
        """Take a heartbeat; one that was here before proves nothing.

        It is no lie either where the broker repeats itself: after its own crash, or ours.
        """
        way = self.ways.setdefault(said.path, Way())
        this = (said.run, said.number, said.nonce)
        resumed = again or now_s - self._resumed_s <= RESUMED_S
        if not retained and resumed and this in way.recent:
            return
        if retained or (said.run, said.number) <= (way.run, way.number):
            text = f"{said.path}: an old heartbeat ({said.number} of run {said.run}) came again"
            facts = {"path": said.path, "run": said.run, "number": said.number}
            yield Matter.HEARTBEAT_REPLAYED, text, facts
            return
        way.run, way.number = said.run, said.number
        way.recent.append(this)
        self._heard_s = now_s
        if self.lost:
            self.lost = False
            yield Matter.ALIVE, f"the site is there again, over {said.path}", {"path": said.path}

    def tick(self, now_s: float) -> Iterator[Word]:
        """Say so when no heartbeat comes any more."""
        if not self.lost and now_s - self._heard_s >= LOST_S:
            self.lost = True
            text = f"no heartbeat for {LOST_S:.0f} s on any path: the site is lost"
            yield Matter.LOST, text, {"after_s": int(LOST_S)}
