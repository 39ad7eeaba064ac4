"""A machine of the site as it is tried: the ways into its states, and its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from agent.site.inputs import PointRead, PointState
from tests.site.conftest import Play, plan, started

Deed: TypeAlias = Callable[[Play], Any]
SIREN = {"id": "roof", "area": "hall", "output": "board.siren", "kind": "siren", "realarm_max": 1}
RACK = {
    "id": "r1",
    "area": "hall",
    "doors": "store",
    "slots": {"board.s1": "M4-1", "board.s2": "M4-2"},
}


def point(name: str, state: str) -> Deed:
    return lambda play: play.point(f"board.{name}", state)


def wait(seconds: float) -> Deed:
    return lambda play: play.to(play.t + seconds)


def ask(name: str, origin: str = "local", **params: Any) -> Deed:
    return lambda play: play.command(name, origin=origin, **params)


def finger(number: str) -> Deed:
    return lambda play: play.finger(number)


def device(condition: str) -> Deed:
    return lambda play: play.device("board", condition)


def answered(outcome: str) -> Deed:
    return lambda play: play.answer(outcome)


def restart(play: Play) -> list[str]:
    return play.start()


def power_cut(play: Play) -> list[str]:
    """Start after another boot; nobody has set the clock."""
    play.boot, play.trusted = "boot-2", False
    return play.start()


def tag(serial: str) -> Deed:
    def read(play: Play) -> list[str]:
        detail = {"tag": serial}
        return play._at(lambda at: PointRead("board", "s1", PointState.NORMAL, at, detail), None)

    return read


def people(*fingers: str) -> Deed:
    def come(play: Play) -> None:
        for number in fingers:
            play.finger(number)

    return come


class Machine:
    """What is tried: a site, the ways into each state, and the inputs.

    `settles_s` passes after each input, so that a change has settled.
    """

    def __init__(
        self,
        changes: Mapping[str, Any],
        states: Mapping[str, tuple[Deed, ...]],
        inputs: Mapping[str, Deed],
        settles_s: float = 0.6,
    ) -> None:
        self.changes, self.states, self.inputs = changes, states, inputs
        self.settles_s = settles_s

    def cell(self, state: str, name: str) -> list[str]:
        """Return what comes of an input in a state."""
        play = started(plan(**self.changes), reborn=False)
        play.to(2)
        for deed in self.states[state]:
            deed(play)
            play.to(play.t + self.settles_s)
        answers = len(play.answers)
        play.events.clear()
        self.inputs[name](play)
        play.to(play.t + self.settles_s)
        refused = [a.reason for a in play.answers[answers:] if not a.accepted]
        told = [e.kind for e in play.events if not e.kind.startswith("command.")]
        return [*told, *(f"refused: {reason}" for reason in refused)]


ARM = (people("1"), ask("area.arm", area="hall"), wait(50))
HOUR = 3600
DAY = {"id": "days", "tz": "UTC", "week": {"mon": ["00:00-18:00"]}}


def until(hour: float) -> Deed:
    return lambda play: play.to(hour * HOUR)


def reader(condition: str, **identity: Any) -> Deed:
    return lambda play: play.device("reader", condition, **identity)


def charged(play: Play, pct: int) -> None:
    detail = {"pct": pct}
    play._at(lambda at: PointRead("board", "battery", PointState.NORMAL, at, detail), None)
