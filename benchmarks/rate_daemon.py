"""The daemon of `benchmarks.rate`: everything but hosts, fed as fast as the loop takes it."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from agent.journal.journal import Journal
from agent.journal.record import Batch, Commit, Entry, Recorded
from agent.runtime.clock import Clock
from agent.runtime.loop import INPUTS_A_TURN, Loop
from agent.site.inputs import Condition, DeviceNews, PointRead, PointState, Started
from agent.site.plan import Plan
from agent.site.site import Site as Rules
from agent.site.step import Action, Answer
from agent.site.tables import Device, Site
from agent.uplink.options import PathOptions
from agent.uplink.uplink import Uplink


class Ports:
    """Hands on what the loop decides; there are no hosts and nobody asks."""

    def __init__(self, journal: Journal, uplink: Uplink) -> None:
        self._journal = journal
        self._uplink = uplink

    def submit(self, batch: Batch, tag: int) -> None:
        self._journal.submit(batch, tag)

    def recorded(self, rows: tuple[Recorded, ...]) -> None:
        self._uplink.committed(rows)

    def act(self, action: Action) -> None:
        raise AssertionError(action)

    def answer(self, answer: Answer) -> None:
        raise AssertionError(answer)

    def unrecorded(self, entry: Entry) -> None:
        raise AssertionError(entry)


async def run(port: int, folder: Path, count: int) -> None:
    """Feed `count` changes of a point and stay until killed."""
    loop = asyncio.get_running_loop()
    house: Loop

    def committed(commit: Commit) -> None:
        loop.call_soon_threadsafe(lambda: house.committed(commit.tag, commit.rows))

    journal = Journal.open(folder / "data", committed=committed, failed=print)
    clock = Clock()
    path = PathOptions(id="only", host="127.0.0.1", port=port)
    connected = asyncio.Event()
    uplink = Uplink(folder.name, [path], journal, lambda _: connected.set(), loop)
    plan = Plan(site=Site(id=folder.name, name="Rate"), device=(Device(id="board"),))
    house = Loop(Rules(plan, journal.saved), Ports(journal, uplink), clock)
    house.put(Started("0", clock.now().mono_us))
    house.put(DeviceNews("board", Condition.READY, clock.now().mono_us))
    uplink.start()
    await connected.wait()
    print(time.time(), flush=True)
    for number in range(count):
        state = PointState.ALARM if number % 2 else PointState.NORMAL
        house.put(PointRead("board", "in", state, clock.now().mono_us))
        if number % INPUTS_A_TURN == 0:
            await asyncio.sleep(0)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
