"""Decide, record, act: the one loop that owns the site.

Inputs are taken in the order of their arrival, all that wait at once. What the site decides
on them goes to the journal as one batch. Only when that is committed do its actions leave
and do its commands get their answers. The loop never waits inside a commit:

    release NOW        leaves at once (relocking, silencing)
    release RECORDED   after the commit; cancelled, and told so, when that takes over 500 ms or
                       when a NOW action on the same output overtakes it
    release ALARM      after the commit, or after 500 ms without one, and the monitor is told
                       then too, under a reference that the numbered event bears later
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct, field

from agent.journal.record import Batch, Entry, Recorded
from agent.runtime.backlog import Backlog
from agent.runtime.clock import Clock
from agent.site.inputs import ActionAnswered, Condition, Input, Outcome, StorageNews, Tick
from agent.site.moment import Moment
from agent.site.step import Action, Answer, Event, Release, Severity, Step

log = logging.getLogger(__name__)

LATE_S = 0.5  # design: an alarm and its sounder wait at most so long for the disk
INPUTS_A_TURN = 256
FULL = "the disk is too slow, or hangs: more waits for it than can wait"


class Rules(Protocol):
    """The site, as the loop needs it."""

    def step(self, what: Input, now: Moment) -> Step: ...

    def wake_us(self) -> int | None: ...


class Ports(Protocol):
    """Where the loop's decisions go."""

    def submit(self, batch: Batch, tag: int) -> None: ...

    def act(self, action: Action) -> None: ...

    def answer(self, answer: Answer) -> None: ...

    def recorded(self, rows: tuple[Recorded, ...]) -> None: ...

    def unrecorded(self, entry: Entry) -> None: ...


class Waiting(Struct):
    """A batch that is on its way into the journal, with what is held until it is there."""

    entries: tuple[Entry, ...]
    submitted_s: float
    held: list[Action] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    late: bool = False
    told: asyncio.Future[None] | None = None


