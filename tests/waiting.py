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


def wait_until(condition: Callable[[], T], timeout_s: float, what: str) -> T:
    """Return the first true value of `condition`; fail the test after `timeout_s`, `BUSY` times.

    Args:
        condition: asked every 5 ms.
        timeout_s: how long it may take on a quiet machine.
        what: what is waited for, as the failure shall say it.
    """
    deadline = time.monotonic() + timeout_s * BUSY
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s * BUSY} s: {what}"
        time.sleep(0.005)
    return value
