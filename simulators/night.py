"""A night at an armoury as timed steps, read from a scenario file and played.

A scenario is TOML that an officer can read: what happens, and what the record must then hold.

    name = "A refused finger"
    people = [{ id = "p-1", fingers = ["store-reader:1"] }]
    [[step]]
    say = "Somebody unknown tries the store's reader"
    simulate = "finger store-reader unknown"         # words of `armoury simulate`
    expect = [{ kind = "access.denied", object = "store", reason = "unknown" }]
    within_s = 5

Of the whole night: `closes_soon` has the hours of the site file end within a minute and a half;
`site` is the site file in config/ ("demo.toml" by default), `people` are the
officers whom it knows from the beginning (two at most, as at every new site), `operators` those
at the central monitor whose signatures it knows, `slow` keeps it for `make soak`.

A step does at most one thing: `simulate`, `command` (words of `armoury`), `central` (a command
that the operators in `by` sign and send), `edit` (in the site file, the first text becomes the
second), `broker` or `daemon` ("stop", "start", "kill"). `refused` is why the command must be
refused. Then

- `expect` lists events by any of their fields, or of their data's: each must be recorded after
  the step began, in any order;
- `forbid` lists what must not have been recorded by the end of `within_s`;
- `forbid_until_next` lists what must not be recorded, from the step's beginning on, ahead of the
  first event that a later step expects: held against the record's order, however long it took;
- `told` lists what the monitor must have received since the step began, in this order;
- `look` (words of `armoury` that only read) is asked until its answer has every text of `shows`
  and none of `hides`.

All of it within `within_s` (10 by default). `after_s` is how long to wait first, as people do
between things. Field by field, with examples: docs/nights.md.
"""

from __future__ import annotations

import shlex
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol, TypeVar

POLL_S = 0.05
DEEDS = ("simulate", "command", "central", "edit", "broker", "daemon")
PROCESS = ("stop", "start", "kill")

Event = Mapping[str, Any]


class NightError(Exception):
    """A scenario file that cannot be read, or a step that cannot be done."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """An officer whom the site knows; fingers are "reader:position"."""

    id: str
    fingers: Sequence[str]
    duress: str = ""
    roles: Sequence[str] = ("officer",)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that happens, and what the record must hold then."""

    say: str
    after_s: float = 0.0
    simulate: str = ""
    command: str = ""
    central: str = ""
    by: Sequence[str] = ()
    edit: Sequence[str] = ()
    refused: str = ""
    broker: str = ""
    daemon: str = ""
    look: str = ""
    shows: Sequence[str] = ()
    hides: Sequence[str] = ()
    expect: Sequence[Event] = ()
    forbid: Sequence[Event] = ()
    forbid_until_next: Sequence[Event] = ()
    told: Sequence[Event] = ()
    within_s: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Night:
    """A whole scenario."""

    name: str
    steps: Sequence[Step]
    site: str = "demo.toml"
    people: Sequence[Person] = ()
    operators: Sequence[str] = ()
    slow: bool = False
    closes_soon: bool = False


Made = TypeVar("Made", Person, Step, Night)


@dataclass(frozen=True)
class Ban:
    """What must not be recorded after event `head` and before what a later step expects."""

    events: Sequence[Event]
    head: int


@dataclass(frozen=True)
class Played:
    """How one step went: empty `missing` and `wrong` mean well.

    `missing` has events as the step wants them; what else it wants stands under its own key
    ("told", "shows", "hides", "refused"). `head` is the newest event before the step.
    """

    step: Step
    head: int
    took_s: float
    events: tuple[Event, ...]
    missing: tuple[Event, ...]
    wrong: tuple[Event, ...]

    @property
    def well(self) -> bool:
        return not self.missing and not self.wrong


class House(Protocol):
    """The armoury in which a night is played."""

    def armoury(self, *words: str) -> str:
        """Run the command `armoury`; return what it says, or raise NightError with it."""

    def central_does(self, words: Sequence[str], by: Sequence[str]) -> None:
        """Have operators at the monitor sign and send a command; NightError if it is refused."""

    def edit(self, before: str, after: str) -> None:
        """Change the site file in its place; NightError if it does not say `before`."""

    def broker_do(self, what: str) -> None:
        """Stop, start or kill the broker."""

    def daemon_do(self, what: str) -> None:
        """Stop, start or kill the daemon; once started, every device is there."""

    def head(self) -> int:
        """Return the number of the newest event known to be recorded, also with no daemon."""

    def events(self, after: int) -> Sequence[Event]:
        """Return the events recorded after that number; none while there is no daemon."""

    def heard(self) -> Sequence[Event]:
        """Return the events that the monitor received, in the order of their arrival."""


