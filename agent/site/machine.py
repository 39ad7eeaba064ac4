"""What every machine of the site is made of: a frozen state that is saved, and timers in it.

A machine holds all that it remembers in one frozen value. It changes it by assigning a
new one to `state`; what was assigned during a step is saved with it, so nothing that matters
can be left out. Timers are part of the state: saved, they go on after a restart.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from msgspec import Struct, field, json

from agent.site.inputs import ActionAnswered, ClockStepped, Json
from agent.site.moment import Moment
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.turn import Turn

SECOND_US = 1_000_000


class Timer(Struct, frozen=True):
    """One running timer.

    Attributes:
        due_us: when it is due, CLOCK_MONOTONIC of the boot in which it was set.
        utc_us: the same instant by the wall clock.
        left_us: how long it had to run when it was set.
    """

    due_us: int
    utc_us: int
    left_us: int

    def after_boot(self, now: Moment) -> Timer:
        """Return the same timer on this boot's clock.

        With a clock that is trusted, and was when the power failed, it is due at the same wall
        time. Else nobody knows how long the power was off, and it runs its whole time again.
        """
        left = max(0, self.utc_us - now.utc_us) if now.trusted else self.left_us
        return replace(self, due_us=now.mono_us + min(left, self.left_us))

    def stepped(self, by_us: int) -> Timer:
        """Return the same timer after a step of the wall clock."""
        return replace(self, utc_us=self.utc_us + by_us)

    def not_before(self, now: Moment) -> Timer:
        """Return the same timer, due now if it was before."""
        return replace(self, due_us=max(self.due_us, now.mono_us))


class State(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What all states have. What is as it was at first is not saved."""

    timers: Mapping[str, Timer] = field(default_factory=dict)


S = TypeVar("S", bound=State)
M = TypeVar("M", bound="Machine[Any]")
_sorted = json.Encoder(order="sorted").encode


def by_name(machines: Mapping[str, M]) -> dict[str, M]:
    """Return machines in the order of their names, in whatever order they became known.

    A site that is made anew from its state finds them so, and decides as the one before it.
    """
    return dict(sorted(machines.items()))


