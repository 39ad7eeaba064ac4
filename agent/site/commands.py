"""What people may ask of the site: the table of commands, their parameters and who may ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from msgspec import Struct
from pydantic import AwareDatetime, Field, model_validator

from agent.site.inputs import Json, Origin
from agent.site.table import AlarmNumber, Factor, Id, Role, Serial, Table


class Refused(Exception):
    """A command is refused.

    Args:
        reason: one of `REFUSALS`.
        data: what the sender is told besides.
        hidden: whether nothing on site may show that it was.
    """

    def __init__(
        self, reason: str, data: Mapping[str, Json] | None = None, *, hidden: bool = False
    ) -> None:
        super().__init__(reason)
        self.data = data or {}
        self.hidden = hidden


class Nothing(Table):
    """No parameters."""


class AlarmNamed(Table):
    """`alarm`: the alarm's id."""

    alarm: AlarmNumber


class AlarmClose(AlarmNamed):
    """`reason`: why it is over, in words; `nuisance`: there was nothing."""

    reason: Annotated[str, Field(min_length=1, max_length=200)]
    nuisance: bool = False


class AreaNamed(Table):
    """`area`: the area's id."""

    area: Id


class AreaArm(AreaNamed):
    """`part`: the set of zones to leave out; `override`: arm over what is not ready."""

    part: Id | Literal[""] = ""
    override: bool = False


class TechnicianBegin(AreaNamed):
    """`zones`: which to do without from the beginning; more with `zone.bypass`."""

    zones: Annotated[tuple[Id, ...], Field(strict=False)] = ()


class DoorNamed(Table):
    """`door`: the door's id."""

    door: Id


class OutputNamed(Table):
    """`output`: the id of a siren or a buzzer."""

    output: Id


class ZoneNamed(Table):
    """`zone`: the zone's id."""

    zone: Id


class PanicNamed(Table):
    """`panic`: the panic button's id."""

    panic: Id


CountWhat = Literal["handover", "inventory"]


class RackNamed(Table):
    """`rack`: the rack's id."""

    rack: Id


class CountBegin(RackNamed):
    """`what` is counted, and the two `persons` who count: at a hand-over giver and taker."""

    what: CountWhat
    persons: tuple[Id, Id]

    @model_validator(mode="before")
    @classmethod
    def _pair(cls, given: Any) -> Any:
        persons = given.get("persons") if isinstance(given, dict) else None
        return given | {"persons": tuple(persons)} if isinstance(persons, list) else given

    @model_validator(mode="after")
    def _different(self) -> Self:
        if self.persons[0] == self.persons[1]:
            raise ValueError("two different people count")
        return self


class CountEnter(RackNamed):
    """`count`: how many weapons stand there; `serials`: which."""

    count: Annotated[int | None, Field(ge=0, le=10_000)] = None
    serials: Annotated[tuple[Serial, ...] | None, Field(strict=False, max_length=10_000)] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.count is None) == (self.serials is None):
            raise ValueError("either a count or serials")
        if self.serials is not None and len({*self.serials}) < len(self.serials):
            raise ValueError("a serial is there twice")
        return self


class CountAgree(RackNamed):
    """`person`: which of the two agrees."""

    person: Id


class CredentialGiven(Table):
    """One credential as it is enrolled; a finger's `reference` is "device:position"."""

    kind: Factor
    reference: Annotated[str, Field(min_length=1, max_length=64)]
    duress: bool = False


class PersonEnrol(Table):
    """`person` with `roles` and `credentials`, and when: from and to, and by which schedule.

    Without `credentials` a person keeps those there are.
    """

    person: Id
    roles: Annotated[tuple[Role, ...], Field(strict=False, min_length=1)]
    credentials: Annotated[
        tuple[CredentialGiven, ...] | None, Field(strict=False, min_length=1)
    ] = None
    valid_from: Annotated[AwareDatetime | None, Field(strict=False)] = None
    valid_to: Annotated[AwareDatetime | None, Field(strict=False)] = None
    schedule: Id | None = None


