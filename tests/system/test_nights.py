"""Every night of `simulators/scenarios/`, played over the real wires with the real daemon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.site.kinds import KINDS
from simulators.night import Event, Night, Played, enrol, load, play
from tests.system.house import House
from tests.waiting import BUSY

ROOT = Path(__file__).parents[2]
NIGHTS = {path: load(path) for path in sorted((ROOT / "simulators" / "scenarios").glob("*.toml"))}


def _all() -> list[object]:
    marks = {True: [pytest.mark.soak], False: []}
    return [pytest.param(n, id=p.stem, marks=marks[n.slow]) for p, n in NIGHTS.items()]


@pytest.mark.parametrize("night", _all())
def test_a_night_goes_as_it_says(make_house: Callable[[str], House], night: Night) -> None:
    house = make_house((ROOT / "config" / night.site).read_text())
    if night.closes_soon:
        house.close_soon()
    house.employ(night.operators)
    house.start()
    enrol(night, house)

    def told(played: Played) -> None:
        """End with the first step that goes badly: those after it would all wait for nothing."""
        assert played.well, f"{played}\n{house.said('daemon')}"

    play(night, house, told, BUSY)
    house.assert_monitor_has_the_record()


def _named(night: Night) -> list[Event]:
    return [
        event
        for step in night.steps
        for event in (*step.expect, *step.forbid, *step.forbid_until_next, *step.told)
    ]


@pytest.mark.parametrize("night", NIGHTS.values(), ids=[path.stem for path in NIGHTS])
def test_a_night_names_only_events_that_there_are(night: Night) -> None:
    """A misspelled kind would never be recorded: forbidding it would forbid nothing."""
    kinds = [event.get("kind") for event in _named(night)]
    assert kinds
    assert {kind for kind in kinds if kind is not None} <= KINDS.keys()


@pytest.mark.parametrize("night", NIGHTS.values(), ids=[path.stem for path in NIGHTS])
def test_a_night_says_what_happens_in_every_step(night: Night) -> None:
    assert night.name
    assert all(step.say for step in night.steps)
