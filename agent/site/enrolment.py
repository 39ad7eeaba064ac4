"""Who becomes known and who no longer is: commands that need two officers at a reader.

The first two officers are made by a *bootstrap*: as long as there never were two, a local
command may enrol officers. It works once. From then on two different officers must have
identified at a reader within the last two minutes.

*Recovery*: where only one officer is left who is not expired, the monitor and that officer
together make another. It lasts 15 minutes, and ends with the officer that it makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from agent.site.commands import (
    Asked,
    Nothing,
    PersonEnrol,
    PersonNamed,
    Refused,
)
from agent.site.credential import taken
from agent.site.fingers import Fingers
from agent.site.inputs import Json
from agent.site.machine import SECOND_US, Machine, State
from agent.site.person import Credential, Person, Profile
from agent.site.table import Role

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

OFFICERS = 2
RECOVERY = "recovery"
RECOVERY_US = 15 * 60 * SECOND_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap(State):
    """Whether there ever were two officers."""

    done: bool = False


class Enrolment(Machine[Bootstrap]):
    """The register's clerk."""

    noun = "enrolment"

    def __init__(self, house: House) -> None:
        super().__init__(house.register, "all", Bootstrap())
        self._house = house
        self._people = house.people
        self.fingers = Fingers(house, self)

    def enrol(self, turn: Turn, asked: Asked[PersonEnrol]) -> None:
        """`person.enrol`: make somebody known, or change their roles and credentials."""
        given = asked.params
        known = self._people.get(given.person)
        if known and known.state.revoked:
            raise Refused("revoked")
        if given.schedule and given.schedule not in self._house.hours:
            raise Refused("unknown-schedule")
        if "visitor" in given.roles and len(given.roles) > 1:
            raise Refused("visitor-alone")
        by = self.allowed(turn, given.roles)
        credentials = taken(self._house, given.person, given.credentials)
        if known and "officer" not in given.roles:
            self._officers_remain(known)
        profile = Profile(
            roles=given.roles,
            credentials=credentials,
            valid_from_us=_utc_us(given.valid_from),
            valid_to_us=_utc_us(given.valid_to),
            schedule=given.schedule,
            enrolled_by=tuple(by),
        )
        self._expect_templates(known, credentials)
        self._people.put(given.person, profile)
        self._record(turn, "person.changed" if known else "person.enrolled", profile, given.person)
        self.stop(RECOVERY)
        if len(self._people.officers()) >= OFFICERS:
            self.state = replace(self.state, done=True)

    def remove(self, turn: Turn, asked: Asked[PersonNamed]) -> None:
        """`person.remove`: make somebody nobody, for good."""
        person = self._people.get(asked.params.person)
        if person is None or person.state.revoked:
            raise Refused("unknown-person")
        by = self._house.two_officers(turn)
        self._officers_remain(person)
        self._people.revoke(person)
        turn.event("person.removed", person.id, {"by": list(by)})
        for door in self._house.doors.values():
            door.access.forget(turn, person.id)
        self.fingers.forget(turn, person)

    def recover(self, turn: Turn, asked: Asked[Nothing]) -> None:
        """`officer.recover`: let the one officer left, who is on site, make another."""
        if not self.state.done:
            raise Refused("wrong-mode")
        officer = self._officer_left(turn)
        self.start(turn, RECOVERY, RECOVERY_US)
        for_s = RECOVERY_US // SECOND_US
        turn.event("person.recovery_started", officer, {"by": asked.by, "for_s": for_s})

    def on_timer(self, turn: Turn, name: str) -> None:
        """The time for recovery is over; from now on it takes two officers again."""

    def on_restart(self, turn: Turn) -> None:
        self.stop(RECOVERY)

    def _officer_left(self, turn: Turn) -> str:
        """Return the one officer who is not expired and was identified on site lately."""
        utc_us = self._house.system.utc_us(turn.now)
        left = [o.id for o in self._people.officers() if o.refusal(utc_us) is None]
        if len(left) != 1:
            raise Refused("not-the-last")
        if left[0] not in self._house.sightings.since(turn):
            raise Refused("not-on-site")
        return left[0]

    def allowed(self, turn: Turn, roles: Sequence[Role]) -> list[str]:
        """Return which officers allow a change to somebody with these roles.

        Raises:
            Refused: they are too few.
        """
        if self.runs(RECOVERY) and "officer" in roles:
            return [self._officer_left(turn)]
        if self.state.done:
            return self._house.two_officers(turn)
        if "officer" not in roles:
            raise Refused("officers-first")
        return []

    def give(self, turn: Turn, person: Person, credential: Credential, by: tuple[str, ...]) -> None:
        """Give somebody a credential that was just made."""
        others = (c for c in person.state.credentials if c.reference != credential.reference)
        profile = replace(person.state, credentials=(*others, credential), enrolled_by=by)
        self._people.put(person.id, profile)
        self._record(turn, "person.changed", profile, person.id)

    def _officers_remain(self, leaving: Person) -> None:
        if self.state.done and sum(o is not leaving for o in self._people.officers()) < OFFICERS:
            raise Refused("last-officers")

    def _expect_templates(self, known: Person | None, now: Sequence[Credential]) -> None:
        """Let the readers' number of templates change by what changes here."""
        before = known.state.credentials if known else ()
        for credential in {*before} ^ {*now}:
            if credential.kind == "finger":
                self._house.devices[credential.reference.partition(":")[0]].expect_templates(1)

    def _record(self, turn: Turn, kind: str, profile: Profile, person: str) -> None:
        kinds: list[Json] = [credential.kind for credential in profile.credentials]
        turn.event(
            kind,
            person,
            {
                "roles": list(profile.roles),
                "credentials": kinds,
                "by": list(profile.enrolled_by),
                "bootstrap": None if profile.enrolled_by or kind != "person.enrolled" else True,
            },
        )


def _utc_us(when: datetime | None) -> int | None:
    return None if when is None else round(when.timestamp() * 1_000_000)
