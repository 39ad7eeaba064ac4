"""When something is due, in few words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from agent.cli.event_line import local_time
from agent.cli.rows import lasted


def due(given: Mapping[str, Any]) -> str:
    """Say when something is due: "due 2026-12-01, in 5 d", or that it is late."""
    if given["due_utc_us"] is None:
        return "not yet known"
    day = local_time(given["due_utc_us"]).strftime("%Y-%m-%d")
    left_s = int(given["due_utc_us"] / 1_000_000 - time.time())
    if given["late"] or left_s < 0:
        return f"late since {day}"
    return f"due {day}, in {lasted(left_s)}"
