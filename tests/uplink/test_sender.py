"""What a sender does between two answers, by a clock that goes on with every look at it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent.uplink.sender import Sender
from tests.uplink.rig import on_a_loop


class Link:
    alive = True


class Outbox:
    """Late events that become free at an instant."""

    def __init__(self, free_s: float) -> None:
        self.free_s = free_s
        self.asked_s: list[float] = []
        self.sources: tuple[Any, ...] = ()

    def next(self, now_s: float) -> None:
        self.asked_s.append(now_s)

    def due_s(self, now_s: float) -> float | None:
        return self.free_s if self.free_s > now_s else None


@on_a_loop
async def test_what_becomes_free_while_it_looks_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    looks = iter(range(1000))
    for free_s in (0.5, 1.5, 2.5, 3.5):
        outbox: Any = Outbox(next(looks) + free_s)
        link: Any = Link()
        nobody: Any = None
        with monkeypatch.context() as patched:
            patched.setattr(loop, "time", lambda: float(next(looks)))
            sender = Sender(link, outbox, nobody, nobody, nobody, zipped=False)
            sender.pump()
            waits = sender._probe is not None
            sender.end()
        assert waits or outbox.asked_s[-1] >= outbox.free_s