class CredentialAdd(CredentialGiven):
    """`person` gets one credential more; a PIN takes the place of the one there was."""

    person: Id


class CredentialRemove(Table):
    """`person` is no longer known by what is of this `kind`: one `reference`, or all."""

    person: Id
    kind: Factor
    reference: Annotated[str | None, Field(min_length=1, max_length=64)] = None


class FingerEnrol(Table):
    """`person` gets a finger that `reader` learns, at `position` or the first free one."""

    person: Id
    reader: Id
    position: Annotated[int | None, Field(ge=0, le=9999)] = None
    duress: bool = False


class ReaderNamed(Table):
    """`reader`: the device's id."""

    reader: Id


class PersonNamed(Table):
    """`person`: the person's id."""

    person: Id


P = TypeVar("P", bound=Table, covariant=True)


class Asked(Struct, Generic[P], frozen=True):
    """A command with its parameters validated."""

    command: str
    name: str
    params: P
    by: str
    origin: Origin
    second: str = ""


class Command(Struct, frozen=True):
    """One row: what it takes, from where it may come, and what it is for.

    Attributes:
        frees: it opens, disarms, bypasses or enrols. From afar it takes two operators.
    """

    params: type[Table]
    origins: frozenset[Origin]
    what: str
    frees: bool = False

    def takes_two(self, params: Table) -> bool:
        """Return whether it takes two operators from afar: arming over a fault bypasses it."""
        return self.frees or (isinstance(params, AreaArm) and params.override)


ANY = frozenset(Origin)
LOCAL = frozenset({Origin.LOCAL})
MONITOR = frozenset({Origin.MONITOR})

COMMANDS: Mapping[str, Command] = {
    "alarm.acknowledge": Command(AlarmNamed, ANY, "take an alarm on"),
    "alarm.check": Command(AlarmNamed, ANY, "say that those identified on site have looked"),
    "alarm.restore": Command(AlarmNamed, ANY, "say that what raised it is in order again"),
    "alarm.close": Command(AlarmClose, ANY, "end an alarm, with a reason"),
    "area.arm": Command(AreaArm, ANY, "arm an area, all or in part"),
    "area.postpone": Command(AreaNamed, LOCAL, "put the automatic arming off a little"),
    "area.disarm": Command(
        AreaNamed, LOCAL, "disarm an area, with those identified on site", frees=True
    ),
    "area.clear_passback": Command(AreaNamed, LOCAL, "count nobody as inside any more"),
    "door.assist": Command(DoorNamed, MONITOR, "open for somebody on site", frees=True),
    "site.lock_down": Command(Nothing, ANY, "let nobody enter anywhere"),
    "site.lift_lockdown": Command(Nothing, LOCAL, "let people enter again", frees=True),
    "zone.bypass": Command(ZoneNamed, LOCAL, "do without a zone for one set period", frees=True),
    "zone.unbypass": Command(ZoneNamed, ANY, "count on a zone again"),
    "technician.begin": Command(
        TechnicianBegin, LOCAL, "begin a technician's work in an area", frees=True
    ),
    "technician.end": Command(AreaNamed, ANY, "end a technician's work"),
    "walk.begin": Command(AreaNamed, LOCAL, "begin to set off an area's detectors, one by one"),
    "walk.end": Command(AreaNamed, ANY, "end a walk test, and tell what was not heard"),
    "output.test": Command(OutputNamed, LOCAL, "sound a siren for three seconds"),
    "battery.test": Command(Nothing, LOCAL, "take the next minute without mains as a test"),
    "duress.test": Command(PersonNamed, MONITOR, "take a person's next duress as a test"),
    "panic.test": Command(PanicNamed, ANY, "take the next press within 60 s as a test"),
    "count.begin": Command(CountBegin, LOCAL, "begin to count a rack, two people on site"),
    "count.enter": Command(CountEnter, LOCAL, "enter what the two found"),
    "count.agree": Command(CountAgree, LOCAL, "agree to what was entered, identified since"),
    "person.enrol": Command(PersonEnrol, LOCAL, "make somebody known, or change them", frees=True),
    "person.remove": Command(PersonNamed, LOCAL, "make somebody nobody", frees=True),
    "credential.add": Command(
        CredentialAdd, LOCAL, "give somebody known a card or a PIN", frees=True
    ),
    "credential.remove": Command(
        CredentialRemove, LOCAL, "take a card, PIN or finger from somebody", frees=True
    ),
    "officer.recover": Command(
        Nothing, MONITOR, "let the one officer left make another", frees=True
    ),
    "finger.enrol": Command(
        FingerEnrol, LOCAL, "let a reader learn a finger of somebody known", frees=True
    ),
    "reader.clear": Command(ReaderNamed, LOCAL, "let a reader forget all fingers of nobody here"),
}