class Loop:
    """Takes inputs, asks the site, and keeps the order: decide, record, act."""

    def __init__(self, site: Rules, ports: Ports, clock: Clock) -> None:
        self._loop = asyncio.get_running_loop()
        self._site = site
        self._ports = ports
        self._clock = clock
        self._inbox: deque[Input] = deque()
        self._turn_waits = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_us: int | None = None
        self._tags = 0
        self._waiting: dict[int, Waiting] = {}
        self._watch: asyncio.TimerHandle | None = None  # over the commits that wait
        self._backlog = Backlog()
        self._slow = False  # and it was said
        self._full = False  # and the site knows that no more can be recorded
        self._refs = refs(clock.boot, time.monotonic_ns() // 1_000_000)
        self._settling: asyncio.Future[None] | None = None  # done when nothing waits any more

    def put(self, what: Input) -> None:
        """Take one input; it is decided on in the loop's next turn."""
        if self._full and isinstance(what, StorageNews) and what.condition is Condition.READY:
            return  # one commit has passed, and too much waits still; `_relieve` tells
        self._inbox.append(what)
        if not self._turn_waits:
            self._turn_waits = True
            self._loop.call_soon(self._turn)

    def hear(self, tell: Callable[[bytes], None], said: bytes) -> None:
        """Have somebody tell what has come, and decide on it now, not in the loop's next turn."""
        before, self._turn_waits = self._turn_waits, True
        try:
            tell(said)
        finally:
            self._turn_waits = before
            if self._inbox:
                self._turn()

    @property
    def overflows(self) -> bool:
        """Return whether more waits for the record than can wait."""
        return self._backlog.overflows

    def record(self, batch: Batch) -> asyncio.Future[None]:
        """Record what is no decision of the site's: done when it is on the disk."""
        told: asyncio.Future[None] = self._loop.create_future()
        self._submit(batch, Waiting(batch.entries, self._loop.time(), told=told))
        return told

    async def settled(self) -> None:
        """Wait until every input so far is decided, recorded and acted upon."""
        if self._inbox or self._waiting:
            self._settling = self._settling or self._loop.create_future()
            await asyncio.shield(self._settling)

    def committed(self, tag: int, rows: tuple[Recorded, ...]) -> None:
        """Take the journal's word that a batch is on disk."""
        waiting = self._waiting.pop(tag)
        self._slow = self._slow and bool(self._waiting)
        if not waiting.late and self._loop.time() - waiting.submitted_s > LATE_S:
            self._late(waiting)  # the timer itself was late
        for action in waiting.held:
            self._ports.act(action)
        self._ports.recorded(rows)
        for answer in waiting.answers:
            self._ports.answer(answer)
        if waiting.told is not None and not waiting.told.done():
            waiting.told.set_result(None)
        self._backlog.remove(tag)
        self._relieve()
        self._settle()

    def _relieve(self) -> None:
        """Tell what was left out, and record what was kept back, once there is room again."""
        if not (self._full or self._backlog.keeps) or not self._backlog.is_relieved:
            return
        if self._full:
            self._full = False
            self.put(StorageNews(Condition.READY, self._clock.now().mono_us))
        if (news := self._backlog.take_left_out(self._clock.now().mono_us)) is not None:
            self.put(news)  # the changes go with it
        elif self._backlog.changes and not self._inbox:
            self._record(Step(), [])

    def _turn(self) -> None:
        self._turn_waits = False
        step = Step()
        for _ in range(min(len(self._inbox), INPUTS_A_TURN)):
            self._decide(self._inbox.popleft(), step)
        wake_us = self._site.wake_us()
        if wake_us is not None and wake_us <= (now_us := self._clock.now().mono_us):
            self._decide(Tick(now_us), step)
            wake_us = self._site.wake_us()
        self._set_timer(wake_us)  # first: the writer's thread, once woken, waits for us to sleep
        self._send(step)
        if self._inbox and not self._turn_waits:
            self._turn_waits = True
            self._loop.call_soon(self._turn)
        self._settle()

    def _decide(self, what: Input, onto: Step) -> None:
        step = self._site.step(what, self._clock.now())
        onto.events += step.events
        onto.actions += step.actions
        onto.answers += step.answers
        onto.changes.update(step.changes)

    def _send(self, step: Step) -> None:
        held: list[Action] = []
        for action in step.actions:
            if action.release is Release.NOW:
                self._take_back(action, held)
                self._ports.act(action)
            else:
                held.append(action)
        if step.answers:
            step.answers = self._unanswered(step.answers)
        if self._backlog.overflows and not held and not step.answers:
            step.events = self._backlog.sifted(step.events)
            if not step.events:  # its changes go with what is recorded next
                self._backlog.changes.update(step.changes)
                return
        if step.events or step.changes or held:
            self._record(step, held)
        else:
            for answer in step.answers:
                self._ports.answer(answer)

    def _unanswered(self, answers: list[Answer]) -> list[Answer]:
        """Answer what need not wait for its record; return the rest.

        While too much waits, a refusal is told at once, and its record may be left out.
        """
        wait: list[Answer] = []
        for answer in answers:
            if answer.waits and (answer.accepted or not self._backlog.overflows):
                wait.append(answer)
            else:
                self._ports.answer(answer)
        return wait

    def _take_back(self, newer: Action, held: list[Action]) -> None:
        """Cancel what still waits for its commit and which a newer action overtakes."""
        where = (newer.device, newer.target)
        for waiting in (*(one.held for one in self._waiting.values()), held):
            for older in [one for one in waiting if (one.device, one.target) == where]:
                waiting.remove(older)
                self.put(_cancelled(older, self._clock.now(), "taken back before it was recorded"))

    def _record(self, step: Step, held: list[Action]) -> None:
        entries = tuple([Entry(event, self._ref(event)) for event in step.events])
        waiting = Waiting(entries, self._loop.time(), held, step.answers)
        self._submit(Batch(entries, self._backlog.take_changes(step.changes)), waiting)

    def _submit(self, batch: Batch, waiting: Waiting) -> None:
        self._tags += 1
        self._waiting[self._tags] = waiting
        self._backlog.add(self._tags, [entry.event for entry in batch.entries])
        if self._backlog.overflows and not self._full:
            self._full = True
            self.put(StorageNews(Condition.FAULTED, self._clock.now().mono_us, FULL))
        if self._watch is None:
            self._watch = self._loop.call_at(waiting.submitted_s + LATE_S, self._look)
        self._ports.submit(batch, self._tags)

    def _ref(self, event: Event) -> str | None:
        return next(self._refs) if event.severity is Severity.ALARM else None

    def _look(self) -> None:
        """Look for commits that take too long; again when the next one would."""
        self._watch = None
        now_s = self._loop.time()
        for waiting in [one for one in self._waiting.values() if not one.late]:
            if now_s < waiting.submitted_s + LATE_S:
                self._watch = self._loop.call_at(waiting.submitted_s + LATE_S, self._look)
                return
            self._late(waiting)

    def _late(self, waiting: Waiting) -> None:
        """Let go of what may not wait longer for the disk; take back what may not happen."""
        waiting.late = True
        held, waiting.held = waiting.held, []
        if not self._slow:
            self._slow = True
            log.warning("commits take over %d ms", LATE_S * 1000)
        for entry in waiting.entries:
            if entry.ref is not None:
                self._ports.unrecorded(entry)
        waiting.entries = ()
        for action in held:
            if action.release is Release.ALARM:
                self._ports.act(action)
            else:
                reason = f"its record took over {LATE_S * 1000:.0f} ms"
                self.put(_cancelled(action, self._clock.now(), reason))

    def _set_timer(self, due_us: int | None) -> None:
        """See to it that there is a turn by then; one that comes earlier does no harm."""
        if due_us is None or (self._timer_us is not None and self._timer_us <= due_us):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_us = due_us
        # asyncio counts in time.monotonic(), the clock that all our microseconds are of
        self._timer = self._loop.call_at(due_us / 1e6, self._timer_due)

    def _timer_due(self) -> None:
        self._timer = None
        self._timer_us = None
        self._turn()

    def _settle(self) -> None:
        if self._settling is not None and not self._inbox and not self._waiting:
            self._settling.set_result(None)
            self._settling = None


def refs(boot: str, first: int) -> Iterator[str]:
    """Yield references, unlike in all runs of one boot: `first` counts milliseconds."""
    number = first * 1000
    while True:
        number += 1
        yield f"{boot}/u-{number}"


def _cancelled(action: Action, now: Moment, reason: str) -> ActionAnswered:
    return ActionAnswered(action.id, Outcome.CANCELLED, now.mono_us, reason)
