"""Who was identified on site a moment ago: what no remote shell can give a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from agent.site.machine import SECOND_US, Machine, Register, State

if TYPE_CHECKING:
    from agent.site.turn import Turn

ON_SITE_US = 120 * SECOND_US


class Sighting(Struct, frozen=True, omit_defaults=True):
    """One person's last identification, monotonic."""

    at_us: int
    duress: bool = False


class Seen(State, frozen=True, kw_only=True):
    """Everybody's last identification. A restart forgets it: permissions die."""

    last: Mapping[str, Sighting] = field(default_factory=dict)


class Sightings(Machine[Seen]):
    """Who was identified at a reader within `ON_SITE_US`."""

    noun = "sightings"

    def __init__(self, register: Register) -> None:
        super().__init__(register, "all", Seen())

    def note(self, turn: Turn, person: str, duress: bool) -> None:
        """Note that somebody completed their factors at a reader."""
        self.state = Seen(last=self.fresh(turn.at_us) | {person: Sighting(turn.at_us, duress)})

    def since(self, turn: Turn, after_us: int | None = None, *, free: bool = False) -> list[str]:
        """Return who was identified lately, in the order of their ids.

        Args:
            turn: the present step.
            after_us: leave out whoever was identified at this instant or before.
            free: leave out whoever was identified under duress.
        """
        return sorted(
            person
            for person, seen in self.fresh(turn.at_us).items()
            if (after_us is None or seen.at_us > after_us) and not (free and seen.duress)
        )

    def on_restart(self, turn: Turn) -> None:
        self.state = Seen()

    def fresh(self, at_us: int) -> dict[str, Sighting]:
        """Return the last identification of each who was identified lately, as of an instant."""
        since_us = at_us - ON_SITE_US
        return {person: seen for person, seen in self.state.last.items() if seen.at_us >= since_us}
