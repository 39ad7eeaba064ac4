"""People: pseudonymous ids with roles, credentials and a validity. Names live elsewhere.

Somebody removed stays as *revoked*, so that their finger is refused as theirs and not as a
stranger's. Cards and PINs are kept as keyed digests: what is saved shows no number.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator

from msgspec import Struct

from agent.site.inputs import CredentialRead, Json
from agent.site.machine import Machine, Register, State, by_name
from agent.site.system import System
from agent.site.table import Factor, Role
from agent.site.value import replace


class Credential(Struct, frozen=True, omit_defaults=True):
    """One thing that a person presents.

    `reference` is "device:position" for a finger, a keyed digest for a card or a PIN.
    """

    kind: Factor
    reference: str
    duress: bool = False


class Profile(State, frozen=True, kw_only=True):
    """What is known of a person. Validity is wall time in microseconds."""

    roles: tuple[Role, ...] = ()
    credentials: tuple[Credential, ...] = ()
    valid_from_us: int | None = None
    valid_to_us: int | None = None
    schedule: str | None = None
    enrolled_by: tuple[str, ...] = ()
    revoked: bool = False

    def refusal(self, utc_us: int) -> str | None:
        """Return why the person is nobody at this wall time; None when they are somebody."""
        if self.revoked:
            return "revoked"
        if self.valid_from_us is not None and utc_us < self.valid_from_us:
            return "not-yet-valid"
        if self.valid_to_us is not None and utc_us >= self.valid_to_us:
            return "expired"
        return None


class Person(Machine[Profile]):
    """Somebody known to the site."""

    noun = "person"

    def __init__(self, register: Register, name: str) -> None:
        super().__init__(register, name, Profile())

    @property
    def has_duress(self) -> bool:
        """Whether one of the credentials says that its holder is forced."""
        return any(credential.duress for credential in self.state.credentials)

    def has_role(self, roles: Iterable[Role]) -> bool:
        """Return whether the person has one of these roles."""
        return not set(self.state.roles).isdisjoint(roles)

    def refusal(self, utc_us: int) -> str | None:
        """Return why the person is nobody at this wall time; see `Profile`."""
        return self.state.refusal(utc_us)


class Presented(Struct, frozen=True):
    """Who somebody is, as a reader and the register of people tell it."""

    person: Person
    credential: Credential


class People:
    """Everybody, by id and by what they present."""

    def __init__(self, register: Register, system: System) -> None:
        self._register = register
        self._system = system
        self._by_id: dict[str, Person] = {}
        self._by_credential: dict[tuple[str, str], Presented] = {}
        for key in register.saved:
            noun, _, name = key.partition("/")
            if noun == Person.noun:
                self._know(Person(register, name))

    def __iter__(self) -> Iterator[Person]:
        return iter(by_name(self._by_id).values())

    def get(self, name: str) -> Person | None:
        """Return the person with this id, also when revoked."""
        return self._by_id.get(name)

    def is_response(self, name: str) -> bool:
        """Return whether a person is of the force that comes to an alarm."""
        person = self.get(name)
        return person is not None and person.has_role(("response",))

    def officers(self) -> list[Person]:
        """Return the officers that are not revoked."""
        return [p for p in self if "officer" in p.state.roles and not p.state.revoked]

    def identify(self, read: CredentialRead) -> Presented | None:
        """Return whose credential was presented; None for a stranger's."""
        if read.reference is None:
            return None
        reference = f"{read.device}:{read.reference}" if read.kind == "finger" else read.reference
        return self.owner(read.kind, reference)

    def owner(self, kind: str, reference: str) -> Presented | None:
        """Return who has this credential, given in the clear."""
        return self._by_credential.get((kind, self.keep(kind, reference)))

    def keep(self, kind: str, reference: str) -> str:
        """Return a reference as it is kept."""
        if kind == "finger":
            return reference
        secret = self._system.state.secret.encode()
        return hmac.new(secret, f"{kind}:{reference}".encode(), hashlib.sha256).hexdigest()

    def put(self, name: str, profile: Profile) -> Person:
        """Make a person, or change one."""
        person = self._by_id.get(name) or Person(self._register, name)
        self._forget(person)
        person.state = profile
        self._know(person)
        return person

    def revoke(self, person: Person) -> None:
        """Make a person nobody, for good."""
        person.state = replace(person.state, revoked=True)

    def take(self, name: str, reference: str) -> None:
        """Take a finger from somebody, known or revoked."""
        if (person := self._by_id.get(name)) is not None:
            kept = tuple(c for c in person.state.credentials if c.reference != reference)
            self.put(name, replace(person.state, credentials=kept))

    def _know(self, person: Person) -> None:
        self._by_id[person.id] = person
        for credential in person.state.credentials:
            presented = Presented(person, credential)
            self._by_credential[credential.kind, credential.reference] = presented

    def _forget(self, person: Person) -> None:
        for credential in person.state.credentials:
            self._by_credential.pop((credential.kind, credential.reference), None)

    def listed(self, utc_us: int) -> list[dict[str, Json]]:
        """Return everybody at this wall time; kinds of credentials once, for two may be telling."""
        return [
            {
                "id": person.id,
                "roles": list(person.state.roles),
                "known_by": [*sorted({one.kind for one in person.state.credentials})],
                "valid_from_us": person.state.valid_from_us,
                "valid_to_us": person.state.valid_to_us,
                "schedule": person.state.schedule,
                "state": person.refusal(utc_us) or "known",
            }
            for person in self
        ]

    def counted(self, utc_us: int) -> dict[str, Json]:
        """Return how many there are, and how many of them are officers at this wall time."""
        active = [person for person in self if not person.state.revoked]
        officers = [one for one in self.officers() if one.refusal(utc_us) is None]
        return {"enrolled": len(active), "officers": len(officers)}
