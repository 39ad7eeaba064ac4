"""One key takes over from another: a statement signed by both, which an event of the record bears.

From that event on, the new key signs. Whoever has any of the keys can follow the statements to
all others: the old one has named the new one, and the new one the old one.

    ORIGIN
    takes on a new key
    <the old public key>
    <the new public key>

    — ORIGIN <signature of the old one>
    — ORIGIN <signature of the new one>
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from msgspec import Struct

from agent.journal.note import NoteRefused, Signer, Verifier, open_note, sign
from agent.journal.record import ROTATED, Batch, Entry
from agent.site.moment import Moment
from agent.site.step import Event, Severity

_SAYING = "takes on a new key"


class Rotation(Struct, frozen=True):
    """One key after another.

    Attributes:
        number: of the event; a checkpoint that covers it is the new key's.
        old: signed until then.
        new: signs from then on.
    """

    number: int
    old: Verifier
    new: Verifier

    @classmethod
    def read(cls, number: int, body: bytes) -> Rotation:
        """Read a rotation's event.

        Raises:
            NoteRefused: it does not hold what both keys have signed.
        """
        try:
            old, new = opened(str(json.loads(body)["data"]["statement"]))
        except (ValueError, KeyError, TypeError) as error:
            raise NoteRefused("this is no change of a key") from error
        return cls(number, old, new)


def opened(statement: str) -> tuple[Verifier, Verifier]:
    """Return the old and the new key of a statement that both have signed.

    Raises:
        NoteRefused: it is none.
    """
    match statement.partition("\n\n")[0].split("\n"):
        case [origin, said, before, after] if said == _SAYING:
            old, new = Verifier.parse(before), Verifier.parse(after)
            if {old.name, new.name} == {origin} and old.key != new.key:
                for key in (old, new):
                    open_note(statement, [key])
                return old, new
    raise NoteRefused("this is no change of a key")


def batch(old: Signer, new: Signer, now: Moment) -> Batch:
    """Return what makes `new` sign from now on."""
    said = [old.verifier.name, _SAYING, str(old.verifier), str(new.verifier)]
    statement = sign("\n".join(said) + "\n", old, new)
    data = {"old": said[2], "new": said[3], "statement": statement}
    event = Event(ROTATED, "journal", Severity.ACCESS, now, data=data)
    return Batch((Entry(event),), rotate=new)


def chain_of(rows: Iterable[tuple[int, bytes]], trusted: Iterable[Verifier]) -> Chain:
    """Return the keys of a record of our own.

    Args:
        rows: number and body of its rotations' events.
        trusted: the keys that lie beside it.

    Raises:
        NoteRefused: a rotation does not hold what both keys have signed.
    """
    rotations = [Rotation.read(*row) for row in rows]
    return Chain([*trusted, *(rotation.old for rotation in rotations[:1])], rotations)


class Chain:
    """The keys of one record, each from an event on.

    Args:
        trusted: the keys that are known from elsewhere.
        rotations: of the record, in order of their numbers.

    Attributes:
        keys: in their order, as far as the rotations hold together; those known from elsewhere
            where there are none, or none of them is among those.
        from_numbers: from which event on each of `keys` signs; empty where there is one period.
    """

    def __init__(self, trusted: Iterable[Verifier], rotations: Sequence[Rotation]) -> None:
        self._given = list(trusted)
        self.keys: list[Verifier] = []
        self.from_numbers: list[int] = []
        if rotations:
            self._follow(rotations)

    def _follow(self, rotations: Sequence[Rotation]) -> None:
        keys, numbers = [rotations[0].old], [0]
        for rotation in rotations:
            if rotation.old != keys[-1] or rotation.new in keys:
                break
            keys.append(rotation.new)
            numbers.append(rotation.number)
        if any(key in keys for key in self._given):
            self.keys, self.from_numbers = keys, numbers

    def at(self, number: int) -> list[Verifier]:
        """Return the keys that may have signed a checkpoint whose last event has this number."""
        if not self.keys:
            return self._given
        return [self.keys[bisect_right(self.from_numbers, number) - 1]]

    def ever(self, number: int) -> list[Verifier]:
        """Return the keys that may have signed so, also if the record was longer once.

        Keys that are known from elsewhere may have taken over in what is gone. One that was
        replaced in what is here may not sign what came after: it may have been stolen since.
        """
        if not self.keys or number < self.from_numbers[-1]:
            return self.at(number)
        return [self.keys[-1], *(key for key in self._given if key not in self.keys)]

    def everybody(self) -> list[Verifier]:
        """Return all keys, of whatever time."""
        return [*self._given, *self.keys]

    def last_is_given(self) -> bool:
        """Say whether the key that signs now is known from elsewhere."""
        return not self.keys or self.keys[-1] in self._given
