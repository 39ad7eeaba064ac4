"""The record as the rules see it: whether what is decided can be written down.

While it cannot, nobody is let in (`journal-unavailable`) and nothing can be armed; leaving and
alarms go on. What happens meanwhile waits in order and is recorded when the disk heals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.site.inputs import Condition, StorageNews
from agent.site.machine import Machine, Register, State

if TYPE_CHECKING:
    from agent.site.turn import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk(State):
    """What is known of the record's disk.

    Attributes:
        failed: whether commits fail now.
        warned_pct: the highest filling that was warned of.
    """

    failed: bool = False
    warned_pct: int = 0


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

    def news(self, turn: Turn, what: StorageNews) -> None:
        """Take in that commits fail, pass again, or that the disk fills."""
        if what.used_pct is not None:
            self._fills(turn, what.used_pct)
            return
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

    def _fills(self, turn: Turn, used_pct: int) -> None:
        if used_pct != self.state.warned_pct:
            if used_pct > self.state.warned_pct:
                turn.event("system.storage_warning", self._site, {"used_pct": used_pct})
            self.state = replace(self.state, warned_pct=used_pct)

    def on_restart(self, turn: Turn) -> None:
        """A journal that opens can be written; if not, its first commit says so."""
        self.state = replace(self.state, failed=False)
