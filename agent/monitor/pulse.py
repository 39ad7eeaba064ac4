"""Whether a site lives, as its status messages and heartbeats show. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping

from msgspec import Struct, field

from agent.monitor.delay import Delay
from agent.monitor.patience import STEP_S
from agent.monitor.said import Matter, Word
from agent.monitor.seals import Hand, Seal
from agent.uplink.feed import Heartbeat, Status

LOST_S = 90.0  # EN 50136-1: a path's loss is known within 90 s
LATE_S = 120.0  # a broker lets them expire after 90 s; what is older was held back
RESUMED_S = 15.0  # for so long after we came a broker may deliver again what it had delivered
RECENT_MOST = 16  # heartbeats of a path; they expire at the broker before there are more
FORGED_S = 60.0  # forged ones are spoken of once a minute


class Mark(Struct, frozen=True):
    """The last signed heartbeat that counted on a path; each is of `agent.uplink.feed`'s."""

    run: int
    number: int
    boot: str
    mono: int
    head: int

    @classmethod
    def of(cls, said: Heartbeat) -> Mark:
        """Return what a heartbeat leaves."""
        return cls(said.run, said.number, said.boot or "", said.mono or 0, said.head)

    def is_passed_by(self, newer: Mark) -> bool:
        """Return whether another one was made later.

        Within a boot its clock says so, over any restart of the process; a later boot's run is
        higher, for each process records its start.
        """
        if self.boot == newer.boot:
            return newer.mono > self.mono
        return (newer.run, newer.number) > (self.run, self.number)


class Way(Struct):
    """One path to a site.

    Attributes:
        online: what its last status said; None before one.
        run: of the process whose heartbeat came last ...
        number: ... the heartbeat's number ...
        started: ... and when that process began, by its own clock.
        recent: run, number and nonce of the last ones.
        signed: the last one that is signed; what nobody has signed does not move it.
    """

    online: bool | None = None
    run: int = 0
    number: int = 0
    started: int = 0
    recent: deque[tuple[int, int, str]] = field(default_factory=lambda: deque(maxlen=RECENT_MOST))
    signed: Mark | None = None

    def has_passed(self, said: Heartbeat, *, signed: bool) -> bool:
        """Return whether a heartbeat is no newer than the last."""
        if not signed:
            return (said.run, said.number) <= (self.run, self.number)
        return self.signed is not None and not self.signed.is_passed_by(Mark.of(said))

    def note(self, said: Heartbeat, *, signed: bool) -> None:
        """Take note of a heartbeat that counts."""
        self.run, self.number = said.run, said.number
        self.recent.append((said.run, said.number, said.nonce))
        if signed:
            self.signed = Mark.of(said)


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
        self._heard_s = self._resumed_s = self._looked_s = now_s
        self._has_grace = True
        self._delay = Delay()
        self._forged_s = float("-inf")
        self._is_told_unsigned = False
        self.lost = False

    @property
    def signs(self) -> bool:
        """Return whether the site has ever signed a heartbeat."""
        return any(way.signed for way in self.ways.values())

    def listening(self, now_s: float) -> None:
        """Our own connection is there again; before, nobody could be heard.

        Once, until a heartbeat comes: who breaks it again and again gains no time by that.
        """
        self._resumed_s = now_s
        if self._has_grace:
            self._heard_s, self._has_grace = now_s, False

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

    def beat(
        self, said: Heartbeat, seal: Seal, now_s: float, *, retained: bool, again: bool
    ) -> Generator[Word, None, bool]:
        """Take a heartbeat; return whether it counts. One that was here before proves nothing.

        It is no lie either where the broker repeats itself: after its own crash, or ours.
        """
        self._look(now_s)
        if seal.hand is Hand.STRANGE:
            return False
        if seal.hand is Hand.FALSE or (seal.hand is Hand.UNSIGNED and self.signs):
            yield from self._forged(said, seal, now_s)
            return False
        way = self.ways.setdefault(said.path, Way())
        resumed = again or now_s - self._resumed_s <= RESUMED_S
        if not retained and resumed and (said.run, said.number, said.nonce) in way.recent:
            return False
        signed = seal.hand is Hand.TRUE
        if retained or way.has_passed(said, signed=signed):
            yield _outdated(said, "came again")
            return False
        if signed and not (yield from self._is_of_now(said, way, now_s, quiet=resumed)):
            return False
        yield from self._counted(said, way, seal, now_s)
        return True

    def _is_of_now(
        self, said: Heartbeat, way: Way, now_s: float, *, quiet: bool
    ) -> Generator[Word, None, bool]:
        """Return whether a new heartbeat of the gateway's own tells of the present.

        `quiet`: just after we came what waited for us may well be late.
        """
        if way.signed is not None and said.head < way.signed.head:
            text = f"{said.path}: a heartbeat counts {said.head} events, and {way.signed.head} were"
            yield Matter.ROLLED_BACK, f"{text}: the record was rolled back", {"path": said.path}
            return False
        late_s = self._delay.late_s(said.boot or "", said.mono or 0, said.at, now_s)
        if late_s > LATE_S and not quiet:
            yield _outdated(said, f"was held back for {late_s:.0f} s")
        return late_s <= LATE_S

    def _counted(self, said: Heartbeat, way: Way, seal: Seal, now_s: float) -> Iterator[Word]:
        way.note(said, signed=seal.hand is Hand.TRUE)
        self._heard_s, self._has_grace = now_s, True
        if self.lost:
            self.lost = False
            yield Matter.ALIVE, f"the site is there again, over {said.path}", {"path": said.path}
        if seal.hand is Hand.UNSIGNED and not self._is_told_unsigned:
            self._is_told_unsigned = True
            text = "the site does not sign its heartbeats: who holds the broker can make them up"
            yield Matter.HEARTBEAT_UNSIGNED, text, {"path": said.path}

    def _forged(self, said: Heartbeat, seal: Seal, now_s: float) -> Iterator[Word]:
        if now_s - self._forged_s >= FORGED_S:
            self._forged_s = now_s
            why = seal.why or "it is not signed, as the site's own are unless its key is lost"
            text = f"{said.path}: a heartbeat does not count: {why}"
            yield Matter.HEARTBEAT_FORGED, text, {"path": said.path}

    def tick(self, now_s: float) -> Iterator[Word]:
        """Say so when no heartbeat comes any more that counts."""
        self._look(now_s)
        if not self.lost and now_s - self._heard_s >= LOST_S:
            self.lost = True
            text = f"no heartbeat that counts for {LOST_S:.0f} s on any path: the site is lost"
            yield Matter.LOST, text, {"after_s": int(LOST_S)}

    def _look(self, now_s: float) -> None:
        """See whether we were away ourselves: what comes then has waited for us."""
        if now_s - self._looked_s > STEP_S:
            self._resumed_s = now_s
        self._looked_s = now_s


def _outdated(said: Heartbeat, what: str) -> Word:
    text = f"{said.path}: an old heartbeat ({said.number} of run {said.run}) {what}"
    facts = {"path": said.path, "run": said.run, "number": said.number}
    return Matter.HEARTBEAT_REPLAYED, text, facts
