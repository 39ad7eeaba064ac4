"""An event as it is written down, hashed, and told."""

from __future__ import annotations

from agent.journal.canonical import encode
from agent.journal.errors import JournalMisused
from agent.journal.layout import SEVERITIES
from agent.journal.record import Entry


def body(entry: Entry, seq: int | None) -> bytes:
    """Return the canonical JSON of an event.

    Args:
        entry: the event, and its name where it may be told before it has a number.
        seq: its number; None while it has none.

    Raises:
        JournalMisused: it lies outside the record's model.
    """
    event, at = entry.event, entry.event.at
    severity = str(event.severity)
    if severity not in SEVERITIES or not (isinstance(event.kind, str) and event.kind):
        raise JournalMisused(f"an event needs a kind and a severity: {event.kind!r}, {severity!r}")
    said: dict[str, object] = {
        "at": at.utc_us,
        "boot": at.boot,
        "data": dict(event.data),
        "kind": event.kind,
        "mono": at.mono_us,
        "object": event.object,
        "severity": severity,
        "trusted": at.trusted,
    }
    if seq is not None:
        said["seq"] = seq
    if event.device:
        said["device"] = event.device
    if entry.ref is not None:
        said["ref"] = entry.ref
    return encode(said)
