"""In which turn the tests come when several processes run them, and which stay together.

Tests of a whole house, what waits for a wire or a camera, and what only computes take turns from
the beginning to the end: the first two leave most of a core to others, the third takes all of one.
So little of a core is idle. Houses are through a little earlier: they are long, and nobody shall
wait for one that was begun last.
"""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

HOUSES = "tests/system"
WAITING = ("tests/contract", "tests/drivers", "tests/uplink")
LONG = "tests/site"  # of what computes
HOUSES_BY = 0.8  # of all turns
SHARED = "tests/system/test_commands.py"  # one house for most of them


def put_in_turn(items: list[pytest.Item]) -> None:
    """Put the tests in the order in which two cores are through with them soonest."""
    houses = [item for item in items if _room(item).startswith(HOUSES)]
    waiting = [item for item in items if _room(item).startswith(WAITING)]
    computing = [item for item in items if not _room(item).startswith((HOUSES, *WAITING))]
    computing.sort(key=lambda item: _room(item) != LONG)
    turns = {
        item: last * place / len(kind)
        for kind, last in ((houses, HOUSES_BY), (waiting, 1.0), (computing, 1.0))
        for place, item in enumerate(kind)
    }
    items.sort(key=lambda item: turns[item])


def _room(item: pytest.Item) -> str:
    return "/".join(item.nodeid.split("/", 2)[:2])


class Turns(LoadScopeScheduling):
    """Gives out, in order, one test at a time of what waits, and else a whole file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if file.startswith((HOUSES, *WAITING)) and file != SHARED else file
