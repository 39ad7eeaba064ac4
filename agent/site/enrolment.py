"""Who becomes known and who no longer is: commands that need two officers at a reader.

The first two officers are made by a *bootstrap*, which works once: as long as there never were
two who can be identified at a door, a local command may enrol and complete two officers, and
nobody else. From then on two different officers must have identified at a reader within the
last two minutes.

*Recovery*: where only one officer is left who is not expired, the monitor and that officer
together make another. It lasts 15 minutes, and ends once the officer that it makes can be
identified.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from agent.site.commands import (
    Asked,
    CredentialAdd,
    CredentialRemove,
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
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

OFFICERS = 2
RECOVERY = "recovery"
RECOVERY_US = 15 * 60 * SECOND_US


class Bootstrap(State, frozen=True, kw_only=True):
    """Whether there ever were two officers, and whom a recovery makes."""

    done: bool = False
    made: str = ""


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
        by = self.allowed(turn, given.person, given.roles)
        credentials = known.state.credentials if known else ()
        if given.credentials is not None:
            credentials = taken(self._house, given.person, given.credentials)
        profile = Profile(
            roles=given.roles,
            credentials=credentials,
            valid_from_us=_utc_us(given.valid_from),
            valid_to_us=_utc_us(given.valid_to),
            schedule=given.schedule,
            enrolled_by=tuple(by),
        )
        if known:
            self._officers_remain(turn, known, profile)
        self._put(turn, given.person, profile)

    def add(self, turn: Turn, asked: Asked[CredentialAdd]) -> None:
        """`credential.add`: give somebody known a card or a PIN, or a finger that is learned."""
        given = asked.params
        person = self.known(given.person)
        by = self.allowed(turn, person.id, person.state.roles)
        kept = person.state.credentials
        if given.kind == "pin":
            kept = tuple(c for c in kept if (c.kind, c.duress) != ("pin", given.duress))
        more = taken(self._house, person.id, (given,), kept)
        kept = tuple(c for c in kept if c.reference != more[0].reference)
        self._change(turn, person, (*kept, *more), by)

    def take(self, turn: Turn, asked: Asked[CredentialRemove]) -> None:
        """`credential.remove`: somebody is known by something no longer."""
        given = asked.params
        person = self.known(given.person)
        by = self.allowed(turn, person.id, person.state.roles)
        reference = given.reference and self._people.keep(given.kind, given.reference)
        kept = tuple(
            one
            for one in person.state.credentials
            if one.kind != given.kind or (reference and one.reference != reference)
        )
        if kept == person.state.credentials:
            raise Refused("unknown-credential")
        self._officers_remain(turn, person, replace(person.state, credentials=kept))
        self._change(turn, person, kept, by)

    def remove(self, turn: Turn, asked: Asked[PersonNamed]) -> None:
        """`person.remove`: make somebody nobody, for good."""
        person = self._people.get(asked.params.person)
        if person is None or person.state.revoked:
            raise Refused("unknown-person")
        by = self._house.two_officers(turn)
        self._officers_remain(turn, person, replace(person.state, revoked=True))
        self._people.revoke(person)
        turn.event("person.removed", person.id, {"by": list(by)})
        for door in self._house.doors.values():
            door.access.forget(turn, person.id)
        self.fingers.forget(turn, person.id, person.state.credentials)

    def recover(self, turn: Turn, asked: Asked[Nothing]) -> None:
        """`officer.recover`: let the one officer left, who is on site, make another."""
        if not self.state.done:
            raise Refused("wrong-mode")
        officer = self._officer_left(turn)
        self.state = replace(self.state, made="")
        self.start(turn, RECOVERY, RECOVERY_US)
        for_s = RECOVERY_US // SECOND_US
        turn.event("person.recovery_started", officer, {"by": asked.by, "for_s": for_s})

    def on_timer(self, turn: Turn, name: str) -> None:
        """The time for recovery is over; from now on it takes two officers again."""
        self.state = replace(self.state, made="")

    def on_restart(self, turn: Turn) -> None:
        self._recovered()

    def _recovered(self) -> None:
        self.stop(RECOVERY)
        self.state = replace(self.state, made="")

    def _officer_left(self, turn: Turn) -> str:
        """Return the one officer who is not expired and was identified on site lately."""
        utc_us = self._house.system.utc_us(turn.now)
        officers = (o for o in self._people.officers() if o.id != self.state.made)
        left = [officer.id for officer in officers if officer.refusal(utc_us) is None]
        if len(left) != 1:
            raise Refused("not-the-last")
        if left[0] not in self._house.sightings.since(turn):
            raise Refused("not-on-site")
        return left[0]

    def known(self, name: str) -> Person:
        """Return somebody who is known, and not removed.

        Raises:
            Refused: there is nobody.
        """
        person = self._people.get(name)
        if person is None:
            raise Refused("unknown-person")
        if person.state.revoked:
            raise Refused("revoked")
        return person

    def allowed(self, turn: Turn, person: str, roles: Sequence[Role]) -> list[str]:
        """Return which officers allow a change to somebody who has, or gets, these roles.

        Raises:
            Refused: they are too few.
        """
        if self.runs(RECOVERY) and "officer" in roles and self.state.made in ("", person):
            return [self._officer_left(turn)]
        if self.state.done:
            return self._house.two_officers(turn)
        officers = [officer.id for officer in self._people.officers()]
        if len(officers) >= OFFICERS and person not in officers:
            raise Refused("two-officers-needed")
        if "officer" not in roles:
            raise Refused("officers-first")
        return []

    def approved(self, turn: Turn) -> None:
        """See that officers allow what is about nobody: none is needed for the first two.

        Raises:
            Refused: they are too few.
        """
        if self.state.done:
            self._house.two_officers(turn)

    @property
    def bootstrapping(self) -> bool:
        """Whether the first officers are still being made."""
        return not self.state.done

    def give(self, turn: Turn, person: Person, credential: Credential, by: tuple[str, ...]) -> None:
        """Give somebody a finger that was just learned."""
        kept = (c for c in person.state.credentials if c.reference != credential.reference)
        profile = replace(person.state, credentials=(*kept, credential), enrolled_by=by)
        self._people.put(person.id, profile)
        self._record(turn, "person.changed", profile, person.id)
        self._made(turn, person.id)

    def _change(
        self, turn: Turn, person: Person, now: tuple[Credential, ...], by: Sequence[str]
    ) -> None:
        self._put(turn, person.id, replace(person.state, credentials=now, enrolled_by=tuple(by)))

    def _put(self, turn: Turn, name: str, profile: Profile) -> None:
        known = self._people.get(name)
        before = known.state.credentials if known else ()
        for credential in {*profile.credentials} - {*before}:
            if credential.kind == "finger":  # it was learned elsewhere: a template more or less
                self._house.devices[credential.reference.partition(":")[0]].expect_templates(1)
        person = self._people.put(name, profile)
        self._record(turn, "person.changed" if known else "person.enrolled", profile, name)
        references = {credential.reference for credential in profile.credentials}
        self.fingers.forget(turn, name, [c for c in before if c.reference not in references])
        for door in self._house.doors.values():
            door.access.changed(turn, person)
        self._made(turn, name)

    def _made(self, turn: Turn, name: str) -> None:
        """See whether somebody is made who was to be: the first two officers, or another."""
        able = [one.id for one in self._people if self._is_able(turn, one.state)]
        if len(able) >= OFFICERS:
            self.state = replace(self.state, done=True)
        if self.runs(RECOVERY) and name in able:
            self._recovered()
        elif self.runs(RECOVERY):
            self.state = replace(self.state, made=name)

    def _is_able(self, turn: Turn, profile: Profile) -> bool:
        """Return whether an officer like this can be identified now, at a door if there is one."""
        if "officer" not in profile.roles or profile.refusal(self._house.system.utc_us(turn.now)):
            return False
        given, doors = profile.credentials, self._house.doors.values()
        return any(door.access.takes(given) for door in doors) or bool(given and not doors)

    def _officers_remain(self, turn: Turn, person: Person, then: Profile) -> None:
        """See that two officers who can be identified remain when somebody becomes this.

        Raises:
            Refused: they do not.
        """
        if not self.state.done:
            return
        officers = self._people.officers()
        stays = "officer" in then.roles and then.credentials and not then.revoked
        if not stays and sum(one is not person for one in officers) < OFFICERS:
            raise Refused("last-officers")
        able = [one for one in officers if self._is_able(turn, one.state)]
        if person in able and not self._is_able(turn, then) and len(able) <= OFFICERS:
            raise Refused("last-officers")

    def _record(self, turn: Turn, kind: str, profile: Profile, person: str) -> None:
        # A second PIN can only be the one that calls for help, so it is not told.
        kinds: list[Json] = [one.kind for one in profile.credentials if one.kind != "pin"]
        if len(kinds) < len(profile.credentials):
            kinds.append("pin")
        turn.event(
            kind,
            person,
            {
                "roles": list(profile.roles),
                "credentials": kinds,
                "by": list(profile.enrolled_by),
                "bootstrap": None if profile.enrolled_by else True,
            },
        )


def _utc_us(when: datetime | None) -> int | None:
    return None if when is None else round(when.timestamp() * 1_000_000)
