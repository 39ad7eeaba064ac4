"""In which turn the tests come when several processes run them, and which stay together.

What waits (for processes, wires, cameras) comes first and leaves the cores to each other; what
only computes fills up the end, so that no core waits for one long test that was begun last.
"""

from __future__ import annotations

from pathlib import PurePath

import pytest
from xdist.scheduler import LoadScopeScheduling

WAITING = ("tests/system", "tests/contract", "tests/drivers", "tests/uplink")
FIRST = (*WAITING, "tests/site")
SHARED = "tests/system/test_commands.py"  # one house for all of them


def turn(item: pytest.Item) -> int:
    """Return the place of a test's room."""
    room = "/".join(PurePath(item.nodeid).parts[:2])
    return FIRST.index(room) if room in FIRST else len(FIRST)


class Turns(LoadScopeScheduling):
    """Gives out, in order, one test at a time of what waits, and else a whole file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if file.startswith(WAITING) and file != SHARED else file
