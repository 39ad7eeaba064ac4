"""Every state of a machine by every input: the tables in `states/`, one file a machine.

A file has a table a state, and in it a line an input: the kinds of what is told, or why the
command is refused; nothing is `[]`. A state or an input without its cell fails the test, so
whoever adds one says what it does everywhere.

    python -m tests.site.test_every_state    writes the tables anew; then read what changed
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from agent.site.inputs import PointRead, PointState
from tests.site.conftest import Play, plan, started
from tests.site.hall import AREA, ZONES

Deed: TypeAlias = Callable[[Play], Any]
FOLDER = Path(__file__).parent / "states"
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
MACHINES: Mapping[str, Machine] = {
    "panic": Machine(
        {},
        {
            "normal": (),
            "pressed": (point("panic", "alarm"),),
            "latched": (point("panic", "alarm"), point("panic", "normal")),
            "acknowledged": (
                point("panic", "alarm"),
                ask("alarm.acknowledge", "monitor", alarm="1"),
            ),
            "test": (ask("panic.test", panic="desk"),),
            "away": (device("lost"),),
        },
        {
            "press": point("panic", "alarm"),
            "cut": point("panic", "open"),
            "release": point("panic", "normal"),
            "board away": device("lost"),
            "test asked": ask("panic.test", panic="desk"),
            "acknowledged on site": ask("alarm.acknowledge", alarm="1"),
            "acknowledged by the monitor": ask("alarm.acknowledge", "monitor", alarm="1"),
            "30 s": wait(30),
            "61 s": wait(61),
            "restart": restart,
        },
    ),
    "area": Machine(
        {"area": AREA, "zone": ZONES, "door": {"people": 1}},
        {
            "disarmed": (),
            "exiting": (people("1"), ask("area.arm", area="hall")),
            "armed": ARM,
            "armed in part": (people("1"), ask("area.arm", area="hall", part="night"), wait(50)),
            "entering": (*ARM, point("way", "alarm")),
            "in alarm": (*ARM, point("pir", "alarm")),
        },
        {
            "armed by one": lambda play: (people("3")(play), ask("area.arm", area="hall")(play)),
            "armed by the monitor": ask("area.arm", "monitor", area="hall"),
            "disarmed by nobody": lambda play: (
                wait(130)(play),
                ask("area.disarm", area="hall")(play),
            ),
            "disarmed by two": lambda play: (
                people("1", "2")(play),
                ask("area.disarm", area="hall")(play),
            ),
            "disarmed by the monitor": ask("area.disarm", "monitor", area="hall"),
            "a finger": finger("2"),
            "the way opens": point("way", "alarm"),
            "another way opens": point("gate", "alarm"),
            "a follower": point("near", "alarm"),
            "a detector": point("pir", "alarm"),
            "another detector": point("glass", "alarm"),
            "what is always watched": point("wall", "alarm"),
            "a tamper contact": point("lid", "alarm"),
            "a cut wire": point("glass", "open"),
            "a panic button": point("panic", "alarm"),
            "50 s": wait(50),
            "restart": restart,
            "power cut": power_cut,
        },
    ),
    "slot": Machine(
        {"rack": [RACK], "door": {"people": 1}},
        {
            "there": (),
            "there, people at work": (finger("1"),),
            "taken": (finger("1"), point("s1", "alarm")),
            "taken, nobody at work": (finger("1"), point("s1", "alarm"), wait(1000)),
            "gone": (point("s1", "alarm"),),
            "cut": (point("s1", "open"),),
            "away": (device("lost"),),
            "another weapon in it": (finger("1"), tag("M4-2")),
        },
        {
            "empties": point("s1", "alarm"),
            "fills": point("s1", "normal"),
            "another weapon": tag("M4-2"),
            "its own tag": tag("M4-1"),
            "an unknown tag": tag("X"),
            "a cut wire": point("s1", "open"),
            "a short": point("s1", "short"),
            "board away": device("lost"),
            "somebody let in": finger("2"),
            "13 h": wait(13 * 3600),
            "restart": restart,
        },
    ),
    "count": Machine(
        {"rack": [RACK], "door": {"people": 1}},
        {
            "none": (people("1", "2"),),
            "begun": (
                people("1", "2"),
                ask("count.begin", rack="r1", what="handover", persons=["p-1", "p-2"]),
            ),
            "entered": (
                people("1", "2"),
                ask("count.begin", rack="r1", what="handover", persons=["p-1", "p-2"]),
                ask("count.enter", rack="r1", count=2),
                people("1", "2"),
            ),
            "entered wrongly": (
                people("1", "2"),
                ask("count.begin", rack="r1", what="handover", persons=["p-1", "p-2"]),
                ask("count.enter", rack="r1", count=1),
                people("1", "2"),
                ask("count.agree", rack="r1", person="p-2"),
            ),
            "one agreed": (
                people("1", "2"),
                ask("count.begin", rack="r1", what="handover", persons=["p-1", "p-2"]),
                ask("count.enter", rack="r1", count=2),
                people("1", "2"),
                ask("count.agree", rack="r1", person="p-2"),
            ),
        },
        {
            "begin": ask("count.begin", rack="r1", what="inventory", persons=["p-1", "p-2"]),
            "begin from afar": ask(
                "count.begin", "monitor", rack="r1", what="inventory", persons=["p-1", "p-2"]
            ),
            "begin with a stranger": ask(
                "count.begin", rack="r1", what="inventory", persons=["p-1", "p-9"]
            ),
            "enter": ask("count.enter", rack="r1", count=2),
            "the one agrees": ask("count.agree", rack="r1", person="p-1"),
            "the other agrees": ask("count.agree", rack="r1", person="p-2"),
            "a third agrees": ask("count.agree", rack="r1", person="p-3"),
            "an hour": wait(3601),
            "restart": restart,
        },
    ),
    "technician": Machine(
        {"area": AREA | {"technician_s": 60}, "zone": ZONES},
        {
            "off": (people("1", "4"),),
            "on": (people("1", "4"), ask("technician.begin", area="hall", zones=["wall"])),
            "on, and open": (
                people("1", "4"),
                ask("technician.begin", area="hall", zones=["wall"]),
                point("wall", "alarm"),
            ),
            "armed": (*ARM, people("1", "4")),
        },
        {
            "begin": ask("technician.begin", area="hall", zones=["wall"]),
            "begin from afar": ask("technician.begin", "monitor", area="hall"),
            "end": ask("technician.end", area="hall"),
            "bypass what is always watched": ask("zone.bypass", zone="lid"),
            "what is bypassed": point("wall", "alarm"),
            "what is not": point("lid", "alarm"),
            "panic": point("panic", "alarm"),
            "arm": ask("area.arm", area="hall", override=True),
            "61 s": wait(61),
            "restart": restart,
            "power cut": power_cut,
        },
    ),
    "walk": Machine(
        {"area": AREA, "zone": ZONES},
        {
            "off": (people("1"),),
            "on": (people("1"), ask("walk.begin", area="hall")),
            "armed": (*ARM, people("1")),
        },
        {
            "begin": ask("walk.begin", area="hall"),
            "begin from afar": ask("walk.begin", "monitor", area="hall"),
            "a detector": point("pir", "alarm"),
            "what is always watched": point("wall", "alarm"),
            "end": ask("walk.end", area="hall"),
            "an hour": wait(3601),
            "restart": restart,
        },
    ),
    "power": Machine(
        {"power": {"mains": "board.mains", "battery": "board.battery"}},
        {
            "mains": (),
            "away": (point("mains", "alarm"),),
            "told away": (point("mains", "alarm"), wait(11)),
            "low": (point("mains", "alarm"), wait(11), point("battery", "alarm")),
            "test": (people("1"), wait(1), ask("battery.test")),
        },
        {
            "mains go": point("mains", "alarm"),
            "mains come": point("mains", "normal"),
            "battery low": point("battery", "alarm"),
            "battery well": point("battery", "normal"),
            "charge 15": lambda play: charged(play, 15),
            "charge 10": lambda play: charged(play, 10),
            "board away": device("lost"),
            "11 s": wait(11),
            "11 min": wait(660),
            "restart": restart,
        },
    ),
    "sounder": Machine(
        {"area": AREA, "zone": ZONES, "output": [SIREN]},
        {
            "still": ARM,
            "sounding": (*ARM, point("pir", "alarm"), answered("done")),
            "had enough": (*ARM, point("pir", "alarm"), answered("done"), wait(200)),
            "did not answer": (*ARM, point("pir", "alarm"), answered("unknown")),
        },
        {
            "an alarm": point("glass", "alarm"),
            "an alarm, refused": lambda play: (
                point("glass", "alarm")(play),
                wait(1)(play),
                answered("refused")(play),
            ),
            "a test": lambda play: (people("1")(play), ask("output.test", output="roof")(play)),
            "disarmed": lambda play: (
                people("1", "2")(play),
                ask("area.disarm", area="hall")(play),
            ),
            "board back": device("ready"),
            "200 s": wait(200),
            "restart": restart,
        },
    ),
    "zone": Machine(
        {"area": AREA | {"exit_delay_s": 0}, "zone": ZONES},
        {
            "normal": (people("1", "2"), ask("area.arm", area="hall")),
            "in alarm": (people("1"), ask("area.arm", area="hall"), point("pir", "alarm")),
            "cut": (people("1"), ask("area.arm", area="hall"), point("pir", "open")),
            "bypassed": (
                people("1", "2"),
                ask("zone.bypass", zone="pir"),
                ask("area.arm", area="hall"),
            ),
            "away": (people("1", "2"), ask("area.arm", area="hall"), device("lost")),
        },
        {
            "alarm": point("pir", "alarm"),
            "normal": point("pir", "normal"),
            "open": point("pir", "open"),
            "short": point("pir", "short"),
            "board away": device("lost"),
            "board back, normal": lambda play: (
                device("ready")(play),
                point("pir", "normal")(play),
            ),
            "board back, in alarm": lambda play: (
                device("ready")(play),
                point("pir", "alarm")(play),
            ),
            "bypass": ask("zone.bypass", zone="pir"),
            "bypass from afar": ask("zone.bypass", "monitor", zone="pir"),
            "unbypass": ask("zone.unbypass", zone="pir"),
            "restart": restart,
        },
    ),
    "door": Machine(
        {},
        {
            "shut": (),
            "one waits": (finger("1"),),
            "granted": (finger("1"), finger("2")),
            "unlocked": (finger("1"), finger("2"), answered("done")),
            "open": (finger("1"), finger("2"), answered("done"), point("contact", "alarm")),
            "held": (point("rex", "alarm"), point("contact", "alarm"), wait(31)),
            "forced": (point("contact", "alarm"),),
            "locked down": (ask("site.lock_down", "monitor"),),
            "armed": ARM,
        },
        {
            "the one": finger("1"),
            "the other": finger("2"),
            "a technician": finger("4"),
            "a stranger": finger(None),  # type: ignore[arg-type]
            "opens": point("contact", "alarm"),
            "closes": point("contact", "normal"),
            "wire cut": point("contact", "open"),
            "exit button, then opens": lambda play: (
                point("rex", "alarm")(play),
                point("contact", "alarm")(play),
            ),
            "strike done": lambda play: play.actions and answered("done")(play),
            "strike refused": lambda play: play.actions and answered("refused")(play),
            "record too late": lambda play: play.actions and answered("cancelled")(play),
            "lockdown": ask("site.lock_down", "monitor"),
            "6 s": wait(6),
            "31 s": wait(31),
            "board away": device("lost"),
            "restart": restart,
        },
    ),
}


HOUR = 3600
DAY = {"id": "days", "tz": "UTC", "week": {"mon": ["00:00-18:00"]}}
BIRD = (point("pir", "alarm"), point("pir", "normal"))
ACKNOWLEDGED = (*BIRD, ask("alarm.acknowledge", alarm="1"))
CHECKED = (*ACKNOWLEDGED, people("1"), ask("alarm.check", alarm="1"))
RESTORED = (*CHECKED, ask("alarm.restore", alarm="1"))


def until(hour: float) -> Deed:
    return lambda play: play.to(hour * HOUR)


def reader(condition: str, **identity: Any) -> Deed:
    return lambda play: play.device("reader", condition, **identity)


MORE: Mapping[str, Machine] = {
    "alarm": Machine(
        {},
        {
            "raised": BIRD,
            "acknowledged": ACKNOWLEDGED,
            "acknowledged, not normal": (*ACKNOWLEDGED, point("pir", "alarm")),
            "checked": CHECKED,
            "restored": RESTORED,
            "closed": (*RESTORED, ask("alarm.close", alarm="1", reason="a bird")),
        },
        {
            "acknowledge": ask("alarm.acknowledge", alarm="1"),
            "acknowledge from afar": ask("alarm.acknowledge", "monitor", alarm="1"),
            "check, nobody there": lambda play: (
                wait(130)(play),
                ask("alarm.check", alarm="1")(play),
            ),
            "check from afar": lambda play: (
                wait(130)(play),
                ask("alarm.check", "monitor", alarm="1")(play),
            ),
            "check": lambda play: (people("2")(play), ask("alarm.check", alarm="1")(play)),
            "restore": lambda play: (people("2")(play), ask("alarm.restore", alarm="1")(play)),
            "close": ask("alarm.close", alarm="1", reason="a bird"),
            "the detector again": point("pir", "alarm"),
            "16 min": wait(960),
            "restart": restart,
        },
    ),
    "device": Machine(
        {},
        {
            "new": (),
            "ready": (reader("ready", serial="a"),),
            "lost": (reader("ready", serial="a"), reader("lost")),
            "faulted": (reader("ready", serial="a"), reader("faulted")),
            "substituted": (reader("ready", serial="a"), reader("ready", serial="b")),
        },
        {
            "ready": reader("ready", serial="a"),
            "ready, another": reader("ready", serial="c"),
            "lost": reader("lost"),
            "faulted": reader("faulted"),
            "a finger on it": finger("1"),
            "restart": restart,
        },
    ),
    "lockdown": Machine(
        {},
        {
            "off": (),
            "on": (ask("site.lock_down", "monitor"),),
            "on, two there": (ask("site.lock_down"), people("1", "2")),
        },
        {
            "begin": ask("site.lock_down"),
            "begin from afar": ask("site.lock_down", "monitor"),
            "lift": ask("site.lift_lockdown"),
            "lift from afar": ask("site.lift_lockdown", "monitor"),
            "lift by one": lambda play: (people("3")(play), ask("site.lift_lockdown")(play)),
            "somebody leaves": point("rex", "alarm"),
            "restart": restart,
        },
    ),
    "closing": Machine(
        {
            "schedule": [DAY],
            "area": {"schedule": "days", "autoarm": True, "exit_delay_s": 0},
            "door": {"people": 1},
        },
        {
            "by day": (until(12),),
            "warned": (until(17.9),),
            "postponed": (until(17.9), people("1"), ask("area.postpone", area="hall")),
            "armed": (until(18.1),),
            "late": (
                until(17.9),
                point("rex", "alarm"),
                point("contact", "alarm"),
                until(18.1),
            ),
        },
        {
            "until the warning": until(17.85),
            "until closing time": until(18.01),
            "until long after": until(23),
            "an open door at closing time": lambda play: (
                until(17.99)(play),
                point("rex", "alarm")(play),
                point("contact", "alarm")(play),
                until(18.01)(play),
            ),
            "postpone": lambda play: (people("2")(play), ask("area.postpone", area="hall")(play)),
            "postpone, nobody there": lambda play: (
                wait(130)(play),
                ask("area.postpone", area="hall")(play),
            ),
            "postpone from afar": ask("area.postpone", "monitor", area="hall"),
            "disarm": lambda play: (
                people("1", "2")(play),
                ask("area.disarm", area="hall")(play),
            ),
            "restart": restart,
        },
        settles_s=0.0,
    ),
}


ALL = {**MACHINES, **MORE}


def charged(play: Play, pct: int) -> None:
    detail = {"pct": pct}
    play._at(lambda at: PointRead("board", "battery", PointState.NORMAL, at, detail), None)


def written(name: str) -> Mapping[str, Mapping[str, list[str]]]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


def cells() -> Iterator[tuple[str, str]]:
    for name, machine in ALL.items():
        for state in machine.states:
            yield name, state


@pytest.mark.parametrize(("name", "state"), list(cells()))
def test_every_input_in_this_state(name: str, state: str) -> None:
    machine, table = ALL[name], written(name)
    found = {given: machine.cell(state, given) for given in machine.inputs}
    assert found == table[state]


@pytest.mark.parametrize("name", ALL)
def test_no_table_has_more_than_there_is(name: str) -> None:
    machine, table = ALL[name], written(name)
    assert list(table) == list(machine.states)
    assert all(list(row) == list(machine.inputs) for row in table.values())


def main() -> None:
    """Write the tables as the rules are now."""

    for name, machine in ALL.items():
        lines = []
        for state in machine.states:
            lines.append(f'["{state}"]')
            for given in machine.inputs:
                told = ", ".join(f'"{one}"' for one in machine.cell(state, given))
                lines.append(f'"{given}" = [{told}]')
            lines.append("")
        (FOLDER / f"{name}.toml").write_text("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
