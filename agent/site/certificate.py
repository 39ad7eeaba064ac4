"""A certificate that a path needs: told before it ends, and when it was renewed.

Only certificates that were read in this run are watched: a path may have left the site file.
With a clock that is not trusted nothing is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.site.due import DAY_US
from agent.site.inputs import CertificateRead, ClockStepped, Json
from agent.site.machine import Machine, Register, State
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.turn import Turn

WARNED_D = (30, 7, 1, 0)  # days before the end


class Paper(State, frozen=True, kw_only=True):
    """What is known of a certificate.

    Attributes:
        ends_us: wall time of its end; None before it was ever read.
        told_d: the last of `WARNED_D` that was told; None when none was.
        watched: whether it was read in this run.
    """

    ends_us: int | None = None
    told_d: int | None = None
    watched: bool = False


class Certificate(Machine[Paper]):
    """One path's: its own, its broker's, or that of an authority which signed the broker's."""

    noun = "certificate"

    def __init__(self, register: Register, path: str, whose: str) -> None:
        super().__init__(register, f"{path}/{whose}", Paper())
        self._path = path
        self._whose = whose

    def read(self, turn: Turn, what: CertificateRead) -> None:
        """Take in when it ends."""
        told_d = self.state.told_d
        self.state = replace(self.state, watched=True)
        if what.ends_us != self.state.ends_us:
            self.state = replace(self.state, ends_us=what.ends_us, told_d=None)
            if told_d is not None:
                self._tell(turn, "uplink.certificate_renewed")
        self._judge(turn)

    def on_configured(self, turn: Turn) -> None:
        """Its path goes on telling."""

    def on_restart(self, turn: Turn) -> None:
        self.stop("next")
        self.state = replace(self.state, watched=False)

    def clock_stepped(self, turn: Turn, what: ClockStepped) -> None:
        """Judge by the clock as it is now."""
        self._judge(turn)

    def on_timer(self, turn: Turn, name: str) -> None:
        self._judge(turn)

    def _judge(self, turn: Turn) -> None:
        self.stop("next")
        ends_us = self.state.ends_us
        if ends_us is None or not self.state.watched or not turn.now.trusted:
            return
        left_us = ends_us - turn.now.at(turn.at_us).utc_us
        due = [days for days in WARNED_D if left_us <= days * DAY_US]
        if due and (self.state.told_d is None or due[-1] < self.state.told_d):
            self.state = replace(self.state, told_d=due[-1])
            kind = "uplink.certificate_expiring" if due[-1] else "uplink.certificate_expired"
            self._tell(turn, kind, due[-1] or None)
        if later := [days for days in WARNED_D if days not in due]:
            self.start(turn, "next", left_us - later[0] * DAY_US)

    def _tell(self, turn: Turn, kind: str, within_d: int | None = None) -> None:
        data: dict[str, Json] = {"whose": self._whose, "ends": self.state.ends_us}
        turn.event(kind, self._path, data | {"within_d": within_d}, source=self.key)
