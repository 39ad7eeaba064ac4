"""What a sender does between two answers, by a clock that goes on with every look at it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent.uplink.message import Message, Rank
from agent.uplink.sender import Sender
from agent.uplink.wire import Ack
from tests.uplink.rig import on_a_loop


class Link:
    """Takes every message, and notes when it is asked to hasten."""

    alive = True

    def __init__(self) -> None:
        self.sent = 0
        self.hastened = 0

    def publish(self, *_: object, **__: object) -> int:
        self.sent += 1
        return self.sent

    def hasten(self) -> None:
        self.hastened += 1


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


class Letters:
    """Two messages and no more."""

    sources: tuple[Any, ...] = ()

    def __init__(self) -> None:
        self.waiting = [Message(Rank.CONTROL, "a", b""), Message(Rank.CONTROL, "b", b"")]

    def next(self, now_s: float) -> Message | None:
        return self.waiting.pop() if self.waiting else None

    def answered(self, message: Message, code: int, now_s: float, elapsed_s: float) -> bool:
        return True

    def due_s(self, now_s: float) -> None:
        return None


@on_a_loop
async def test_a_broker_is_hastened_while_it_owes_an_answer() -> None:
    link = Link()
    rest: Any = link, Letters(), None, None, lambda *_: None
    sender = Sender(*rest, zipped=False)
    sender.pump()
    sender.acknowledged([Ack(1, 0)])
    assert link.hastened == 1  # it may keep the second back until the first is acknowledged
    sender.acknowledged([Ack(2, 0)])
    assert link.hastened == 1
    sender.end()
