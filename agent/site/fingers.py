"""The templates on the readers: a finger is learned on the module, and forgotten there.

A module learns a finger by itself; no template ever leaves it. So what becomes of it is told by
the module, long after the command: the credential counts from the module's `done` on. A module
that was asked and did not answer may hold a template more, or still hold one: that is said.

A module that was used elsewhere holds templates of nobody here: it is cleared of them, for they
are in the way of the fingers that it is to learn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, field

from agent.site.commands import Asked, FingerEnrol, ReaderNamed, Refused
from agent.site.device import Device
from agent.site.inputs import ActionAnswered, Json, Outcome
from agent.site.machine import Machine, State
from agent.site.order import STOPPED, Order
from agent.site.person import Credential
from agent.site.step import Release
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.enrolment import Enrolment
    from agent.site.house import House
    from agent.site.turn import Turn

ENROL_MS = 30_000  # for a finger to be laid twice
CLEAR_MS = 60_000  # for a thousand templates to be forgotten, one by one
POSITIONS = 1000  # where a module does not say how many it has

T = TypeVar("T")


class Template(Struct, frozen=True):
    """A place in a reader's memory, and whose it is, or is to be."""

    person: str
    reader: str
    position: int

    @property
    def reference(self) -> str:
        """Return it as a credential has it."""
        return f"{self.reader}:{self.position}"


class Learning(Struct, frozen=True, omit_defaults=True):
    """A finger being learned: where, for which command, and who allowed it."""

    template: Template
    order: Order
    officers: tuple[str, ...]
    duress: bool = False


class Clearing(Struct, frozen=True):
    """A reader that forgets what is nobody's, and for which command."""

    reader: str
    order: Order


class Asking(State, frozen=True, kw_only=True):
    """What the readers were asked for, by the action that asks it."""

    learning: Mapping[int, Learning] = field(default_factory=dict)
    forgetting: Mapping[int, Template] = field(default_factory=dict)
    clearing: Mapping[int, Clearing] = field(default_factory=dict)


class Fingers(Machine[Asking]):
    """What is learned and forgotten on all readers."""

    noun = "fingers"

    def __init__(self, house: House, clerk: Enrolment) -> None:
        super().__init__(house.register, "all", Asking())
        self._house = house
        self._clerk = clerk

    def awaited(self) -> tuple[int, ...]:
        return (*self.state.learning, *self.state.forgetting, *self.state.clearing)

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

    def clear(self, turn: Turn, asked: Asked[ReaderNamed]) -> str:
        """`reader.clear`: let a reader forget every finger that is nobody's here."""
        reader = self._free(asked.params.reader).id
        self._clerk.approved(turn)
        keep: list[Json] = [*self._positions(reader)]
        action = turn.act(
            self, f"{reader}.all", "clear", Release.RECORDED, keep=keep, timeout_ms=CLEAR_MS
        )
        clearing = Clearing(reader, Order.of(asked))
        self.state = replace(self.state, clearing={**self.state.clearing, action: clearing})
        return "accepted"

    def _positions(self, reader: str) -> Iterator[int]:
        """Yield where the fingers of everybody known are on a reader."""
        for person in self._house.people:
            for credential in () if person.state.revoked else person.state.credentials:
                device, _, position = credential.reference.partition(":")
                if credential.kind == "finger" and device == reader:
                    yield int(position)

    def forget(self, turn: Turn, person: str, credentials: Sequence[Credential]) -> None:
        """Let the readers forget those fingers of somebody that are among these credentials."""
        for credential in credentials:
            reader, _, position = credential.reference.partition(":")
            if credential.kind == "finger" and position.isdecimal():
                self._forget(turn, Template(person, reader, int(position)))

    def on_answer(self, turn: Turn, answer: ActionAnswered) -> None:
        learning = self.state.learning.get(answer.action)
        template = self.state.forgetting.get(answer.action)
        clearing = self.state.clearing.get(answer.action)
        self._drop(answer.action)
        if learning is not None:
            self._learned(turn, learning, answer.outcome, answer.reason)
        elif template is not None:
            self._forgot(turn, template, answer.outcome, answer.reason)
        elif clearing is not None:
            self._cleared(turn, clearing, answer.outcome, answer.reason)

    def on_restart(self, turn: Turn) -> None:
        """Nobody will answer any more: say so of everything that was asked."""
        before, self.state = self.state, Asking()
        for _, learning in sorted(before.learning.items()):
            self._learned(turn, learning, Outcome.UNKNOWN, STOPPED)
        for _, template in sorted(before.forgetting.items()):
            self._forgot(turn, template, Outcome.UNKNOWN, STOPPED)
        for _, clearing in sorted(before.clearing.items()):
            self._cleared(turn, clearing, Outcome.UNKNOWN, STOPPED)

    def _free(self, name: str) -> Device:
        """Return a reader that is there and has nothing else to do.

        Raises:
            Refused: there is none.
        """
        reader = self._house.devices.get(name)
        if reader is None or name not in self._house.posts:
            raise Refused("unknown-reader")
        if reader.substituted or not reader.is_normal():
            raise Refused("reader-away")
        learning = (one.template.reader for one in self.state.learning.values())
        clearing = (one.reader for one in self.state.clearing.values())
        if name in (*learning, *clearing):
            raise Refused("reader-busy")
        return reader

    def _position(self, given: FingerEnrol) -> int:
        """Return the place that is asked for, or the first that the site knows nothing of."""
        reader = self._free(given.reader)
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
        asked = self.state
        self.state = replace(
            asked,
            learning=_without(asked.learning, action),
            forgetting=_without(asked.forgetting, action),
            clearing=_without(asked.clearing, action),
        )

    def _learned(self, turn: Turn, learning: Learning, outcome: Outcome, reason: str) -> None:
        template = learning.template
        self._count(template.reader, outcome, 1)
        if outcome is not Outcome.DONE or self._give(turn, learning):
            learning.order.end(turn, outcome, reason)
        else:  # removed while the finger lay there
            learning.order.end(turn, Outcome.REFUSED, "revoked")
            self._forget(turn, template)

    def _cleared(self, turn: Turn, clearing: Clearing, outcome: Outcome, reason: str) -> None:
        kept = [*self._positions(clearing.reader)]
        if device := self._house.devices.get(clearing.reader):
            if outcome is Outcome.DONE:
                device.templates_are(len(kept))
                self._take_from_revoked(clearing.reader)
            elif outcome is Outcome.UNKNOWN:
                device.expect_templates(device.templates or 0)
        clearing.order.end(turn, outcome, reason)

    def _take_from_revoked(self, reader: str) -> None:
        for person in [one for one in self._house.people if one.state.revoked]:
            for credential in person.state.credentials:
                if credential.reference.partition(":")[0] == reader:
                    self._house.people.take(person.id, credential.reference)

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


def _without(asked: Mapping[int, T], action: int) -> dict[int, T]:
    return {number: one for number, one in asked.items() if number != action}
