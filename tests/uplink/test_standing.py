"""What is told of a path: once a change, and a fault until it is known to be over."""

from __future__ import annotations

from random import Random

import pytest

from agent.site.inputs import Condition, PathInput, PathNews
from agent.uplink.feed import Topics
from agent.uplink.outbox import Aside, Outbox
from agent.uplink.standing import Standing

READY, FAULTED, LOST = Condition.READY, Condition.FAULTED, Condition.LOST


class Watched:
    """A standing with what it has told."""

    def __init__(self) -> None:
        self.told: list[PathInput] = []
        self.standing = Standing("fibre", self.told.append, lambda: None)
        self.outbox = Outbox(Topics("s"), Random(1))

    def judge(self, *, aside: int | None = None, wrong: str = "", all_out: bool = True) -> None:
        self.outbox.aside = Aside("t", 9000, aside) if aside is not None else None
        self.standing.judge(self.outbox, wrong, all_out=all_out)

    def news(self) -> list[Condition]:
        found = [one.condition for one in self.told if isinstance(one, PathNews)]
        self.told.clear()
        return found


@pytest.fixture
def watched() -> Watched:
    made = Watched()
    made.judge()
    assert made.news() == [READY]
    return made


def test_a_fault_is_told_once_and_when_it_is_over(watched: Watched) -> None:
    watched.judge(aside=7)
    watched.judge(aside=7)
    assert watched.news() == [FAULTED]
    watched.judge(aside=9)
    assert watched.news() == [FAULTED]
    watched.judge()
    assert watched.news() == [READY]


def test_a_fault_outlasts_the_connection_until_nothing_waits(watched: Watched) -> None:
    watched.judge(aside=7)
    watched.standing.lost("cut", watched.outbox)
    assert watched.news() == [FAULTED, LOST]
    watched.judge(all_out=False)  # up again; the event has not been tried yet
    watched.judge(aside=7)
    assert watched.news() == [FAULTED]
    watched.judge(all_out=False)
    assert watched.news() == []
    watched.judge(all_out=True)
    assert watched.news() == [READY]


def test_what_is_wrong_besides_is_a_fault_too(watched: Watched) -> None:
    watched.judge(wrong="the broker does not let this gateway hear x")
    assert watched.news() == [FAULTED]
    watched.judge(aside=7, wrong="the broker does not let this gateway hear x")
    assert watched.news() == [FAULTED]
    assert "event 7" in watched.standing.verdict.reason


def test_a_fault_works_and_a_loss_does_not(watched: Watched) -> None:
    watched.judge(aside=7)
    assert watched.standing.verdict.works
    assert not watched.standing.failed
    watched.standing.lost("cut", watched.outbox)
    assert watched.standing.failed
