"""Waiting in tests: for a condition, with a deadline; never for a length of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Limits are written for a quiet machine. One that does other work as well may take so many times
# as long: a limit ends only what has failed, and costs nothing where nothing has. How fast
# something must be is an assertion of its own.
BUSY = 6

# Asking costs both who asks and who is asked. What has taken long is not missed for long.
SHORTEST_PAUSE_S, LONGEST_PAUSE_S, OF_THE_WAIT = 0.005, 0.05, 1 / 20


def wait_until(condition: Callable[[], T], timeout_s: float, what: str) -> T:
    """Return the first true value of `condition`; fail the test after `timeout_s`, `BUSY` times.

    Args:
        condition: asked every 5 ms at first, every 50 ms at last; see `pause_s`.
        timeout_s: how long it may take on a quiet machine.
        what: what is waited for, as the failure shall say it.
    """
    began = time.monotonic()
    while not (value := condition()):
        waited_s = time.monotonic() - began
        assert waited_s < timeout_s * BUSY, f"not within {timeout_s * BUSY} s: {what}"
        time.sleep(pause_s(waited_s))
    return value


def pause_s(waited_s: float) -> float:
    """Return how long to wait before asking again, after so long a wait."""
    return min(LONGEST_PAUSE_S, max(SHORTEST_PAUSE_S, waited_s * OF_THE_WAIT))
