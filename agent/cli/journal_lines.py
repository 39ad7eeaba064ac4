"""How the record's figures and times are written for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.cli.event_line import local_time

if TYPE_CHECKING:
    from agent.journal.clocks import Corrected
    from agent.journal.info import Info


def figures(found: Info) -> str:
    """Return what `armoury journal info` says, a line each."""
    times = [
        f"{local_time(at_us):%Y-%m-%d %H:%M}" if at_us is not None else "-"
        for at_us in (found.oldest_us, found.newest_us)
    ]
    left = f"{found.free >> 20} MiB free"
    if found.days_left is not None:
        left += f", enough for {found.days_left} days at this pace"
    lines = {
        "events": f"{found.events} ({found.first} to {found.head}, {found.pruned} pruned)",
        "from, to": f"{times[0]}, {times[1]}",
        "of these": ", ".join(f"{count} {name}" for name, count in found.by_severity.items()),
        "size": f"{found.bytes >> 10} KiB, {found.bytes_per_event} bytes an event",
        "growth": f"{found.per_day} events a day",
        "disk": left,
        "covered": f"up to {found.covered} by {found.checkpoints} signed checkpoints",
        "undelivered": ", ".join(f"{count} {lane}" for lane, count in found.undelivered.items()),
    }
    if found.wear is not None:
        lines["wear"] = f"{found.wear} % of the flash's life used"
    return "\n".join(f"{name:<12} {text}" for name, text in lines.items())


def really_at(found: Corrected) -> str:
    """Say when it was by a clock that was set only later."""
    if found.at_us is not None:
        return f"really at {_second(found.at_us)}"
    if found.from_us is not None and found.to_us is not None:
        return f"really between {_second(found.from_us)} and {_second(found.to_us)}"
    if found.from_us is not None:
        return f"really after {_second(found.from_us)}"
    if found.to_us is not None:
        return f"really before {_second(found.to_us)}"
    return "nobody knows when it really was"


def _second(utc_us: int) -> str:
    return f"{local_time(utc_us):%Y-%m-%d %H:%M:%S}"
