"""A site under test: played input by input with a clock of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from agent.journal.canonical import encode
from agent.site.inputs import (
    ActionAnswered,
    CertificateRead,
    Commanded,
    Condition,
    Configured,
    CredentialRead,
    DeviceNews,
    Input,
    Json,
    Origin,
    PathNews,
    PointRead,
    PointState,
    Started,
    StorageFilled,
    StorageNews,
    Tick,
)
from agent.site.inputs import Outcome as Outcome
from agent.site.kinds import COMMON, KINDS
from agent.site.moment import Moment
from agent.site.plan import Plan
from agent.site.site import Site
from agent.site.step import Action, Answer, Event, Step
from tests.site.hall import AREA, ZONES

SECOND = 1_000_000
MIDNIGHT_US = 1_793_577_600 * SECOND  # 2026-11-02 00:00 UTC, a Monday
TYPES = {"text": str, "int": int, "bool": bool, "list": list, "map": dict}

# One of everything; two people at the store, one at the office.
TABLES: dict[str, Any] = {
    "site": {"id": "test-1", "name": "Test armoury"},
    "device": [
        {"id": "board", "reads_fingers": False},
        {"id": "reader"},
        {"id": "lobby"},
        {"id": "cam", "reads_fingers": False},
    ],
    "area": [{"id": "hall"}],
    "door": [
        {
            "id": "store",
            "area": "hall",
            "lock_fail": "secure",
            "egress": "mechanical",
            "reader_in": "reader",
            "strike": "board.strike",
            "contact": "board.contact",
            "rex": "board.rex",
            "single_factor_accepted": True,
        }
    ],
    "zone": [
        {"id": "pir", "area": "hall", "point": "board.pir", "kind": "always", "supervision": "eol"}
    ],
    "panic": [
        {
            "id": "desk",
            "area": "hall",
            "point": "board.panic",
            "supervision": "nc",
            "test_due_h": 168,
        }
    ],
    "camera": [{"id": "cam", "area": "hall"}],
}


def plan(**changes: Any) -> Plan:
    """Return the plan above; `door={"people": 1}` changes the first door, a list replaces all."""
    tables = copy.deepcopy(TABLES)
    for name, change in changes.items():
        if isinstance(change, dict) and name in tables and isinstance(tables[name], list):
            tables[name][0] |= change
        else:
            tables[name] = change
    return Plan.model_validate(tables)


def disk(saved: Mapping[str, Json]) -> dict[str, bytes]:
    """Return saved state as it may come from the disk: in no order that a site could count on."""
    return {key: msgspec.json.encode(saved[key]) for key in sorted(saved, reverse=True)}


class Play:
    """A site and its clock. Times are seconds since the start; every call first lets them pass.

    With `reborn` the site is made anew from what it saved before every single input.
    """

    def __init__(self, given: Plan, *, reborn: bool) -> None:
        self.plan = given
        self.reborn = reborn
        self.saved: dict[str, Json] = {}
        self.site = Site(given, {})
        self.boot = "boot-1"
        self.trusted = True
        self.utc_us = MIDNIGHT_US
        self.t = 0.0
        self.events: list[Event] = []
        self.actions: list[Action] = []
        self.answers: list[Answer] = []

    def now(self, t: float) -> Moment:
        at_us = round(t * SECOND)
        return Moment(self.utc_us + at_us, at_us, self.boot, self.trusted)

    def step(self, what: Input, t: float | None = None) -> list[str]:
        """Decide on one input at `t`; return "kind object" of what came of it."""
        if self.reborn:
            self.site = Site(self.plan, disk(self.saved))
        step = self.site.step(what, self.now(self.t if t is None else t))
        check(step)
        keep(self.saved, what, step)
        self.events += step.events
        self.actions += step.actions
        self.answers += step.answers
        return [f"{event.kind} {event.object}" for event in step.events]

    def to(self, t: float) -> list[str]:
        """Let time pass as the runtime does: a tick whenever a timer is due."""
        found = []
        while (due_us := self.site.due_us()) is not None and due_us <= round(t * SECOND):
            found += self.step(Tick(due_us), max(self.t, due_us / SECOND))
        self.t = max(self.t, t)
        return found

    def _at(self, what: Callable[[int], Input], t: float | None) -> list[str]:
        t = self.t if t is None else t
        return self.to(t) + self.step(what(round(t * SECOND)), t)

    def start(self, t: float | None = None, *, last_utc_us: int | None = None) -> list[str]:
        """Start the daemon; every device is there and every point normal."""
        t = self.t if t is None else t
        self.t = t
        return self.step(Started("1.0", round(t * SECOND), last_utc_us), t)

    def ready(self, t: float | None = None) -> Play:
        """Bring all devices up, with every point normal, and every empty slot empty."""
        slots = [slot for rack in self.plan.rack for slot in rack.slots.items()]
        vacant = {ref for ref, serial in slots if serial == "empty"}
        for device in self.plan.device:
            self.device(device.id, "ready", t)
        for ref in [r.ref for r in self.plan.references() if r.kind == "point"]:
            self.point(ref, "alarm" if ref in vacant else "normal", t)
        return self

    def point(self, ref: str, state: str, t: float | None = None) -> list[str]:
        device, _, name = ref.partition(".")
        return self._at(lambda at: PointRead(device, name, PointState(state), at), t)

    def device(
        self, name: str, condition: str, t: float | None = None, **identity: Json
    ) -> list[str]:
        condition_ = Condition(condition)
        return self._at(lambda at: DeviceNews(name, condition_, at, "", identity), t)

    def path(self, name: str, condition: str, t: float | None = None) -> list[str]:
        return self._at(lambda at: PathNews(name, Condition(condition), at), t)

    def certificate(
        self, days: float, t: float | None = None, path: str = "main", whose: str = "own"
    ) -> list[str]:
        """Have a certificate read that ends so many days after the start."""
        ends_us = MIDNIGHT_US + round(days * 24 * 3600 * SECOND)
        return self._at(lambda at: CertificateRead(path, whose, ends_us, at), t)

    def storage(self, condition: str, t: float | None = None, **more: object) -> list[str]:
        return self._at(lambda at: StorageNews(Condition(condition), at, **more), t)

    def filled(self, what: str, used_pct: int, t: float | None = None) -> list[str]:
        return self._at(lambda at: StorageFilled(what, used_pct, at), t)

    def finger(
        self, position: str | None, t: float | None = None, reader: str = "reader"
    ) -> list[str]:
        return self._at(lambda at: CredentialRead(reader, "finger", position, at), t)

    def pin(self, digits: str | None, t: float | None = None, reader: str = "reader") -> list[str]:
        return self._at(lambda at: CredentialRead(reader, "pin", digits, at), t)

    def answer(
        self, outcome: str = "done", t: float | None = None, action: int = 0, reason: str = ""
    ) -> list[str]:
        """Answer an action, the last one unless given."""
        number = action or self.actions[-1].id
        return self._at(lambda at: ActionAnswered(number, Outcome(outcome), at, reason), t)

    def command(
        self, name: str, t: float | None = None, origin: str = "local", **params: Json
    ) -> list[str]:
        return self.ask(name, params, t, origin)

    def ask(
        self,
        name: str,
        params: Mapping[str, Json],
        t: float | None = None,
        origin: str = "local",
    ) -> list[str]:
        """Give a command whose parameters may have any names."""
        number = f"c-{len(self.answers)}"
        origin_ = Origin(origin)
        second = "another" if origin_ is Origin.MONITOR else ""
        return self._at(
            lambda at: Commanded(number, name, params, "someone", origin_, at, second), t
        )

    @property
    def refusal(self) -> str:
        """Why the last command was refused; "" when it was not."""
        return self.answers[-1].reason

    def enrol(self, person: str, *roles: str, finger: str | None = None, **more: Any) -> None:
        """Make somebody known without the ceremony: the saved state is the interface."""
        credentials = [{"kind": "finger", "reference": f"reader:{finger or person[2:]}"}]
        given = {"roles": list(roles or ("officer",)), "credentials": credentials} | more
        self.saved[f"person/{person}"] = given
        self.site = Site(self.plan, disk(self.saved))

    def forget(self, noun: str) -> None:
        """Forget what was saved of a noun's machines."""
        self.saved = {k: v for k, v in self.saved.items() if not k.startswith(f"{noun}/")}
        self.site = Site(self.plan, disk(self.saved))

    def last(self, kind: str) -> Event:
        """Return the last event of a kind."""
        return next(event for event in reversed(self.events) if event.kind == kind)

    def count(self, kind: str) -> int:
        """Return how many events of a kind there were."""
        return sum(event.kind == kind for event in self.events)


