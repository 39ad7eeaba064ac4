"""What a camera's host is asked to keep: a picture at once, and a clip from before to after.

A clip is asked for as soon as its first alarm is raised. What is raised while it runs is on it;
where that wants to be watched for longer, another clip follows without a gap. While the camera is
away it is waited for until the clip's end: then what there was of it is all there is, and that is
said. No alarm ever waits for any of this.

What is hidden is kept apart, by a recording of its own: it makes nothing else longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import field

from agent.site import coverage, tables
from agent.site.inputs import ActionAnswered, Condition, Json, Outcome
from agent.site.machine import SECOND_US, Machine, State
from agent.site.step import Release
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.plan import Plan
    from agent.site.turn import Turn

WRITING_MS = 10_000  # what a host may take beyond a clip's end
PICTURE = "picture"


class Film(State, frozen=True, kw_only=True):
    """What is being kept. Times are monotonic; the timer `over` runs to the clip's end.

    Attributes:
        alarms: that the clip is of.
        subject: what the first of them is about: "door/store".
        action: the action that asks for it; None while nobody was asked.
        next_alarms: those of them, raised while it runs, that want the next one.
        next_to_us: the next one's end.
        next_subject: and what it is about.
        stills: what each picture is of, by the action that asks for it.
        why: why the last attempt failed.
    """

    alarms: tuple[str, ...] = ()
    subject: str = ""
    from_us: int = 0
    to_us: int = 0
    action: int | None = None
    next_alarms: tuple[str, ...] = ()
    next_to_us: int = 0
    next_subject: str = ""
    stills: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    why: str = ""


class Recording(Machine[Film]):
    """The recording of one camera, of all that may show or of all that may not."""

    noun = "recording"

    def __init__(self, given: tables.Camera, house: House, *, hidden: bool) -> None:
        super().__init__(house.register, f"{given.id}/hidden" if hidden else given.id, Film())
        self._plan = given
        self._house = house
        self._hidden = hidden or None
        self.area, self.device = given.area, given.id

    def awaited(self) -> tuple[int, ...]:
        clip = () if self.state.action is None else (self.state.action,)
        return (*self.state.stills, *clip)

    def alarm(self, turn: Turn, name: str, subject: str, at_us: int) -> None:
        """Keep what is seen of an alarm that was just raised."""
        self.still(turn, subject=subject, alarms=[name])
        to_us = at_us + self._plan.post_s * SECOND_US
        if not self.state.alarms:
            from_us = max(0, at_us - self._plan.pre_s * SECOND_US)
            self._want(turn, (name,), subject, from_us, to_us)
            return
        if to_us > self.state.to_us:
            more, about = (*self.state.next_alarms, name), self.state.next_subject or subject
            self.state = replace(self.state, next_alarms=more, next_subject=about, next_to_us=to_us)
        self.state = replace(self.state, alarms=(*self.state.alarms, name))

    def still(self, turn: Turn, **of: Json) -> None:
        """Keep the present picture, if there is one."""
        if self._there():
            action = self._ask(turn, "snapshot", at=turn.at_us, timeout_ms=WRITING_MS)
            self.state = replace(self.state, stills={**self.state.stills, action: of})

    def back(self, turn: Turn) -> None:
        """Hear that the camera is there again."""
        if self.state.alarms and self.state.action is None:
            self._begin(turn)

    def on_answer(self, turn: Turn, answer: ActionAnswered) -> None:
        if answer.action in self.state.stills:
            of = self.state.stills[answer.action]
            stills = {n: o for n, o in self.state.stills.items() if n != answer.action}
            self.state = replace(self.state, stills=stills)
            self._told(turn, answer, "snapshot", of)
        elif answer.action == self.state.action:
            self._ended(turn, answer)

    def on_timer(self, turn: Turn, name: str) -> None:
        if self.state.action is None:
            self._failed(turn, "clip", self._clip(), self.state.why)
            self._next(turn)

    def on_configured(self, turn: Turn) -> None:
        """Its camera goes on; what a host leaves undone it says."""

    def on_restart(self, turn: Turn) -> None:
        """What was asked for is gone with its host; what is left of the time can be kept."""
        over = self.state.timers.get("over")
        to_us = over.due_us if over else turn.at_us
        self.state = replace(
            self.state, action=None, stills={}, from_us=turn.at_us, to_us=to_us, why="restart"
        )
        if self.state.next_alarms:
            self.state = replace(self.state, next_to_us=to_us)
        if self.state.alarms and over is None:
            self.start(turn, "over", 0)

    def _there(self) -> bool:
        return self._house.devices[self.device].state.condition is Condition.READY

    def _clip(self) -> dict[str, Json]:
        """Return what the clip is of."""
        return {"subject": self.state.subject, "alarms": list(self.state.alarms)}

    def _want(
        self, turn: Turn, alarms: tuple[str, ...], subject: str, from_us: int, to_us: int
    ) -> None:
        self.state = replace(
            self.state, alarms=alarms, subject=subject, from_us=from_us, to_us=to_us, why=""
        )
        self.start(turn, "over", to_us - turn.at_us)
        if self._there():
            self._begin(turn)
        else:
            self.state = replace(self.state, why=f"{self.device} is not there")

    def _begin(self, turn: Turn) -> None:
        from_us, to_us = self.state.from_us, self.state.to_us
        timeout_ms = max(0, to_us - turn.at_us) // 1000 + WRITING_MS
        args: dict[str, Json] = {"from": from_us, "to": to_us, "timeout_ms": timeout_ms}
        self.state = replace(self.state, action=self._ask(turn, "keep", **args))

    def _ask(self, turn: Turn, verb: str, **args: Json) -> int:
        return turn.act(self, f"{self.device}.{PICTURE}", verb, Release.ALARM, **args)

    def _ended(self, turn: Turn, answer: ActionAnswered) -> None:
        self.state = replace(self.state, action=None, why=answer.reason or str(answer.outcome))
        if answer.outcome is not Outcome.DONE and self.runs("over"):
            return  # once the camera is back, what is left of its time is kept
        self._told(turn, answer, "clip", self._clip())
        self._next(turn)

    def _next(self, turn: Turn) -> None:
        alarms, subject = self.state.next_alarms, self.state.next_subject
        from_us, to_us = self.state.to_us, self.state.next_to_us
        self.stop("over")
        self.state = Film(stills=self.state.stills)
        if alarms and to_us > turn.at_us:
            self._want(turn, alarms, subject, from_us, to_us)

    def _told(self, turn: Turn, answer: ActionAnswered, what: str, of: Mapping[str, Json]) -> None:
        if answer.outcome is not Outcome.DONE or "sha256" not in answer.data:
            self._failed(turn, what, of, answer.reason or str(answer.outcome))
            return
        file = dict(answer.data)
        for name in ("from", "to"):
            at_us = file.get(name)
            file[name] = turn.now.at(at_us).utc_us if isinstance(at_us, int) else None
        self._say(turn, "evidence.kept", what, {**of, **file})

    def _failed(self, turn: Turn, what: str, of: Mapping[str, Json], why: str) -> None:
        self._say(turn, "evidence.failed", what, {**of, "reason": why})

    def _say(self, turn: Turn, kind: str, what: str, data: Mapping[str, Json]) -> None:
        about: dict[str, Json] = {"area": self.area, "camera": self.device, "what": what}
        about |= {"hidden": self._hidden, **data}
        turn.event(kind, self.device, about, source=self.key, device=self.device)


class Filming:
    """The recordings of all cameras."""

    def __init__(self, plan: Plan, house: House) -> None:
        self._watching = coverage.watching([*plan.tables()])
        self._open = {one.id: Recording(one, house, hidden=False) for one in plan.camera}
        self._hidden = {one.id: Recording(one, house, hidden=True) for one in plan.camera}

    def alarm(self, turn: Turn, name: str, source: str, at_us: int, *, hidden: bool) -> None:
        """Hear of an alarm that was just raised, by the machine with the key `source`."""
        recordings = self._hidden if hidden else self._open
        subject = coverage.subject(source)
        for camera in self._cameras(subject):
            recordings[camera].alarm(turn, name, subject, at_us)

    def at_work(self, turn: Turn, subject: str, persons: Sequence[str]) -> None:
        """Hear that people are let in by a door, or take from a rack or put back."""
        for camera in self._cameras(subject):
            self._open[camera].still(turn, subject=subject, persons=list(persons))

    def back(self, turn: Turn, camera: str) -> None:
        """Hear that a device is there again, which may be a camera."""
        for recordings in (self._open, self._hidden):
            if camera in recordings:
                recordings[camera].back(turn)

    def _cameras(self, subject: str) -> tuple[str, ...]:
        return self._watching.get(subject, ())