def load(path: Path) -> Night:
    """Read a scenario file.

    Raises:
        NightError: it is not TOML, or has a key or a value that no night has.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        people = tuple(_made(Person, "person", given) for given in raw.pop("people", ()))
        numbered = enumerate(raw.pop("step"), 1)
        steps = tuple(_checked(number, _made(Step, f"step {number}", s)) for number, s in numbered)
        _check_bans(steps)
        return _made(Night, "the night", raw | {"people": people, "steps": steps})
    except (OSError, ValueError, KeyError, TypeError, NightError) as error:
        raise NightError(f"{path}: {error}") from error


def _made(what: type[Made], name: str, given: Mapping[str, Any]) -> Made:
    if unknown := given.keys() - {field.name for field in fields(what)}:
        raise NightError(f"{name}: unknown {', '.join(sorted(unknown))}")
    return what(**given)


def _checked(number: int, step: Step) -> Step:
    """Return a step that says what it does and what it wants, or raise NightError."""
    if len([deed for deed in DEEDS if getattr(step, deed)]) > 1:
        raise NightError(f"step {number}: does more than one of {', '.join(DEEDS)}")
    if step.refused and not (step.command or step.central):
        raise NightError(f"step {number}: only a command is refused")
    if bool(step.central) != bool(step.by):
        raise NightError(f"step {number}: central goes with by, who signs")
    if step.edit and len(step.edit) != 2:
        raise NightError(f"step {number}: edit has two texts, what stands there and what shall")
    if bool(step.look) != bool(step.shows or step.hides):
        raise NightError(f"step {number}: look goes with shows or hides")
    for process in (step.broker, step.daemon):
        if process and process not in PROCESS:
            raise NightError(f"step {number}: {process!r} is none of {', '.join(PROCESS)}")
    return step


def _check_bans(steps: Sequence[Step]) -> None:
    """Raise NightError where a ban would never be judged."""
    banning = max((n for n, step in enumerate(steps, 1) if step.forbid_until_next), default=None)
    if banning and not any(step.expect for step in steps[banning:]):
        raise NightError(f"step {banning}: forbid_until_next, and no later step expects anything")


def enrol(night: Night, house: House) -> None:
    """Make the night's people known, as a technician does it at a new site."""
    for person in night.people:
        words = ["person", "enrol", person.id]
        words += [word for role in person.roles for word in ("--role", role)]
        words += [word for finger in person.fingers for word in ("--finger", finger)]
        words += ["--duress-finger", person.duress] if person.duress else []
        house.armoury(*words)


def play(night: Night, house: House, told: Callable[[Played], None], patience: float = 1.0) -> bool:
    """Play all steps, telling of each; return whether all went well.

    Args:
        night: what is played.
        house: where.
        told: takes how each step went.
        patience: how many times as long as it says what is expected may take, on a machine that
            does other work as well.
    """
    well, bans = True, tuple[Ban, ...]()
    for step in night.steps:
        played = play_step(step, house, bans, patience)
        bans = () if step.expect else bans
        if step.forbid_until_next:
            bans += (Ban(step.forbid_until_next, played.head),)
        told(played)
        well = well and played.well
    return well


def play_step(step: Step, house: House, bans: Sequence[Ban] = (), patience: float = 1.0) -> Played:
    """Do what one step says and wait for what the record and the monitor must then hold.

    Args:
        step: to be played.
        house: where.
        bans: of earlier steps; they end with the first event that this one expects.
        patience: see `play`; what is forbidden is looked out for as long as the step says.
    """
    time.sleep(step.after_s)
    started_s, head, heard = time.monotonic(), house.head(), len(house.heard())
    refused = _do(step, house)
    while True:
        events = house.events(head)
        missing = (
            *refused,
            *(wanted for wanted in step.expect if not any_like(wanted, events)),
            *_untold(step, house, heard),
            *_unseen(step, house),
        )
        so_far_s = time.monotonic() - started_s
        looked_out = not step.forbid or so_far_s > step.within_s
        if (looked_out and not missing) or so_far_s > step.within_s * patience:
            break
        time.sleep(POLL_S if missing else max(POLL_S, step.within_s - so_far_s))
    wrong = tuple(event for event in events if any(like(f, event) for f in step.forbid))
    wrong += tuple(_too_early(step, house, bans, events)) if step.expect else ()
    return Played(step, head, time.monotonic() - started_s, tuple(events), missing, wrong)


def _too_early(
    step: Step, house: House, bans: Sequence[Ban], events: Sequence[Event]
) -> Iterator[Event]:
    """Yield what was banned and is recorded ahead of all that the step expects."""
    first = next((event for event in events if any(like(w, event) for w in step.expect)), None)
    for ban in bans:
        for event in takewhile(lambda event: event != first, house.events(ban.head)):
            if any(like(banned, event) for banned in ban.events):
                yield event


def _do(step: Step, house: House) -> tuple[Event, ...]:
    """Do what the step says; return the refusal that did not come."""
    try:
        if step.simulate:
            house.armoury("simulate", *shlex.split(step.simulate))
        if step.command:
            house.armoury(*shlex.split(step.command))
        if step.central:
            house.central_does(shlex.split(step.central), step.by)
        if step.edit:
            house.edit(*step.edit)
        if step.broker:
            house.broker_do(step.broker)
        if step.daemon:
            house.daemon_do(step.daemon)
    except NightError as error:
        if not step.refused or step.refused not in " ".join(str(error).split()):
            raise NightError(f"{step.say}: {error}") from error
        return ()
    return ({"refused": step.refused},) if step.refused else ()


def _untold(step: Step, house: House, heard: int) -> tuple[Event, ...]:
    """Return the first thing that the monitor was not told in its turn."""
    arrived = iter(house.heard()[heard:] if step.told else ())
    for wanted in step.told:
        if not any(like(wanted, event) for event in arrived):
            return ({"told": wanted},)
    return ()


def _unseen(step: Step, house: House) -> tuple[Event, ...]:
    """Return what the look does not show, and what it shows and should not."""
    if not step.look:
        return ()
    seen = house.armoury(*shlex.split(step.look))
    shows = ({"shows": text} for text in step.shows if text not in seen)
    hides = ({"hides": text} for text in step.hides if text in seen)
    return (*shows, *hides)


def any_like(wanted: Event, events: Sequence[Event]) -> bool:
    """Say whether any of the events is as wanted."""
    return any(like(wanted, event) for event in events)


def like(wanted: Event, event: Event) -> bool:
    """Say whether every wanted field is in the event, or in its data."""
    data = event.get("data", {})
    return all(event.get(key, data.get(key)) == value for key, value in wanted.items())
