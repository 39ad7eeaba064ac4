"""A night at an armoury as timed steps, read from a scenario file and played.

A scenario is TOML that an officer can read: what happens, and what the record must then hold.

    name = "A refused finger"
    [[step]]
    say = "Somebody unknown tries the store's reader"
    simulate = "finger store-reader unknown"         # words of `armoury simulate`
    expect = [{ kind = "access.denied", object = "store", reason = "unknown" }]
    within_s = 5

A step does at most one thing: `simulate`, `command` (words of `armoury`) or `broker` ("stop",
"start"). `expect` lists events by any of their fields, or of their data's; each must be recorded
after the step began, within `within_s` (5 by default), in any order. `forbid` lists what must
not have been recorded by then. `after_s` is how long to wait first, as people do between things.
"""

from __future__ import annotations

import shlex
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

POLL_S = 0.05

Event = Mapping[str, Any]


class NightError(Exception):
    """A scenario file that cannot be read, or a step that cannot be done."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that happens, and what the record must hold then."""

    say: str
    after_s: float = 0.0
    simulate: str = ""
    command: str = ""
    broker: str = ""
    expect: Sequence[Event] = ()
    forbid: Sequence[Event] = ()
    within_s: float = 5.0


@dataclass(frozen=True)
class Night:
    """A whole scenario."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Played:
    """How one step went: empty `missing` and `wrong` mean well."""

    step: Step
    took_s: float
    events: tuple[Event, ...]
    missing: tuple[Event, ...]
    wrong: tuple[Event, ...]

    @property
    def well(self) -> bool:
        return not self.missing and not self.wrong


class House(Protocol):
    """The armoury in which a night is played."""

    def armoury(self, *words: str) -> None:
        """Run the command `armoury` with these words; raises NightError when it fails."""

    def broker_do(self, what: str) -> None:
        """Stop or start the broker."""

    def head(self) -> int:
        """Return the number of the newest recorded event."""

    def events(self, after: int) -> Sequence[Event]:
        """Return the events recorded after that number."""


def load(path: Path) -> Night:
    """Read a scenario file.

    Raises:
        NightError: it is not TOML, or has a key that no step has.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        known = {field.name for field in fields(Step)}
        for number, step in enumerate(raw["step"], 1):
            if unknown := step.keys() - known:
                raise NightError(f"{path}: step {number}: unknown {', '.join(sorted(unknown))}")
        return Night(raw["name"], tuple(Step(**step) for step in raw["step"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NightError(f"{path}: {error}") from error


def play(night: Night, house: House, told: Callable[[Played], None]) -> bool:
    """Play all steps, telling of each; return whether all went well."""
    well = True
    for step in night.steps:
        played = play_step(step, house)
        told(played)
        well = well and played.well
    return well


def play_step(step: Step, house: House) -> Played:
    """Do what one step says and wait for what the record must hold."""
    time.sleep(step.after_s)
    started_s, head = time.monotonic(), house.head()
    _do(step, house)
    while True:
        events = house.events(head)
        missing = tuple(wanted for wanted in step.expect if not any_like(wanted, events))
        late = time.monotonic() - started_s > step.within_s
        if late or (not missing and not step.forbid):
            break
        time.sleep(POLL_S)
    wrong = tuple(event for event in events if any(like(f, event) for f in step.forbid))
    return Played(step, time.monotonic() - started_s, tuple(events), missing, wrong)


def _do(step: Step, house: House) -> None:
    if step.simulate:
        house.armoury("simulate", *shlex.split(step.simulate))
    if step.command:
        house.armoury(*shlex.split(step.command))
    if step.broker:
        house.broker_do(step.broker)


def any_like(wanted: Event, events: Sequence[Event]) -> bool:
    """Say whether any of the events is as wanted."""
    return any(like(wanted, event) for event in events)


def like(wanted: Event, event: Event) -> bool:
    """Say whether every wanted field is in the event, or in its data."""
    data = event.get("data", {})
    return all(event.get(key, data.get(key)) == value for key, value in wanted.items())
