"""One step being taken: where machines say what they decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent.site.inputs import Json
from agent.site.kinds import KINDS
from agent.site.moment import Moment
from agent.site.step import Action, Answer, Event, Release, Severity, Step

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.machine import Machine


class Turn:
    """One input on its way through the machines.

    Attributes:
        now: the gateway's clocks at this step.
        at_us: the instant that is being decided: the input's own, or a due timer's.
        step: what was decided so far.
    """

    def __init__(self, house: House, now: Moment) -> None:
        self.now = now
        self.at_us = now.mono_us
        self.step = Step()
        self._house = house

    def here_us(self, at: Moment) -> int:
        """Return a past instant on this boot's monotonic clock: the time since then has passed.

        One of another boot lies as far back as the wall clock says; where that is not trusted
        nobody knows how far, and it is now.
        """
        if at.boot == self.now.boot:
            return at.mono_us
        present = self.now.at(self.at_us)
        away_us = max(0, present.utc_us - at.utc_us) if at.trusted and present.trusted else 0
        return self.at_us - away_us

    def event(
        self,
        kind: str,
        object: str,
        data: Mapping[str, Json] | None = None,
        *,
        source: str = "",
        device: str = "",
        at: Moment | None = None,
        severity: Severity | None = None,
        raises: bool | None = None,
    ) -> Event:
        """Record a fact, and raise an alarm where its kind says so.

        Args:
            kind: a row of the table of kinds.
            object: what it is about.
            data: the kind's fields; what is None is left out.
            source: key of the machine that says it; the alarm is about that.
            device: the device that showed it.
            at: when it happened, if not at the turn's instant.
            severity: where it is not the kind's.
            raises: whether an alarm is raised, where that is not as the kind says.
        """
        row = KINDS[kind]
        fields = {name: value for name, value in (data or {}).items() if value is not None}
        if device in self._house.simulated:
            fields["simulated"] = True
        when = at or self.now.at(self.at_us)
        event = Event(kind, object, severity or row.severity, when, device, fields)
        self.step.events.append(event)
        if row.raises if raises is None else raises:
            self._house.alarms.raise_for(self, event, source)
        return event

    def act(
        self, machine: Machine[Any], output: str, verb: str, release: Release, **args: Json
    ) -> int:
        """Ask a driver to do something with `device.output`; return the action's id."""
        device, _, target = output.partition(".")
        number = self._house.system.next_action()
        self._house.await_answer(machine, number)
        self.step.actions.append(Action(number, device, verb, target, args, release))
        return number

    def answer(
        self,
        command: str,
        *,
        accepted: bool,
        reason: str = "",
        data: Mapping[str, Json] | None = None,
    ) -> None:
        """Tell a command's sender what became of it."""
        self.step.answers.append(Answer(command, accepted, reason, data or {}))
