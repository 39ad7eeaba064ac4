"""One event as one line for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

COLOURS: Mapping[str, str] = {"alarm": "red", "fault": "yellow", "access": "cyan", "info": "white"}
# Told by the line itself, or by nobody who reads it on site.
UNSAID = {"simulated", "hidden"}
# Terminals obey what stands below these, or end a line at it: no text of somebody else's may.
SAFE = dict.fromkeys((*range(32), *range(127, 160), 0x2028, 0x2029), "?")


def clean(text: str) -> str:
    """Return a text that stays on its line, and on the terminal that shows it."""
    return text.translate(SAFE)


def local_time(utc_us: int) -> datetime:
    """Return wall time as the gateway's people read it."""
    return datetime.fromtimestamp(utc_us / 1_000_000, UTC).astimezone()


def is_hidden(event: Mapping[str, Any]) -> bool:
    """Whether nobody on site may see it: a call for help under duress stays between two."""
    return bool(event.get("data", {}).get("hidden"))


def details(event: Mapping[str, Any]) -> str:
    """Return what the event's data says: "persons=p-1,p-2 reason=unknown"."""
    said = event.get("data", {})
    words = [f"{key}={_value(said[key])}" for key in sorted(said) if key not in UNSAID]
    if said.get("simulated"):
        words.append("(simulated)")
    return clean(" ".join(words))


def event_line(event: Mapping[str, Any]) -> str:
    """Write an event in columns: number, time, severity, kind, object, details.

    A `~` before the time says that the clock was not to be trusted.
    """
    doubt = " " if event.get("trusted", True) else "~"
    time = local_time(event["at"]).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    number = event.get("seq", "-")  # an alarm that left before its commit has none yet
    columns = f"{number:>7} {doubt}{time}  {event['severity']:<6}  {event['kind']:<21}"
    return f"{columns}  {event['object']:<19}  {details(event)}".rstrip()


def _value(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(_value, value))
    if isinstance(value, dict):
        return "{" + " ".join(f"{key}={_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return f'"{text}"' if " " in text or not text else text
