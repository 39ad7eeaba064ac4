"""A command whose end is known later: when the hardware has answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct

from agent.site.commands import Asked
from agent.site.inputs import Json, Outcome

if TYPE_CHECKING:
    from agent.site.turn import Turn

ENDS = {Outcome.DONE: "command.done", Outcome.UNKNOWN: "command.unknown"}
STOPPED = "the agent stopped over it"


class Order(Struct, frozen=True, omit_defaults=True):
    """What is kept of a command until then; see `Asked`."""

    command: str
    name: str
    by: str
    origin: str
    second: str = ""

    @classmethod
    def of(cls, asked: Asked[Any]) -> Self:
        """Return what is to be kept of a command that was just accepted."""
        return cls(asked.command, asked.name, asked.by, str(asked.origin), asked.second)

    def end(self, turn: Turn, outcome: Outcome, reason: str = "") -> None:
        """Record how it ended, and tell its sender.

        Args:
            turn: the present step.
            outcome: the hardware's; what was cancelled is refused.
            reason: why, unless it is done.
        """
        kind = ENDS.get(outcome, "command.refused")
        done = outcome is Outcome.DONE
        why = "" if done else reason or str(outcome)
        about: dict[str, Json] = {
            "name": self.name,
            "by": self.by,
            "second": self.second or None,
            "origin": self.origin,
        }
        turn.event(kind, self.command, about | {"reason": why or None})
        end: dict[str, Json] = {"outcome": kind.removeprefix("command.")}
        turn.answer(self.command, accepted=done, reason=why, data=end)
