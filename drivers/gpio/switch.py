"""What an action makes of an output. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.contract import Action
from drivers.gpio.options import Output

LONGEST_PULSE_MS = 3_600_000


class ActionRefused(Exception):
    """The action cannot be meant; nothing was moved."""


@dataclass(slots=True)
class Switch:
    """One output, and when it goes off by itself.

    Attributes:
        name: of the output.
        output: as the site file has it.
        on: what it was last switched to.
        due_us: when it is to go off; None: it stays as it is.
        since_us: when it was switched on; None while it is off, and in its fail state.
    """

    name: str
    output: Output
    on: bool
    due_us: int | None = None
    since_us: int | None = None

    def asked(self, action: Action, now_us: int) -> None:
        """Take what an action asks; a running pulse's time starts again.

        Raises:
            ActionRefused: it is no verb of an output, or its time is out of bounds.
        """
        match action.verb:
            case "pulse":
                self._switch_on(now_us, now_us + self._pulse_ms(action) * 1000)
            case "on":
                self._switch_on(now_us, None)
            case "off":
                self.ended()
            case _:
                raise ActionRefused(f"an output cannot {action.verb}; it can pulse, on and off")

    def _switch_on(self, now_us: int, until_us: int | None) -> None:
        """Be on until then; never longer at a stretch than it may, however often it is asked."""
        self.on = True
        self.since_us = now_us if self.since_us is None else self.since_us
        longest_s = self.output.longest_s
        ends_us = None if longest_s is None else self.since_us + longest_s * 1_000_000
        known = [us for us in (until_us, ends_us) if us is not None]
        self.due_us = min(known, default=None)

    def _pulse_ms(self, action: Action) -> int:
        for_ms = action.args.get("for_ms")
        longest_s = self.output.longest_s
        longest_ms = LONGEST_PULSE_MS if longest_s is None else longest_s * 1000
        if isinstance(for_ms, bool) or not isinstance(for_ms, int):
            raise ActionRefused(f"a pulse needs for_ms, a whole number; there was {for_ms!r}")
        if not 0 < for_ms <= longest_ms:
            raise ActionRefused(f"for_ms {for_ms}: {self.name} may be on for 1 to {longest_ms} ms")
        return for_ms

    def ended(self) -> None:
        """Be off: its time is over, or it was asked to."""
        self.on, self.due_us, self.since_us = False, None, None

    @property
    def level(self) -> bool:
        """The level that the pin is to have."""
        return self.output.level(self.on)

    @property
    def fail_level(self) -> bool:
        """The pin's level in the fail state."""
        return self.output.level(self.output.fail_state == "on")