class Register:
    """All machines by key, what changed since the last step, and whose timer is due next."""

    def __init__(self, saved: Mapping[str, bytes]) -> None:
        self.machines: dict[str, Machine[Any]] = {}
        self.saved = dict(saved)
        self._changed: dict[str, None] = {}
        self._due: list[tuple[int, str, str]] = []
        self._wakes: list[tuple[int, tuple[int, str, str]]] = []

    def add(self, machine: Machine[Any]) -> bytes | None:
        """Take in a machine; return what was saved of it, None for nothing."""
        self.machines[machine.key] = machine
        return self.saved.get(machine.key)

    def remove(self, key: str) -> None:
        """Forget a machine and what was saved of it."""
        del self.machines[key]
        self._changed[key] = None

    def touch(self, key: str) -> None:
        """Note that a machine's state was assigned."""
        self._changed[key] = None

    def schedule(self, key: str, name: str, due_us: int, patience_us: int = 0) -> None:
        """Note that a timer was set."""
        heapq.heappush(self._due, (due_us, key, name))
        heapq.heappush(self._wakes, (due_us + patience_us, (due_us, key, name)))

    def next_due_us(self) -> int | None:
        """Return when the earliest running timer is due."""
        while self._due and not self._runs(self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def next_wake_us(self) -> int | None:
        """Return when a timer must be seen to, though no input comes; see `Machine.start`."""
        while self._wakes and not self._runs(self._wakes[0][1]):
            heapq.heappop(self._wakes)
        return self._wakes[0][0] if self._wakes else None

    def take_due(self, until_us: int) -> Iterator[tuple[int, Machine[Any], str]]:
        """Yield each timer due until then, earliest first, also those set meanwhile."""
        while self._due and self._due[0][0] <= until_us:
            entry = heapq.heappop(self._due)
            if self._runs(entry):
                due_us, key, name = entry
                yield due_us, self.machines[key], name

    def _runs(self, entry: tuple[int, str, str]) -> bool:
        due_us, key, name = entry
        machine = self.machines.get(key)
        timer = machine.state.timers.get(name) if machine else None
        return timer is not None and timer.due_us == due_us

    def take_changes(self) -> dict[str, bytes | None]:
        """Return what differs from what was saved before, and remember it as saved."""
        changes: dict[str, bytes | None] = {}
        for key in self._changed:
            machine = self.machines.get(key)
            now = machine.save() if machine else None
            if now != self.saved.get(key):
                changes[key] = now
                if now is None:
                    del self.saved[key]
                else:
                    self.saved[key] = now
        self._changed.clear()
        return changes


class Machine(Generic[S]):
    """One small state machine of the site.

    Args:
        register: where it is found.
        key: its name there and in what is saved: "door/store".
        initial: its state as long as nothing was ever saved.

    Attributes:
        state: all that it remembers; what is assigned is saved.
    """

    noun: ClassVar[str]
    state: S
    area: str | None = None  # the area that it is in
    device: str = ""  # the device that shows what it tells

    def __init__(self, register: Register, name: str, initial: S) -> None:
        self.id = name
        self.key = f"{self.noun}/{name}"
        self._register = register
        self._initial = initial
        saved = register.add(self)
        state = initial if saved is None else json.decode(saved, type=type(initial))
        super().__setattr__("state", state)  # it is saved already
        for timer, set_to in state.timers.items():
            register.schedule(self.key, timer, set_to.due_us)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "state":  # a property would cost every look at it a call
            self._register.touch(self.key)

    def save(self) -> bytes | None:
        """Return the state as canonical JSON, None when there is nothing to remember."""
        if self.state == self._initial:
            return None
        try:
            return _sorted(self.state)
        except TypeError:  # a key is a number, which JSON makes a text
            return _sorted(json.decode(json.encode(self.state)))

    def say(
        self,
        turn: Turn,
        kind: str,
        /,
        *,
        about: str = "",
        device: str = "",
        at: Moment | None = None,
        **data: Json,
    ) -> None:
        """Record a fact about itself, or about something of its own."""
        turn.event(
            kind,
            about or self.id,
            {"area": self.area, **data},
            source=self.key,
            device=device or self.device,
            at=at,
        )

    def start(
        self,
        turn: Turn,
        name: str,
        for_us: int,
        since_us: int | None = None,
        patience_us: int = 0,
    ) -> None:
        """Set a timer.

        Args:
            turn: the present step.
            name: of the timer; one that runs under it is set anew.
            for_us: how long it runs.
            since_us: from when on it counts; the turn's instant unless given.
            patience_us: how late something may be told that happened before it was due. So long
                it waits for a later input to ring it, dated as it was due all the same.
        """
        due_us = (turn.at_us if since_us is None else since_us) + for_us
        utc_us = turn.now.at(due_us).utc_us
        timers = {**self.state.timers, name: Timer(due_us, utc_us, for_us)}
        self.state = replace(self.state, timers=timers)
        self._register.schedule(self.key, name, due_us, patience_us)

    def stop(self, *names: str) -> None:
        """Stop timers; those that do not run are left alone."""
        if not self.state.timers.keys().isdisjoint(names):
            timers = {name: t for name, t in self.state.timers.items() if name not in names}
            self.state = replace(self.state, timers=timers)

    def runs(self, name: str) -> bool:
        """Return whether a timer is running."""
        return name in self.state.timers

    def left_us(self, turn: Turn, name: str) -> int:
        """Return how long a running timer still has, at the turn's instant."""
        return max(0, self.state.timers[name].due_us - turn.at_us)

    def clock_stepped(self, turn: Turn, what: ClockStepped) -> None:
        """Learn that the wall clock jumped: its timers are due when they were all the same."""
        if self.state.timers:
            by_us = what.after_us - what.before_us
            timers = {name: timer.stepped(by_us) for name, timer in self.state.timers.items()}
            self.state = replace(self.state, timers=timers)

    def wake(self, start: Moment, *, other_boot: bool) -> None:
        """Carry all timers over to a new run.

        `start` is trusted where the clock is, and was when the run before ended. What ran out
        while nobody was there is due at the start, and is dated then: nobody has done it, nor
        could have seen it, before.
        """
        if self.state.timers:
            timers = {
                name: timer.after_boot(start) if other_boot else timer.not_before(start)
                for name, timer in self.state.timers.items()
            }
            self.state = replace(self.state, timers=timers)
            for name, timer in timers.items():
                self._register.schedule(self.key, name, timer.due_us)

    def ring(self, turn: Turn, name: str) -> None:
        """Take note that a timer is due."""
        self.stop(name)
        self.on_timer(turn, name)

    def on_timer(self, turn: Turn, name: str) -> None:
        """Do what is to be done when a timer is due; it runs no more."""

    def on_restart(self, turn: Turn) -> None:
        """Do what a restart does to it. Timers are on this boot's clock already."""

    def on_configured(self, turn: Turn) -> None:
        """Do what another site file does to it: unless it says otherwise, what a restart does."""
        self.on_restart(turn)

    def on_answer(self, turn: Turn, answer: ActionAnswered) -> None:
        """Learn what became of an action that it asked for."""

    def on_monitor_knows(self, turn: Turn) -> None:
        """Learn that the monitor has acknowledged every open alarm of it."""

    def on_nuisance(self, turn: Turn) -> None:
        """Learn that an alarm of it was closed as a nuisance."""

    def on_restored(self, turn: Turn, cause: str) -> None:
        """Learn that an alarm of it, raised for `cause`, was restored."""

    def on_unknown_closed(self, alarm: str) -> None:
        """Learn that an alarm of it, by number, was closed before the monitor acknowledged it."""

    def on_closed_known(self, turn: Turn, alarm: str) -> bool:
        """Learn that the monitor acknowledges a closed alarm; return whether it was of this."""
        return False

    def awaited(self) -> tuple[int, ...]:
        """Return the ids of the actions whose answer it waits for."""
        return ()

    def is_normal(self) -> bool:
        """Return whether everything that it watches is as it should be."""
        return True
