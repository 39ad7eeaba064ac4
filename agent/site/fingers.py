"""The templates on the readers: a finger is learned on the module, and forgotten there.

A module learns a finger by itself; no template ever leaves it. So what becomes of it is told by
the module, long after the command: the credential counts from the module's `done` on. A module
that was asked and did not answer may hold a template more, or still hold one: that is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from agent.site.commands import Asked, FingerEnrol, Refused
from agent.site.inputs import ActionAnswered, Json, Outcome
from agent.site.machine import Machine, State
from agent.site.order import STOPPED, Order
from agent.site.person import Credential
from agent.site.step import Release

if TYPE_CHECKING:
    from agent.site.enrolment import Enrolment
    from agent.site.house import House
    from agent.site.turn import Turn

ENROL_MS = 30_000  # for a finger to be laid twice
POSITIONS = 1000  # where a module does not say how many it has


@dataclass(frozen=True, slots=True)
class Template:
    """A place in a reader's memory, and whose it is, or is to be."""

    person: str
    reader: str
    position: int

    @property
    def reference(self) -> str:
        """Return it as a credential has it."""
        return f"{self.reader}:{self.position}"


@dataclass(frozen=True, slots=True)
class Learning:
    """A finger being learned: where, for which command, and who allowed it."""

    template: Template
    order: Order
    officers: tuple[str, ...]
    duress: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking(State):
    """What the readers were asked for, by the action that asks it."""

    learning: Mapping[int, Learning] = field(default_factory=dict)
    forgetting: Mapping[int, Template] = field(default_factory=dict)


class Fingers(Machine[Asking]):
    """What is learned and forgotten on all readers."""

    noun = "fingers"

    def __init__(self, house: House, clerk: Enrolment) -> None:
        super().__init__(house.register, "all", Asking())
        self._house = house
        self._clerk = clerk

    def awaited(self) -> tuple[int, ...]:
        return (*self.state.learning, *self.state.forgetting)

    def enrol(self, turn: Turn, asked: Asked[FingerEnrol]) -> str:
        """`finger.enrol`: let a reader learn a finger, and give it to somebody known."""
        given = asked.params
        person = self._clerk.known(given.person)
        template = Template(person.id, given.reader, self._position(given))
        owner = self._house.people.owner("finger", template.reference)
        if owner and owner.person is not person:
            raise Refused("already-enrolled")
        officers = tuple(self._clerk.allowed(turn, person.id, person.state.roles))
        target = f"{template.reader}.{template.position}"
        action = turn.act(self, target, "enrol", Release.RECORDED, timeout_ms=ENROL_MS)
        learning = Learning(template, Order.of(asked), officers, given.duress)
        self.state = replace(self.state, learning={**self.state.learning, action: learning})
        return "accepted"

    def forget(self, turn: Turn, person: str, credentials: Sequence[Credential]) -> None:
        """Let the readers forget those fingers of somebody that are among these credentials."""
        for credential in credentials:
            reader, _, position = credential.reference.partition(":")
            if credential.kind == "finger" and position.isdecimal():
                self._forget(turn, Template(person, reader, int(position)))

    def on_answer(self, turn: Turn, answer: ActionAnswered) -> None:
        learning = self.state.learning.get(answer.action)
        template = self.state.forgetting.get(answer.action)
        self._drop(answer.action)
        if learning is not None:
            self._learned(turn, learning, answer.outcome, answer.reason)
        elif template is not None:
            self._forgot(turn, template, answer.outcome, answer.reason)

    def on_restart(self, turn: Turn) -> None:
        """Nobody will answer any more: say so of everything that was asked."""
        before, self.state = self.state, Asking()
        for learning in before.learning.values():
            self._learned(turn, learning, Outcome.UNKNOWN, STOPPED)
        for template in before.forgetting.values():
            self._forgot(turn, template, Outcome.UNKNOWN, STOPPED)

    def _position(self, given: FingerEnrol) -> int:
        """Return the place that is asked for, or the first that the site knows nothing of."""
        reader = self._house.devices.get(given.reader)
        if reader is None or given.reader not in self._house.posts:
            raise Refused("unknown-reader")
        if reader.substituted or not reader.is_normal():
            raise Refused("reader-away")
        if any(one.template.reader == given.reader for one in self.state.learning.values()):
            raise Refused("reader-busy")
        if given.position is not None:
            return given.position
        capacity = reader.state.identity.get("capacity", POSITIONS)
        taken = self._house.people.owner
        for position in range(capacity):
            if taken("finger", f"{given.reader}:{position}") is None:
                return position
        raise Refused("reader-full")

    def _forget(self, turn: Turn, template: Template) -> None:
        target = f"{template.reader}.{template.position}"
        action = turn.act(self, target, "delete", Release.RECORDED)
        self.state = replace(self.state, forgetting={**self.state.forgetting, action: template})

    def _drop(self, action: int) -> None:
        learning, forgetting = dict(self.state.learning), dict(self.state.forgetting)
        learning.pop(action, None)
        forgetting.pop(action, None)
        self.state = replace(self.state, learning=learning, forgetting=forgetting)

    def _learned(self, turn: Turn, learning: Learning, outcome: Outcome, reason: str) -> None:
        template = learning.template
        self._count(template.reader, outcome, 1)
        if outcome is not Outcome.DONE or self._give(turn, learning):
            learning.order.end(turn, outcome, reason)
        else:  # removed while the finger lay there
            learning.order.end(turn, Outcome.REFUSED, "revoked")
            self._forget(turn, template)

    def _give(self, turn: Turn, learning: Learning) -> bool:
        template = learning.template
        person = self._house.people.get(template.person)
        if person is None or person.state.revoked:
            return False
        credential = Credential("finger", template.reference, learning.duress)
        self._clerk.give(turn, person, credential, learning.officers)
        return True

    def _forgot(self, turn: Turn, template: Template, outcome: Outcome, reason: str) -> None:
        self._count(template.reader, outcome, -1)
        data: dict[str, Json] = {"person": template.person, "position": template.position}
        if outcome is Outcome.DONE:
            self._house.people.take(template.person, template.reference)
            turn.event("device.template_deleted", template.reader, data)
        else:
            data |= {"outcome": str(outcome), "reason": reason or None}
            turn.event("device.template_left", template.reader, data)

    def _count(self, reader: str, outcome: Outcome, by: int) -> None:
        """Keep up with the reader's number of templates."""
        device = self._house.devices.get(reader)
        if device is None:  # it has gone from the site file since
            return
        if outcome is Outcome.DONE:
            device.count_templates(by)
        elif outcome is Outcome.UNKNOWN:
            device.expect_templates(1)
