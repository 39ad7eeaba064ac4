"""Waiting in tests: for a condition, with a deadline; never for a length of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout_s: float, what: str) -> T:
    """Return the first true value of `condition`; fail the test after `timeout_s`.

    Args:
        condition: asked every 5 ms.
        timeout_s: how long to go on asking.
        what: what is waited for, as the failure shall say it.
    """
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.005)
    return value