def check(step: Step) -> None:
    """Check what holds for every step: kinds and fields as in the table, canonical JSON."""
    for event in step.events:
        row = KINDS[event.kind]
        fields = {**COMMON, **row.fields}
        for name, value in event.data.items():
            assert name in fields, (event.kind, name)
            kind = TYPES[fields[name]]
            assert type(value) is kind, (event.kind, name, value)
        canonical(dict(event.data))
    for key, value in step.changes.items():
        assert key.isascii()
        assert value is None or value == encode(msgspec.json.decode(value))


def keep(saved: dict[str, Json], what: Input, step: Step) -> None:
    """Change what is saved as a step says, which forgets nothing that is not there.

    But where another site file took hold: what its first half began, its second may end.
    """
    for key, value in step.changes.items():
        if value is not None:
            saved[key] = msgspec.json.decode(value)
        elif isinstance(what, Configured):
            saved.pop(key, None)
        else:
            del saved[key]


def canonical(value: Json) -> None:
    """Check that a value is JSON without floats, as RFC 8785 wants it."""
    match value:
        case None | bool() | str():
            pass
        case int():
            assert abs(value) < 2**53
        case list():
            for item in value:
                canonical(item)
        case dict():
            for key, item in value.items():
                assert isinstance(key, str)
                canonical(item)
        case _:
            pytest.fail(f"not JSON: {value!r}")


