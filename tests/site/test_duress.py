"""A person under duress and the same person free: nothing on site tells one from the other.

200 visits each, in turns. A visit is what somebody on site sees of it: two people lay their
fingers, each reading is decided and committed, and the strike is freed after the commit.
"""

from __future__ import annotations

import json
import queue
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.journal.journal import Journal
from agent.journal.record import Batch, Commit, Entry
from agent.runtime.local import LocalRecord
from agent.site.inputs import CredentialRead
from agent.site.site import Site
from tests.site.conftest import disk

VISITS = 200
SECOND = 1_000_000
PLAIN, DURESS = "1", "11"
COMMIT_S = 10.0

# The rules take some 30 us longer to raise a silent alarm. What can be seen waits for the disk,
# a millisecond at the very least, and for a reader that looks every 150 ms: a median that is off
# by half would still drown in that, and a machine under load does not fail the test.
ALIKE = 1.5
UNSEEN_US = 1000


@dataclass
class Visit:
    """What a visit showed on site, and how long its decisions took."""

    shown: list[Any]
    actions: list[Any]
    views: list[Any]
    hidden: int
    decided_us: float
    seen_us: float


class Gateway:
    """A journal on the disk and the record as it is shown on site."""

    def __init__(self, folder: Path) -> None:
        self.commits: queue.Queue[Commit] = queue.Queue()
        self.journal = Journal.open(folder, committed=self.commits.put, failed=self._failed)
        self.local = LocalRecord({})

    def _failed(self, *why: object) -> None:
        pytest.fail(f"not recorded: {why}")

    def visit(self, play: Any, finger: str) -> Visit:
        """Let two people enter at a site made anew, the first with this finger."""
        site = Site(play.plan, disk(play.saved))
        visit = Visit([], [], [], 0, 0.0, 0.0)
        for position, t in ((finger, 5), ("2", 6)):
            self._reading(site, play, position, t, visit)
        return visit

    def _reading(self, site: Site, play: Any, position: str, t: int, visit: Visit) -> None:
        read, now = CredentialRead("reader", "finger", position, t * SECOND), play.now(t)
        seen_ns, began_ns = time.perf_counter_ns(), time.process_time_ns()
        step = site.step(read, now)
        visit.decided_us += (time.process_time_ns() - began_ns) / 1000
        self.journal.submit(Batch(tuple(Entry(event) for event in step.events)), tag=0)
        rows = self.commits.get(timeout=COMMIT_S).rows
        self.local.note(rows)
        shown = [event for row in rows if (event := self.local.shown(row))]
        visit.seen_us += (time.perf_counter_ns() - seen_ns) / 1000
        visit.shown += shown
        visit.hidden += len(rows) - len(shown)
        visit.actions += step.actions
        visit.views.append(site.view() | {"on_site": site.on_site(now)})


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(tmp_path / "data")
    yield made
    made.journal.close()


@pytest.fixture
def armoury(make: Any) -> Any:
    play = make()
    play.saved["person/p-1"]["credentials"].append(
        {"kind": "finger", "reference": f"reader:{DURESS}", "duress": True}
    )
    return play


def test_two_hundred_visits_under_duress_look_like_any_others(
    armoury: Any, gateway: Gateway
) -> None:
    visits: dict[str, list[Visit]] = {PLAIN: [], DURESS: []}
    for _ in range(VISITS):
        for finger, told in visits.items():
            told.append(gateway.visit(armoury, finger))
    first = visits[PLAIN][0]
    assert [event["kind"] for event in first.shown] == ["access.pending", "access.granted"]
    numbers = []
    for plain, forced in zip(visits[PLAIN], visits[DURESS], strict=True):
        assert plain.hidden == 0
        assert forced.hidden == 2  # the duress and its alarm, for the monitor alone
        for visit in (plain, forced):
            numbers += [event.pop("seq") for event in visit.shown]
            assert json.dumps(visit.shown) == json.dumps(first.shown)
            assert visit.actions == first.actions
            assert visit.views == first.views
    assert numbers == list(range(1, len(numbers) + 1))  # no gap where something is hidden
    assert_alike(visits)


def assert_alike(visits: dict[str, list[Visit]]) -> None:
    seen = {who: statistics.median(v.seen_us for v in told) for who, told in visits.items()}
    took = {who: statistics.median(v.decided_us for v in told) for who, told in visits.items()}
    assert 1 / ALIKE <= seen[DURESS] / seen[PLAIN] <= ALIKE, seen
    assert abs(took[DURESS] - took[PLAIN]) <= UNSEEN_US, took
