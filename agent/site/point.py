"""A point: one supervised input or condition, debounced in reading time.

A change counts once the point was quiet for its debounce time, and is dated at its first edge.
A point that keeps bouncing for `RESTLESS_US` is not normal either: those are the 400 ms after
which EN 60839-11-1 wants every input processed, so no rhythm of edges hides an input (one whose
debounce time is longer than that may bounce for as long as it). The first
state after a start or a loss counts at once, and a device that dies in the middle of a change
does not take the change with it. Whoever watches it only since another site file holds is told
its state as at first sight, though that is an old one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from agent.site.inputs import Json, PointRead, PointState
from agent.site.machine import Machine, Register, State
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.turn import Turn

RESTLESS_US = 400_000
UNREADABLE = "unreadable"  # something stands where tags are read, and shows none
# After a start, every device that works has told its points' states by then (hosts come back
# within 15 s).
SEEING_US = 15_000_000


class Level(State, frozen=True, kw_only=True):
    """What is known of a point.

    Attributes:
        settled: the state that counts; kept while the device is away.
        raw: the last state read; `unknown` before the first, and while the device is away.
        settled_tag: the tag that counts, of a point that reads what stands at it.
        raw_tag: the last tag read.
        ohms: what a loop measured that is cut, bridged or meddled with.
        first_us: the first edge since the point was last quiet; None while it is.
        told: who was told of the settled state.
    """

    settled: PointState = PointState.UNKNOWN
    raw: PointState = PointState.UNKNOWN
    settled_tag: str = ""
    raw_tag: str = ""
    ohms: int | None = None
    first_us: int | None = None
    told: tuple[str, ...] = ()


class Change(Struct, frozen=True):
    """A settled change of a point.

    `before` is `unknown` for the first state ever, and for a watcher's first. `after` is `unknown`
    when the device went away; `before` is then what it was, and what the next change starts from.
    `tag` is what was read of whatever stands there: another tag is a change, too. `ohms` is what a
    loop measured that is cut, bridged or meddled with.
    """

    before: PointState
    after: PointState
    at_us: int
    device: str
    tag: str = ""
    ohms: int | None = None


Watcher: TypeAlias = Callable[["Turn", Change], None]


class Point(Machine[Level]):
    """One point; whoever watches it is told of every settled change."""

    noun = "point"

    def __init__(self, register: Register, ref: str) -> None:
        super().__init__(register, ref, Level())
        self.device = ref.partition(".")[0]
        self._debounce_us = 0
        self._watchers: dict[str, Watcher] = {}

    def watch(self, who: str, watcher: Watcher, debounce_ms: int = 0) -> Point:
        """Tell `watcher` of every change, in the order of these calls.

        `who` it is says whether it is another than under the site file before.
        """
        self._debounce_us = max(self._debounce_us, debounce_ms * 1000)
        self._watchers[who] = watcher
        return self

    @property
    def watched(self) -> bool:
        """Whether the site file says what it means."""
        return bool(self._watchers)

    @property
    def known(self) -> bool:
        """Whether its device is there to tell its state."""
        return self.state.raw is not PointState.UNKNOWN

    def is_normal(self) -> bool:
        """Return whether it is surely normal, also before it has settled."""
        return self.state.settled is self.state.raw is PointState.NORMAL

    def read(self, turn: Turn, read: PointRead) -> None:
        """Take in one reading."""
        if read.state is PointState.UNKNOWN:
            self.gone(turn)
        elif not self.known:
            self.state = _with(self.state, read)
            self._settle(turn, turn.at_us)
        elif (read.state, _tag(read)) != (self.state.raw, self.state.raw_tag):
            self._edge(turn, read)

    def gone(self, turn: Turn) -> None:
        """The device is away: what was on its way counts, then nothing is known."""
        if not self.known:
            return
        if self.state.raw is not PointState.NORMAL:
            self._settle(turn, self.state.first_us)
        self.stop("settle")
        settled = self.state.settled
        self.state = replace(self.state, raw=PointState.UNKNOWN, first_us=None)
        self._tell(turn, Change(settled, PointState.UNKNOWN, turn.at_us, self.device))

    def on_configured(self, turn: Turn) -> None:
        """Its device goes on telling."""

    def on_restart(self, turn: Turn) -> None:
        self.stop("settle")
        self.state = replace(self.state, raw=PointState.UNKNOWN, first_us=None)

    def on_timer(self, turn: Turn, name: str) -> None:
        self._settle(turn, self.state.first_us)
        self.state = replace(self.state, first_us=None)

    def _edge(self, turn: Turn, read: PointRead) -> None:
        raw = read.state
        first_us = turn.at_us if self.state.first_us is None else self.state.first_us
        self.state = replace(_with(self.state, read), first_us=first_us)
        restless_us = max(RESTLESS_US, self._debounce_us)
        restless = turn.at_us - first_us >= restless_us and raw is not PointState.NORMAL
        if not self._debounce_us:
            self._settle(turn, turn.at_us)
            self.state = replace(self.state, first_us=None)
            return
        if restless:
            self._settle(turn, first_us)
            self.state = replace(self.state, first_us=turn.at_us)
        self.start(turn, "settle", self._debounce_us)

    def _settle(self, turn: Turn, first_us: int | None) -> None:
        before, after, tag = self.state.settled, self.state.raw, self.state.raw_tag
        if after is not before or tag != self.state.settled_tag:
            told = tuple(self._watchers)
            self.state = replace(self.state, settled=after, settled_tag=tag, told=told)
            at_us = turn.at_us if first_us is None else first_us
            self._tell(turn, Change(before, after, at_us, self.device, tag, self.state.ohms))
        else:
            self.introduce(turn)

    def introduce(self, turn: Turn) -> None:
        """Tell whoever watches it only from now on what it shows."""
        told, settled = self.state.told, self.state.settled
        if not self.known or settled is PointState.UNKNOWN or told == tuple(self._watchers):
            return
        self.state = replace(self.state, told=tuple(self._watchers))
        tag, ohms = self.state.settled_tag, self.state.ohms
        change = Change(PointState.UNKNOWN, settled, turn.at_us, self.device, tag, ohms)
        for who, watcher in self._watchers.items():
            if who not in told:
                watcher(turn, change)

    def _tell(self, turn: Turn, change: Change) -> None:
        for watcher in self._watchers.values():
            watcher(turn, change)

    def view(self) -> Json:
        """Return its present state."""
        return str(self.state.settled if self.known else PointState.UNKNOWN)


def _with(level: Level, read: PointRead) -> Level:
    return replace(level, raw=read.state, raw_tag=_tag(read), ohms=_ohms(read))


def _ohms(read: PointRead) -> int | None:
    """Return what a loop measures that is not as it was wired; None where nothing is measured."""
    ohms = read.detail.get("ohms")
    wrong = read.state in (PointState.OPEN, PointState.SHORT)
    return ohms if wrong and isinstance(ohms, int) and not isinstance(ohms, bool) else None


def _tag(read: PointRead) -> str:
    """Return what a reading tells of the tag that stands there; "" where no tags are read."""
    if read.state is not PointState.NORMAL or "tag" not in read.detail:
        return ""
    return str(read.detail["tag"] or UNREADABLE)
