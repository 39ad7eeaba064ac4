"""The supervision of one device: its host is started, watched, killed and started again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct

from agent.config.devices import DeviceSpec
from agent.pauses import Pauses
from agent.runtime.lines import (
    Alive,
    Answered,
    Failed,
    HostConfused,
    Lines,
    Ready,
    Said,
)
from agent.runtime.process import HostProcess
from agent.runtime.rate import ReadingRate
from agent.runtime.spawned import Spawned, spawn
from agent.site.inputs import (
    ActionAnswered,
    Condition,
    CredentialRead,
    DeviceNews,
    Input,
    Json,
    Outcome,
    PointRead,
)
from agent.site.step import Action

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2
# A device is to be back 15 s after its return: the pause, plus what opening it takes.
LONGEST_PAUSE_S = 12.0
STEADY_S = 30.0  # up for so long, the next failure is a new one
ANSWER_S = 2.0  # a driver that takes longer over an action hangs
STOP_GRACE_S = 1.5  # `drivers.host.GRACE_S` and a little
# Lost is declared a little early, so that it is known within the interval itself.
SUPERVISED_SHARE = 0.9


class HostSpec(Struct, frozen=True):
    """What is run for a device.

    Attributes:
        driver: entry point value, "package.module:Class".
        options: as validated, ready to be sent.
        supervision_s: without a sign of life for so long, the device is lost.
        points: what it may report, by name.
        readers: the kinds of credential that it may report.
        spool: the folder for files that its answers name; None: it has none.
        behind: it has work for a whole processor, and must not keep a panic button waiting.
    """

    device: str
    driver: str
    options: Mapping[str, Json]
    supervision_s: float
    points: frozenset[str]
    readers: frozenset[str]
    spool: Path | None = None
    behind: bool = False

    @classmethod
    def of(cls, device: DeviceSpec, spool: Path | None) -> HostSpec:
        """Return what is run for a device of the site file."""
        points, readers = device.offers.points, device.offers.readers
        options, supervision_s = device.options, device.supervision_s
        entry, behind = device.entry, device.behind
        return cls(device.id, entry, options, supervision_s, points, readers, spool, behind)


def _hear(tell: Callable[[bytes], None], said: bytes) -> None:
    tell(said)


class Host:
    """Keeps one device's driver running and turns what it says into the site's inputs.

    Args:
        spec: the device.
        tell: takes each input; called on the loop.
        random: for the jitter of the pauses.
        ahead: the first process, where it was started ahead.
        hear: has what came from the driver told; `Loop.hear` decides on it, too.

    Attributes:
        measured: what the driver last said that it measures, for a technician's eyes.
    """

    def __init__(
        self,
        spec: HostSpec,
        tell: Callable[[Input], None],
        random: Random,
        ahead: Spawned | None = None,
        hear: Callable[[Callable[[bytes], None], bytes], None] = _hear,
    ) -> None:
        self._spec = spec
        self._tell = tell
        self._hear = partial(hear, self._on)
        self._pauses = Pauses(FIRST_PAUSE_S, LONGEST_PAUSE_S, random, least=0.5)
        self._rate = ReadingRate(spec.device, tell)
        self._stopping = asyncio.Event()
        self._process: HostProcess | None = None
        self._ahead = ahead
        self._lines = Lines(spec.device)
        self._failure: tuple[Condition, str] | None = None
        self._over = asyncio.Event()
        self._heard_s = 0.0
        self._up = False  # this life: the hardware answers
        self._gave_up = False  # this life: the driver said why it ends, and has cleaned up
        self._stays = False  # between lives: the process waits to be told to try again
        self._waiting: dict[int, float] = {}  # action's number: when its answer is overdue
        self.condition: Condition | None = None
        self.reason = "starting"
        self.since_us = _now_us()
        self.restarts = 0
        self.measured: Mapping[str, Json] = {}

    @property
    def pid(self) -> int | None:
        """Return the host's process, None while there is none."""
        return self._process.pid if self._process else None

    async def run(self) -> None:
        """Run until `stop`."""
        while self._process is not None or not self._stopping.is_set():
            started_s = time.monotonic()
            await self._one_life()
            if self._stopping.is_set():
                return
            if time.monotonic() - started_s > STEADY_S:
                self._pauses.reset()
            self.restarts += 1
            await _first(self._stopping, timeout_s=self._pauses.next_s())

    def stop(self) -> None:
        """Ask for the end: outputs into their fail state, then the process is gone."""
        self._stopping.set()
        self._over.set()

    def act(self, action: Action) -> None:
        """Hand an action to the driver; it is always answered, by somebody."""
        if self.condition is not Condition.READY or self._process is None:
            self._answer(action.id, Outcome.REFUSED, f"{self._spec.device} is not there")
            return
        extra_ms = action.args.get("timeout_ms", 0)
        overdue_s = ANSWER_S + (extra_ms / 1000 if isinstance(extra_ms, int) else 0)
        line = {"do": "act", "id": action.id, "verb": action.verb, "target": action.target}
        if self._process.send(line | {"args": dict(action.args)}):
            self._waiting[action.id] = time.monotonic() + overdue_s
            self._over_after(overdue_s)
        else:
            self._answer(action.id, Outcome.REFUSED, f"{self._spec.device} takes no more")
            self._fail(Condition.FAULTED, "its driver does not read what it is told")

    def launch(self) -> None:
        """Start the driver's process ahead of `run`, which tells what becomes of it."""
        self._lines = Lines(self._spec.device)
        self._begin()
        start: dict[str, Any] = {"driver": self._spec.driver, "device": self._spec.device}
        start |= {"supervision_s": self._spec.supervision_s}
        start |= {"spool": str(self._spec.spool)} if self._spec.spool else {}
        try:
            start |= {"options": dict(self._spec.options)}
            spawned, self._ahead = self._ahead or spawn(behind=self._spec.behind), None
            self._process = HostProcess(spawned, start, self._hear)
        except OSError as error:
            why = f"its driver cannot be started: {error.strerror}"
            self._failure = (Condition.FAULTED, why)

    def _begin(self) -> None:
        self._failure = None
        self.measured = {}
        self._up = self._gave_up = self._stays = False
        if not self._stopping.is_set():
            self._over.clear()
        self._heard_s = time.monotonic()

    async def _one_life(self) -> None:
        if self._process is None:
            self.launch()
        elif self._stays and not self._stopping.is_set():
            self._begin()
            self._process.send({"do": "again"})  # one that does not take it does not come up
        if self._process is None:
            self._tell_failure()
            return
        while not self._over.is_set():
            await _first(self._over, timeout_s=self._check())
        self._tell_failure()  # now: ending it may take its time
        if self._stays and not self._stopping.is_set():
            return
        # What still runs gets time to put its outputs into their fail state.
        how = await self._process.end(grace_s=0.0 if self._gave_up else STOP_GRACE_S)
        self._process = None
        self._rate.end()
        self._failure = self._failure or (Condition.FAULTED, how)
        self._tell_failure()
        self._give_up_waiting()

    def _tell_failure(self) -> None:
        if self._failure is not None and not self._stopping.is_set():
            self._news(*self._failure)

    def _check(self) -> float:
        """Look at the deadlines; return when to look again, in seconds."""
        now_s = time.monotonic()
        silent_after_s = self._heard_s + self._spec.supervision_s * SUPERVISED_SHARE
        answer_after_s = min(self._waiting.values(), default=silent_after_s)
        if now_s >= silent_after_s:
            what = "no sign of life" if self._up else "does not come up"
            self._fail(Condition.LOST, f"{what} for {now_s - self._heard_s:.0f} s")
        elif now_s >= answer_after_s:
            self._fail(Condition.FAULTED, "its driver hangs over an action")
        return max(0.0, min(silent_after_s, answer_after_s) - now_s)

    def _over_after(self, delay_s: float) -> None:
        asyncio.get_running_loop().call_later(delay_s + 0.01, self._check)

    def _on(self, data: bytes) -> None:
        if not data or self._stays:  # it is gone, or speaks when it is to wait: never both lives
            self._stays = False
            self._over.set()
            return
        if self._up:  # before it is up, nothing but that counts as life
            self._heard_s = time.monotonic()
        try:
            for said in self._lines.feed(data):
                self._take(said)
        except HostConfused as error:
            self._fail(Condition.FAULTED, f"its driver {error}")

    def _take(self, said: Said) -> None:
        match said:
            case PointRead(_, name) | CredentialRead(_, name):
                if not self._up:
                    raise HostConfused("reports before it is ready")
                offers = self._spec.points if type(said) is PointRead else self._spec.readers
                if name not in offers:
                    raise HostConfused(f"reports {name!r}, which it does not offer")
                self._rate.take(said)
            case Alive(measured):
                self.measured = measured
            case Ready(identity):
                self._up, self._heard_s = True, time.monotonic()
                self._news(Condition.READY, "", identity)
            case Answered(number, outcome, reason, data):
                if self._waiting.pop(number, None) is not None:
                    self._tell(ActionAnswered(number, outcome, _now_us(), reason, data))
            case Failed(error, reason, stays):
                silent = error == "DeviceSilent"
                self._gave_up, self._stays = True, stays and not self._up
                self._fail(Condition.LOST if silent else Condition.FAULTED, reason)

    def _fail(self, condition: Condition, reason: str) -> None:
        if self._failure is None:
            self._failure = (condition, reason)
        self._over.set()

    def _news(
        self, condition: Condition, reason: str, identity: Mapping[str, Json] | None = None
    ) -> None:
        """Tell the site once a change; a device that stays away is told of once."""
        self.reason = reason
        if condition is self.condition:
            return
        self.condition = condition
        self.since_us = _now_us()
        log.log(
            logging.INFO if condition is Condition.READY else logging.WARNING,
            "%s: %s %s",
            self._spec.device,
            condition.value,
            reason,
        )
        self._tell(DeviceNews(self._spec.device, condition, self.since_us, reason, identity or {}))

    def _answer(self, number: int, outcome: Outcome, reason: str) -> None:
        self._tell(ActionAnswered(number, outcome, _now_us(), reason))

    def _give_up_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for number in waiting:
            self._answer(number, Outcome.UNKNOWN, f"{self._spec.device} went away over it")


def _now_us() -> int:
    return time.monotonic_ns() // 1000


async def _first(event: asyncio.Event, *, timeout_s: float) -> None:
    """Wait for the event, at the longest `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        pass