@pytest.fixture(params=["lasting", "reborn"])
def make(request: pytest.FixtureRequest) -> Callable[..., Play]:
    """Make a site that has started, all normal, with two officers and a guard enrolled.

    Every test runs twice: on one site, and on one made anew from its saved state for every
    input. Both must do the same.
    """

    return lambda **changes: started(plan(**changes), reborn=request.param == "reborn")


BEGUN: dict[str, Play] = {}


def started(given: Plan, *, reborn: bool) -> Play:
    """Return a site that has started, all normal, with its people enrolled."""
    if not reborn:
        return begun(Play(given, reborn=False))
    # One that is made anew for every input is nothing but what it saved: that of a plan is the
    # same each time.
    words = given.model_dump_json()
    if words not in BEGUN:
        BEGUN[words] = begun(Play(given, reborn=True))
    play = copy.copy(BEGUN[words])
    play.saved = copy.deepcopy(play.saved)
    play.site = Site(given, disk(play.saved))
    play.events, play.actions, play.answers = [], [*play.actions], [*play.answers]
    return play


def begun(play: Play) -> Play:
    """Start a site, with its people enrolled and all normal."""
    play.start(0)
    play.enrol("p-1")
    play.enrol("p-2")
    play.enrol("p-3", "guard")
    play.saved["enrolment/all"] = {"done": True}
    play.enrol("p-4", "technician")
    play.ready(1)
    play.events.clear()
    return play


@pytest.fixture
def play(make: Callable[..., Play]) -> Play:
    """The site of `make`, with nothing changed."""
    return make()


@pytest.fixture
def hall(make: Callable[..., Play]) -> Play:
    """The same with an area that has a zone of every kind."""
    return make(area=AREA, zone=ZONES)
