"""In which turn the tests come when several processes run them, and which stay together.

Tests of a whole house come first: they are long, and leave the cores to each other. Then what
waits for a wire or a camera takes turns with what only computes, so that no core is idle, and none
waits for one long test that was begun last.
"""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

HOUSES = "tests/system"
WAITING = ("tests/contract", "tests/drivers", "tests/uplink")
LONG = "tests/site"  # of what computes
SHARED = "tests/system/test_commands.py"  # one house for all of them


def put_in_turn(items: list[pytest.Item]) -> None:
    """Put the tests in the order in which two cores are through with them soonest."""
    waiting = [item for item in items if _room(item).startswith(WAITING)]
    computing = [item for item in items if not _room(item).startswith((HOUSES, *WAITING))]
    computing.sort(key=lambda item: _room(item) != LONG)
    turns = {
        item: place / len(kind) for kind in (waiting, computing) for place, item in enumerate(kind)
    }
    items.sort(key=lambda item: turns.get(item, -1.0))


def _room(item: pytest.Item) -> str:
    return "/".join(item.nodeid.split("/", 2)[:2])


class Turns(LoadScopeScheduling):
    """Gives out, in order, one test at a time of what waits, and else a whole file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if file.startswith((HOUSES, *WAITING)) and file != SHARED else file
