"""Who stands at a reader: credentials, the factors of one person, and wrong attempts.

Too many wrong attempts at one reader lock that reader out for a while, wherever it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from agent.site import tables
from agent.site.inputs import CredentialRead, Json
from agent.site.machine import SECOND_US, Machine, State
from agent.site.person import Person, Presented
from agent.site.table import Factor
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

# A fingerprint module takes up to 1 s for a search (R30x manual), and its readings are dated at
# the image: so late may one come in that is inside its time.
RECOGNISED_US = 1_500_000
# What counts as a wrong attempt: whoever is known and valid makes none.
WRONG = frozenset({"unknown", "low-score", "revoked", "expired", "not-yet-valid"})


class Identified(Struct, frozen=True):
    """What a reading tells.

    Attributes:
        person: whose credential it is; None for a stranger's.
        reason: why it does not count; None when it does.
        complete: whether all of the person's factors have been shown.
    """

    person: Person | None
    reason: str | None = None
    complete: bool = False


class Partial(Struct, frozen=True, omit_defaults=True):
    """The factors that one person has shown, when not all; `refused`: told so already."""

    kinds: tuple[Factor, ...] = ()
    duress: bool = False
    refused: bool = False


class Shown(State, frozen=True, kw_only=True):
    """Factors shown by person, and wrong attempts by reader."""

    partial: Mapping[str, Partial] = field(default_factory=dict)
    wrong: Mapping[str, int] = field(default_factory=dict)


class Readers(Machine[Shown]):
    """Readers in one place, each of which is locked out after too many wrong attempts.

    Attributes:
        lockout_after: wrong attempts in a row that lock one out.
        lockout_s: for how long.
    """

    lockout_after = 5
    lockout_s = 60

    def __init__(self, house: House, name: str) -> None:
        super().__init__(house.register, name, Shown())
        self._house = house

    def judge(self, turn: Turn, read: CredentialRead, person: Person | None) -> str | None:
        """Return why something presented identifies nobody now; None when it does."""
        if self.runs(f"lockout {read.device}"):
            return "lockout"
        reason = self._refusal(turn, read, person)
        if reason in WRONG:
            self._count(turn, read.device)
        return reason

    def identified(self, turn: Turn, reader: str, person: Person, duress: bool) -> None:
        """Note that somebody has shown at a reader all that is asked for there."""
        if self.state.wrong.get(reader) != 0:
            self.state = replace(self.state, wrong={**self.state.wrong, reader: 0})
        self._house.sightings.note(turn, person.id, duress)

    def _refusal(self, turn: Turn, read: CredentialRead, person: Person | None) -> str | None:
        if person is None:
            weak = read.reference is None and read.score is not None
            return "low-score" if weak else "unknown"
        if self._house.devices[read.device].substituted:
            return "unknown"  # whoever a look-alike says it is
        return self._house.refusal(turn, person)

    def _count(self, turn: Turn, reader: str) -> None:
        count = self.state.wrong.get(reader, 0) + 1
        if count >= self.lockout_after:
            self.start(turn, f"lockout {reader}", self.lockout_s * SECOND_US)
            count = 0
        self.state = replace(self.state, wrong={**self.state.wrong, reader: count})


class Desk(Readers):
    """A reader at no door: any one credential there identifies somebody for commands."""

    noun = "desk"

    def __init__(self, house: House, reader: str) -> None:
        super().__init__(house, reader)
        self.device = reader

    def presented(self, turn: Turn, read: CredentialRead, found: Presented | None) -> None:
        """Take in something presented, and whose it is; whoever is nobody is told as at a door."""
        person = found.person if found else None
        if reason := self.judge(turn, read, person):
            who = person.id if person else None
            self.say(turn, "access.denied", person=who, reason=reason, score=read.score)
        elif found:
            self.identified(turn, read.device, found.person, found.credential.duress)


class Identification(Readers):
    """The readers on one side of a door."""

    noun = "identification"

    def __init__(self, given: tables.Door, house: House) -> None:
        super().__init__(house, given.id)
        self._plan = given
        self.lockout_after, self.lockout_s = given.lockout_after, given.lockout_s
        self.area, self.device = given.area, given.reader_in[0]

    @property
    def started(self) -> list[str]:
        """Who has shown some factors, and not all."""
        return list(self.state.partial)

    @property
    def locked_out(self) -> list[Json]:
        """The readers at which there were too many wrong attempts."""
        return [reader for reader in self._plan.reader_in if self.runs(f"lockout {reader}")]

    def present(self, turn: Turn, read: CredentialRead, found: Presented | None) -> Identified:
        """Take in something presented at a reader, and whose it is."""
        person = found.person if found else None
        reason = self.judge(turn, read, person)
        if found is None or reason is not None:
            return Identified(person, reason)
        if found.credential.kind not in self._plan.factors:
            return Identified(person, "factor-missing")
        return self._show(turn, read.device, found)

    def _show(self, turn: Turn, reader: str, found: Presented) -> Identified:
        person, credential = found.person, found.credential
        before = self.state.partial.get(person.id, Partial())
        kinds = tuple(sorted({*before.kinds, credential.kind}))
        now = replace(before, kinds=kinds, duress=before.duress or credential.duress)
        if set(now.kinds) != set(self._plan.factors):
            self.state = replace(self.state, partial={**self.state.partial, person.id: now})
            within_us = self._plan.within_s * SECOND_US
            self.start(turn, f"factors {person.id}", within_us + 1, patience_us=RECOGNISED_US)
            return Identified(person)
        self.drop(person.id)
        self.identified(turn, reader, person, now.duress)
        return Identified(person, complete=True)

    def on_timer(self, turn: Turn, name: str) -> None:
        what, _, who = name.partition(" ")
        if what == "factors":
            shown = self.state.partial[who]
            self.drop(who)
            if not shown.refused:
                self.say(turn, "access.denied", person=who, reason="factor-missing")

    def refused(self, person: str) -> None:
        """Note that somebody was told that it is no use, whatever they show."""
        if shown := self.state.partial.get(person):
            partial = {**self.state.partial, person: replace(shown, refused=True)}
            self.state = replace(self.state, partial=partial)

    def drop(self, person: str) -> None:
        """Forget what somebody has shown."""
        if person not in self.state.partial:
            return
        self.stop(f"factors {person}")
        partial = {name: shown for name, shown in self.state.partial.items() if name != person}
        self.state = replace(self.state, partial=partial)
