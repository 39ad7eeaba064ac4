"""The gateway itself: its starts and stops, its clock, and the numbers that it gives."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.site.inputs import ClockStepped, Configured, Json, Started, Stopping
from agent.site.machine import SECOND_US, Machine, Register, State
from agent.site.moment import Moment
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.turn import Turn

BLIND_ALARM_US = 60 * SECOND_US  # longer without watching asks for somebody to go and look


class Run(State, frozen=True, kw_only=True):
    """What is known of this run and those before.

    Attributes:
        boot: the kernel's boot id.
        trusted: whether the wall clock was trusted when it was last told.
        highest_us: wall time never goes back behind this, whatever the clock is set to.
        believed_us: the same, of what a synchronised clock has shown: a wrong one, far ahead at a
            boot, must not make all commands from afar late for years.
        action: the last id given to an action.
        config: digest of the site file. What is told of it is keyed with `secret`, for the
            file holds readers' passwords.
        secret: key of the digests of cards and PINs, made at the first start.
    """

    boot: str = ""
    trusted: bool = False
    highest_us: int = 0
    believed_us: int = 0
    action: int = 0
    config: str = ""
    secret: str = ""


class System(Machine[Run]):
    """The gateway."""

    noun = "system"

    def __init__(self, register: Register, site: str) -> None:
        super().__init__(register, "gateway", Run())
        self._site = site

    def utc_us(self, now: Moment) -> int:
        """Return the wall time for validity: setting the clock back revives nobody."""
        return max(self.state.highest_us, now.utc_us)

    def next_action(self) -> int:
        """Return the id of the next action."""
        self.state = replace(self.state, action=self.state.action + 1)
        return self.state.action

    def started(self, turn: Turn, what: Started) -> None:
        """Begin a run."""
        now, before = turn.now, self.state
        last_us = what.last_utc_us or 0
        self.state = replace(
            before,
            boot=now.boot,
            trusted=now.trusted,
            highest_us=max(before.highest_us, last_us),
            believed_us=max(before.believed_us, last_us if what.last_trusted else 0),
            config=what.config or before.config,
            secret=before.secret or _secret(now),
        )
        turn.event("system.started", self._site, {"version": what.version, "clean": what.clean})
        if before.config and before.config != self.state.config:
            self._tell_config(turn, before.config)
        if what.last_utc_us is not None:
            measured = now.trusted or now.boot == before.boot
            self._blind(turn, what.last_utc_us, what.clean, measured)

    def configured(self, turn: Turn, what: Configured, persons: Sequence[str]) -> None:
        """Another site file holds from now on."""
        before, self.state = self.state.config, replace(self.state, config=what.config)
        officers: list[Json] = [*persons]
        weaker: list[Json] = [*what.weaker]
        self._tell_config(turn, before, by=what.by, persons=officers or None, weaker=weaker or None)

    def _tell_config(self, turn: Turn, before: str, **data: Json) -> None:
        files = {"before": self._mark(before), "after": self._mark(self.state.config)}
        turn.event("system.configured", self._site, files | data)

    def _mark(self, config: str) -> Json:
        """Return what stands for a site file, and says nothing of the passwords in it."""
        key = self.state.secret.encode()
        return hmac.digest(key, config.encode(), "sha256").hex()[:16] if config else None

    def _blind(self, turn: Turn, from_us: int, clean: bool, measured: bool) -> None:
        to_us = turn.now.at(turn.at_us).utc_us
        turn.event(
            "system.blind",
            self._site,
            {"from": from_us, "to": to_us, "clean": clean},
            source=self.key,
            raises=not measured or to_us - from_us > BLIND_ALARM_US,
        )

    def stopping(self, turn: Turn, what: Stopping) -> None:
        """End a run."""
        turn.event("system.stopped", self._site, {"reason": what.reason})

    def clock_stepped(self, turn: Turn, what: ClockStepped) -> None:
        """Learn that the wall clock jumped, or began to be trusted."""
        trusted = self.state.trusted
        self.state = replace(
            self.state,
            trusted=turn.now.trusted,
            highest_us=max(self.state.highest_us, what.before_us),
            believed_us=max(self.state.believed_us, what.before_us if trusted else 0),
        )
        if what.before_us != what.after_us:
            step = {"before": what.before_us, "after": what.after_us}
            turn.event("system.clock_stepped", self._site, step)
        if turn.now.trusted and not trusted:
            turn.event("system.clock_trusted", self._site)


def _secret(now: Moment) -> str:
    # The boot id is random, so the digests of two sites or two installations never match.
    return hashlib.sha256(f"{now.boot}:{now.utc_us}:{now.mono_us}".encode()).hexdigest()
