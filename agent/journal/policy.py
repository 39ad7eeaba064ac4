"""How long the record keeps what events say, and how much room it may take: `[record]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Struct, field
from pydantic import Field

from agent.journal.record import PRUNED, ROTATED
from agent.site.step import Severity
from agent.site.table import Table

# MOSAIC: inventory counts 2 years, 4 if discrepant; destruction 10 years. EN 50131-1: 30 days.
KEEP_D: Mapping[str, int] = {
    Severity.ALARM: 731,
    Severity.FAULT: 731,
    Severity.ACCESS: 731,
    Severity.INFO: 92,
    "rack.counted": 731,
    "rack.discrepancy": 1461,
    "rack.destroyed": 3653,
    PRUNED: 3653,
    ROTATED: 36_525,  # a hundred years: without it no later signature can be traced to an older key
    # A file is evidence for as long as its event is there.
    "evidence.kept": 3653,
    "evidence.dropped": 3653,
}


class Policy(Struct, frozen=True):
    """What is kept how long.

    Attributes:
        keep_d: days by kind, or for all other kinds by severity.
        quota: bytes that the record may take; beyond it the oldest `info` goes early. Nothing
            else ever does: chatter cannot push an alarm out.
        evidence: bytes that pictures and clips may take beside it; then the oldest go that are
            of no open alarm.
    """

    keep_d: Mapping[str, int] = field(default_factory=lambda: KEEP_D)
    quota: int = 4 << 30
    evidence: int = 2 << 30

    def days(self, kind: str, severity: str) -> int:
        """Return how long events of this kind are kept."""
        return self.keep_d.get(kind, self.keep_d[severity])


class RecordOptions(Table):
    """`[record]` of the site file. The lower bounds are what standards ask for."""

    keep_alarm_d: Annotated[int, Field(ge=731, le=3653)] = 731
    keep_access_d: Annotated[int, Field(ge=731, le=3653)] = 731
    keep_fault_d: Annotated[int, Field(ge=92, le=3653)] = 731
    keep_info_d: Annotated[int, Field(ge=30, le=3653)] = 92
    quota_mib: Annotated[int, Field(ge=64, le=1 << 20)] = 4096
    evidence_mib: Annotated[int, Field(ge=64, le=1 << 20)] = 2048

    def policy(self) -> Policy:
        """Return what it says, together with what no site file may change."""
        longest: dict[str, int] = {
            Severity.ALARM: self.keep_alarm_d,
            Severity.ACCESS: self.keep_access_d,
            Severity.FAULT: self.keep_fault_d,
            Severity.INFO: self.keep_info_d,
        }
        return Policy({**KEEP_D, **longest}, self.quota_mib << 20, self.evidence_mib << 20)