REFUSALS: Mapping[str, str] = {
    "unknown-command": "there is no such command",
    "bad-params": "the parameters are not what the command takes",
    "not-from-here": "this command cannot be given from here",
    "unknown-alarm": "no open alarm has this number; see: armoury status",
    "wrong-stage": "an alarm is acknowledged, checked, restored and closed, in this order",
    "not-on-site": "somebody must identify at a reader on site first; for an alarm, after it",
    "not-normal": "what raised the alarm is not in order yet",
    "technician-and-officer-needed": "a technician and an officer must identify on site first",
    "unknown-area": "no area has this id",
    "unknown-part": "the area has no set of zones with this name",
    "unknown-zone": "no zone has this id",
    "other-site": "the site file is for another site; its id never changes",
    "armed": "an area is armed; disarm it first",
    "journal-unavailable": "the record cannot be written; see: armoury status",
    "moving": "a door or an output moves just now; try again in some seconds",
    "wrong-mode": "it is so already, or cannot be now; see: armoury status",
    "postponed-enough": "it was put off as often as it may be",
    "not-ready": "something is open or faulted; mend it, or override it with enough people",
    "not-bypassable": "this zone is never done without, except in technician mode",
    "more-people-needed": "more different people must identify at a reader on site first",
    "unknown-door": "no door has this id",
    "unknown-schedule": "the site file has no schedule with this id",
    "visitor-alone": "a visitor has no other role",
    "never-remote": 'the site file does not say remote_open = "assist" for this door',
    "armed-or-alarm": "the area is armed or has an open alarm",
    "locked-down": "the site is locked down; two people there lift it",
    "door-not-shut": "the door, or one that it is interlocked with, is not shut",
    "second-operator-needed": "from afar this takes the signatures of two operators",
    "unknown-output": "no output has this id",
    "no-battery": "the site file has no battery in [power]",
    "unknown-panic": "no panic button has this id",
    "panic-raised": "its alarm is open, or it is held or away; a test cannot be told from that",
    "unknown-rack": "no rack has this id",
    "no-count": "no count of this rack is so far; see: armoury status",
    "not-counting": "only the two who began this count agree to it",
    "serials-needed": "an inventory needs every serial, not a number",
    "two-officers-needed": "two officers must identify at a reader first, within two minutes",
    "officers-first": "the first two people enrolled must be officers",
    "unknown-person": "nobody has this id",
    "unknown-credential": "this person has no such credential",
    "already-enrolled": "somebody else has this credential",
    "bad-finger": 'a finger is given as "reader:position", such as "store-reader:7"',
    "given-twice": "this finger, card or PIN is given twice; the duress one must be another",
    "unknown-reader": "no door has a reader with this id",
    "reader-away": "the reader is away, or is not the one that was installed",
    "reader-busy": "the reader is learning a finger, or is being cleared; wait for it",
    "reader-full": "the reader has no place left; remove somebody",
    "bad-pin": "a PIN has 6 to 12 digits",
    "pin-too-close": "a duress PIN must differ by more than 10 from every PIN",
    "not-the-last": "this is only for when one officer is left who is not expired",
    "last-officers": "two officers must remain",
    "revoked": "this person was removed; give a new id",
}
