"""The record as the rules see it: whether what is decided can be written down.

While it cannot, nobody is let in (`journal-unavailable`) and nothing can be armed; leaving and
alarms go on. What happens meanwhile waits in order and is recorded when the disk heals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import field

from agent.site.inputs import (
    Condition,
    Json,
    RecordNews,
    RecordOverflowed,
    StorageFilled,
    StorageNews,
)
from agent.site.machine import Machine, Register, State
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.turn import Turn


WARN_PCT = (50, 90, 100)
CLEAR_PCT = 5  # below a level by so much, it may be warned of again


class Disk(State, frozen=True, kw_only=True):
    """What is known of the record's disk.

    Attributes:
        failed: whether commits fail now.
        warned: the highest level that was warned of, by what fills.
    """

    failed: bool = False
    warned: Mapping[str, int] = field(default_factory=dict)


class Storage(Machine[Disk]):
    """The record's disk."""

    noun = "storage"

    def __init__(self, register: Register, site: str) -> None:
        super().__init__(register, "journal", Disk())
        self._site = site

    @property
    def failed(self) -> bool:
        """Return whether what is decided cannot be recorded now."""
        return self.state.failed

    def is_normal(self) -> bool:
        return not self.failed

    def news(self, turn: Turn, what: StorageNews) -> None:
        """Take in that commits fail, or pass again."""
        failed = what.condition is not Condition.READY
        if failed is self.state.failed:
            return
        self.state = replace(self.state, failed=failed)
        if failed:
            turn.event(
                "system.storage_failed", self._site, {"reason": what.reason}, source=self.key
            )
        else:
            turn.event("system.storage_back", self._site, source=self.key)

    def record_news(self, turn: Turn, what: RecordNews) -> None:
        """Tell what ails the record itself."""
        turn.event(str(what.what), self._site, {"reason": what.reason}, source=self.key)

    def overflowed(self, turn: Turn, what: RecordOverflowed) -> None:
        """Tell how much was never recorded."""
        data: dict[str, Json] = {
            "info": what.info,
            "access": what.access,
            "fault": what.fault,
            "from": what.from_us,
            "to": what.to_us,
        }
        turn.event("system.events_left_out", self._site, data)

    def filled(self, turn: Turn, what: StorageFilled) -> None:
        """Warn once of every level that is reached; anew only after it was clearly left."""
        before = self.state.warned.get(what.what, 0)
        reached = max((level for level in WARN_PCT if what.used_pct >= level), default=0)
        held = max((level for level in WARN_PCT if what.used_pct > level - CLEAR_PCT), default=0)
        if reached > before:
            data: dict[str, Json] = {"what": what.what, "used_pct": what.used_pct}
            turn.event("system.storage_warning", self._site, data)
        warned = max(reached, min(before, held))
        if warned != before:
            self.state = replace(self.state, warned={**self.state.warned, what.what: warned})

    def on_restart(self, turn: Turn) -> None:
        """A journal that opens can be written; if not, its first commit says so."""
        self.state = replace(self.state, failed=False)
