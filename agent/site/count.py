"""Counts of a rack: by hand at each hand-over of its keys, and of every serial each quarter.

    nothing ──begin──▶ begun ──enter──▶ entered ──agree, both──▶ nothing
                                  ◀─enter─┘ (what was agreed before is void)

Two people begin it, identified at a reader. What they found is entered without their being shown
what it should be. Each then identifies at a reader once more and agrees; without both it stays
incomplete. The rack's own knowledge of that moment is what the entry is held against.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.site.commands import Asked, CountAgree, CountBegin, CountEnter, CountWhat, Refused
from agent.site.due import DAY_US, HOUR_US, Due
from agent.site.inputs import Json
from agent.site.machine import Machine, State
from agent.site.rack import NOTHING, Rack
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

COMPLETE_US = HOUR_US  # a count that both have not agreed by then is told as overdue


class Entry(Struct, frozen=True):
    """What was found, held against what the rack knew then.

    Attributes:
        at_us: when, monotonic, of this run at the earliest.
        count: weapons that were found.
        expected: weapons that stood in the rack.
        missing: serials that stood there and were not found.
        unexpected: serials that were found and did not stand there.
        away: serials that were not in their slots, as the rack knew.
    """

    at_us: int
    count: int
    expected: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    away: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether what was found is what stood there."""
        return self.count == self.expected and not self.missing and not self.unexpected


class Progress(State, frozen=True, kw_only=True):
    """What is known of a rack's count.

    Attributes:
        what: what kind is open; None for none.
        persons: the two who count.
        agreed: those of them who have agreed to `entry`.
        discrepant: whether the last count that was completed did not agree with the rack.
    """

    what: CountWhat | None = None
    persons: tuple[str, ...] = ()
    entry: Entry | None = None
    agreed: tuple[str, ...] = ()
    discrepant: bool = False


class Count(Machine[Progress]):
    """The counts of one rack; what it tells is told of the rack."""

    noun = "count"

    def __init__(self, rack: Rack, house: House) -> None:
        super().__init__(house.register, rack.id, Progress())
        self.area = rack.area
        self._rack = rack
        self._house = house
        every_us = rack.plan.count_due_d * DAY_US
        self._inventory = Due(f"count {rack.id}", every_us, house, self._overdue)

    def is_normal(self) -> bool:
        """Return whether the last count was right: a wrong one is mended by counting again."""
        return not self.state.discrepant

    def begin(self, turn: Turn, asked: Asked[CountBegin]) -> None:
        """`count.begin`: two people begin to count."""
        given = asked.params
        for person in given.persons:
            self._house.enrolment.known(person)
        if not set(given.persons) <= set(self._house.keepers(turn)):
            raise Refused("not-on-site")
        self.state = replace(
            self.state, what=given.what, persons=given.persons, entry=None, agreed=()
        )
        if not self.runs("complete"):  # beginning again does not put it off
            self.start(turn, "complete", COMPLETE_US)
        self.say(turn, "rack.count_started", what=given.what, persons=list(given.persons))

    def enter(self, turn: Turn, asked: Asked[CountEnter]) -> None:
        """`count.enter`: what they found; what was agreed before is void."""
        given = asked.params
        if self.state.what is None:
            raise Refused("no-count")
        if given.serials is None and self.state.what == "inventory":
            raise Refused("serials-needed")
        entry = self._entry(turn.at_us, given)
        self.state = replace(self.state, entry=entry, agreed=())

    def _entry(self, at_us: int, given: CountEnter) -> Entry:
        stands = [slot.weapon for slot in self._rack.slots if slot.weapon != NOTHING]
        found = stands if given.serials is None else given.serials
        own = {slot.serial for slot in self._rack.slots} - {NOTHING}
        return Entry(
            at_us=at_us,
            count=len(found) if given.count is None else given.count,
            expected=len(stands),
            missing=_without(stands, found),
            unexpected=_without(found, stands),
            away=_without(own, stands),
        )

    def agree(self, turn: Turn, asked: Asked[CountAgree]) -> None:
        """`count.agree`: one of the two, identified since, agrees to what was entered."""
        person, entry = asked.params.person, self.state.entry
        if entry is None:
            raise Refused("no-count")
        if person not in self.state.persons:
            raise Refused("not-counting")
        if person not in self._house.present(turn, entry.at_us):
            raise Refused("not-on-site")
        agreed = dict.fromkeys((*self.state.agreed, person))
        self.state = replace(self.state, agreed=tuple(agreed))
        if len(self.state.agreed) == len(self.state.persons):
            self._complete(turn, entry)

    def _complete(self, turn: Turn, entry: Entry) -> None:
        counted: dict[str, Json] = {
            "what": self.state.what,
            "count": entry.count,
            "expected": entry.expected,
            "persons": list(self.state.persons),
        }
        inventory = self.state.what == "inventory"
        self.stop("complete")
        self.state = Progress(discrepant=not entry.agrees)
        self._tell(turn, "rack.counted", counted | {"away": list(entry.away)})
        if inventory:
            self._inventory.done(turn)
        if not entry.agrees:
            counted["missing"] = list(entry.missing)
            counted["unexpected"] = list(entry.unexpected)
            self._tell(turn, "rack.discrepancy", counted)

    def _tell(self, turn: Turn, kind: str, data: dict[str, Json]) -> None:
        turn.event(kind, self.id, {"area": self.area} | data, source=self.key)

    def on_timer(self, turn: Turn, name: str) -> None:
        what = self.state.what
        self.say(turn, "rack.count_overdue", what=what, persons=list(self.state.persons))

    def _overdue(self, turn: Turn) -> None:
        due_d = self._rack.plan.count_due_d
        self.say(turn, "rack.count_overdue", what="inventory", due_d=due_d)

    def on_restart(self, turn: Turn) -> None:
        if self.state.entry is not None:  # whoever agrees identifies in this run
            entry = replace(self.state.entry, at_us=turn.at_us)
            self.state = replace(self.state, entry=entry)

    def view(self) -> Json:
        """Return how far it is; never who counts, nor what should be found."""
        return {
            "rack": self.id,
            "what": self.state.what or "",
            "entered": self.state.entry is not None,
            "agreed": len(self.state.agreed),
            "inventory": self._inventory.view(),
        }


def _without(these: Iterable[str], those: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*these} - {*those}))
