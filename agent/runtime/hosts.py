"""All hosts: one for each device of the site file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

from agent.config.devices import DeviceSpec
from agent.runtime.clock import Clock
from agent.runtime.host import STOP_GRACE_S, Host
from agent.site.inputs import ActionAnswered, Input, Outcome
from agent.site.step import Action

Make: TypeAlias = Callable[[DeviceSpec, Callable[[Input], None]], Host]


class Running:
    """One device with its host.

    Attributes:
        task: ends when the host has.

    Args:
        spec: the device.
        make: makes its host.
        heard: takes what the host says, and which one it is.
    """

    task: asyncio.Task[None]

    def __init__(
        self, spec: DeviceSpec, make: Make, heard: Callable[[Running, Input], None]
    ) -> None:
        self.spec = spec
        self.host = make(spec, partial(heard, self))

    async def run(self, after: Collection[asyncio.Task[None]], others: asyncio.Event) -> None:
        """Run until it is stopped.

        Args:
            after: of those who hold its wires and are leaving; it begins when they have ended.
            others: who lets all others go first waits for this.
        """
        if after:
            await asyncio.wait(after)
        if self.spec.behind:
            await others.wait()
        await self.host.run()


class Hosts(Mapping[str, Host]):
    """Runs a host for each device, by its id; all methods are the loop's.

    Args:
        make: makes a device's host, which says things to what it is given.
        tell: takes what they say.
        task: runs something for as long as the daemon runs.
        clock: the gateway's.
    """

    def __init__(
        self,
        make: Make,
        tell: Callable[[Input], None],
        task: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        clock: Clock,
    ) -> None:
        self._make = make
        self._tell = tell
        self._task = task
        self._clock = clock
        self._running: dict[str, Running] = {}
        self._leaving: set[Running] = set()
        self._others = asyncio.Event()  # they are up, as far as a start can know

    def __getitem__(self, device: str) -> Host:
        return self._running[device].host

    def __iter__(self) -> Iterator[str]:
        return iter(self._running)

    def __len__(self) -> int:
        return len(self._running)

    def keep(self, devices: Iterable[DeviceSpec]) -> None:
        """Run hosts for exactly these devices from now on.

        One that is as it was goes on undisturbed. One that has a wire, or an id, of one that
        leaves begins when that has ended: two hosts never hold one port.
        """
        wanted = {spec.id: spec for spec in devices}
        for name, running in list(self._running.items()):
            if wanted.get(name) != running.spec:
                self._let_go(self._running.pop(name))
        before, self._running = self._running, {}
        for name, spec in wanted.items():
            self._running[name] = before.get(name) or self._begun(spec)

    def _let_go(self, running: Running) -> None:
        running.host.stop()
        self._leaving.add(running)
        running.task.add_done_callback(lambda _: self._leaving.discard(running))

    def _begun(self, spec: DeviceSpec) -> Running:
        running = Running(spec, self._make, self._heard)
        after = [one.task for one in self._leaving if _wires(one.spec) & _wires(spec)]
        if not after and not spec.behind:
            running.host.launch()
        running.task = self._task(running.run(after, self._others))
        return running

    def begin_rest(self) -> None:
        """Run those too that let all others go first; from now on they begin at once."""
        self._others.set()

    def act(self, action: Action) -> None:
        """Hand an action to its device's host; it is always answered."""
        running = self._running.get(action.device)
        if running is not None:
            running.host.act(action)
            return
        reason = f"{action.device} is no device of the site file"
        self._tell(ActionAnswered(action.id, Outcome.REFUSED, self._clock.now().mono_us, reason))

    async def end(self) -> None:
        """End all of them: outputs into their fail state, then the processes are gone."""
        for running in self._running.values():
            running.host.stop()
        self.begin_rest()  # whoever still waits ends too
        tasks = {running.task for running in (*self._leaving, *self._running.values())}
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_GRACE_S + 1.5)

    def _heard(self, running: Running, what: Input) -> None:
        """Pass on what a host says; of one that leaves, only what became of actions."""
        stays = self._running.get(running.spec.id) is running
        if stays or isinstance(what, ActionAnswered):
            self._tell(what)


def _wires(spec: DeviceSpec) -> set[str]:
    """Return what no two hosts may hold: the device's wires, and its id, which its spool has."""
    return {spec.id, *(claim.wire for claim in spec.offers.claims)}
