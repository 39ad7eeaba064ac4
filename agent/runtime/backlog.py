"""What waits for a disk that refuses: how much of it, and what is left out when that is too much.

Nothing that was acknowledged is among it. Left out is first what is worth least, by severity, and
how much of it is counted; an alarm never is. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.site.inputs import RecordOverflowed
from agent.site.step import Event, Severity

UNIT = 800  # bytes; what a usual event takes, with what belongs to it
MOST = 20_000  # units: 16 MiB
FREELY = 100  # so few batches are not weighed: weighing takes time that latency has not
# Of `MOST`, in percent: beyond it events of a severity are left out. An alarm never is.
BEYOND_PCT: Mapping[Severity, int] = {Severity.INFO: 100, Severity.ACCESS: 150, Severity.FAULT: 200}


class Backlog:
    """The weight of what waits, and what was left out of it.

    Attributes:
        weight: of all that waits, in units.
        changes: state that differs, of batches that had nothing else left.
    """

    def __init__(self) -> None:
        self.weight = 0
        self.changes: dict[str, bytes | None] = {}
        self._weights: dict[int, int] = {}
        self._left_out: dict[Severity, int] = {}
        self._from_us = self._to_us = 0

    @property
    def overflows(self) -> bool:
        """Return whether anything is left out now."""
        return self.weight > MOST

    def add(self, tag: int, events: Iterable[Event]) -> None:
        """Note a batch that waits from now on."""
        weight = 1 if len(self._weights) < FREELY else 1 + sum(map(_weight, events))
        self._weights[tag] = weight
        self.weight += weight

    def remove(self, tag: int) -> None:
        """Note that a batch waits no more."""
        self.weight -= self._weights.pop(tag)

    def sifted(self, events: list[Event]) -> list[Event]:
        """Return those that are still taken, and count the others."""
        kept = []
        for event in events:
            beyond_pct = BEYOND_PCT.get(event.severity)
            if beyond_pct is None or self.weight * 100 <= MOST * beyond_pct:
                kept.append(event)
            else:
                self._leave_out(event)
        return kept

    def _leave_out(self, event: Event) -> None:
        if not self._left_out:
            self._from_us = event.at.utc_us
        self._to_us = event.at.utc_us
        self._left_out[event.severity] = self._left_out.get(event.severity, 0) + 1

    def take_changes(self, newer: dict[str, bytes | None]) -> dict[str, bytes | None]:
        """Return what was kept back, and the newer over it."""
        if not self.changes:
            return newer
        kept, self.changes = self.changes, {}
        return kept | newer

    @property
    def keeps(self) -> bool:
        """Return whether something was left out, or kept back, that is still to be told."""
        return bool(self.changes or self._left_out)

    @property
    def is_relieved(self) -> bool:
        """Return whether there is room again, and not for a moment only."""
        return self.weight * 2 <= MOST

    def take_left_out(self, at_us: int) -> RecordOverflowed | None:
        """Return what is to be told of what was left out; None: nothing was."""
        if not self._left_out:
            return None
        counts, self._left_out = self._left_out, {}
        return RecordOverflowed(
            counts.get(Severity.INFO, 0),
            counts.get(Severity.ACCESS, 0),
            counts.get(Severity.FAULT, 0),
            self._from_us,
            self._to_us,
            at_us,
        )


def _weight(event: Event) -> int:
    return 1 + len(str(event.data)) // UNIT
