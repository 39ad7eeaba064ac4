"""The player of nights: what must fail does fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from simulators.night import (
    POLL_S,
    Event,
    Night,
    NightError,
    Person,
    Played,
    Step,
    enrol,
    like,
    load,
    play,
    play_step,
)

SHORT_S = 0.1
LONG_S = 60.0  # what is not waited for in full, however busy the machine is


@dataclass
class PaperHouse:
    """A house in which every deed records what `then` says of it, and is told at once or never.

    It stands for the wires and the daemon; `tests/system/test_nights.py` has the real ones.
    """

    then: dict[str, Sequence[Event]] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    tells: bool = True
    done: list[str] = field(default_factory=list)
    recorded: list[Event] = field(default_factory=list)

    def armoury(self, *words: str) -> str:
        said = " ".join(words)
        if said in self.refuses:
            raise NightError(f"armoury {said}: {self.refuses[said]}")
        self._do(said)
        return self.says.get(said, "")

    def central_does(self, words: Sequence[str], by: Sequence[str]) -> None:
        self.armoury("central", *words, "by", *by)

    def edit(self, before: str, after: str) -> None:
        self._do(f"edit {before} {after}")

    def broker_do(self, what: str) -> None:
        self._do(f"broker {what}")

    def daemon_do(self, what: str) -> None:
        self._do(f"daemon {what}")

    def head(self) -> int:
        return len(self.recorded)

    def events(self, after: int) -> Sequence[Event]:
        return self.recorded[after:]

    def heard(self) -> Sequence[Event]:
        return list(self.recorded) if self.tells else []

    def _do(self, what: str) -> None:
        self.done.append(what)
        self.recorded += self.then.get(what, ())


OPENED: Event = {"kind": "door.opened", "object": "store", "data": {"persons": ["p-1"]}}
FORCED: Event = {"kind": "door.forced", "object": "store", "data": {"simulated": True}}


def opening(*events: Event, **more: object) -> PaperHouse:
    return PaperHouse(then={"simulate open store": events}, **more)  # type: ignore[arg-type]


def step(**keys: object) -> Step:
    return Step(**({"say": "The door opens", "within_s": SHORT_S} | keys))  # type: ignore[arg-type]


def test_what_is_recorded_in_time_is_well() -> None:
    expect: list[Event] = [{"kind": "door.opened", "persons": ["p-1"]}]
    wanted = step(simulate="open store", expect=expect, within_s=LONG_S)
    played = play_step(wanted, opening(OPENED))
    assert played.well
    assert played.events == (OPENED,)
    assert played.took_s < LONG_S / 2


@pytest.mark.parametrize(
    "wanted",
    [
        {"kind": "door.forced"},
        {"kind": "door.opened", "object": "hall"},
        {"kind": "door.opened", "persons": ["p-2"]},
        {"kind": "door.opened", "reason": "unknown"},
    ],
)
def test_what_is_not_recorded_is_missing(wanted: Event) -> None:
    played = play_step(step(simulate="open store", expect=[wanted]), opening(OPENED))
    assert played.missing == (wanted,)
    assert not played.well


def test_what_was_recorded_before_the_step_does_not_count() -> None:
    house = opening(OPENED)
    house.armoury("simulate", "open", "store")
    played = play_step(step(expect=[{"kind": "door.opened"}]), house)
    assert not played.well


def test_what_is_forbidden_is_wrong() -> None:
    house = opening(OPENED, FORCED)
    forbidding = step(simulate="open store", forbid=[{"kind": "door.forced", "simulated": True}])
    played = play_step(forbidding, house)
    assert played.wrong == (FORCED,)
    assert not played.well
    assert played.took_s >= SHORT_S  # it may still come: all the time is waited for


@dataclass
class SlowHouse(PaperHouse):
    """One whose record shows nothing in the time that a step gives it."""

    looks: int = 0

    def events(self, after: int) -> Sequence[Event]:
        self.looks += 1
        return super().events(after) if self.looks > 2 * SHORT_S / POLL_S else []


def test_with_patience_what_comes_late_is_well_and_is_still_looked_out_for() -> None:
    late = step(
        simulate="open store",
        expect=[{"kind": "door.opened"}],
        forbid=[{"kind": "door.forced"}],
    )
    assert not play_step(late, SlowHouse(then={"simulate open store": [OPENED]})).well
    patient = play_step(late, SlowHouse(then={"simulate open store": [OPENED]}), patience=600)
    assert patient.well
    both = SlowHouse(then={"simulate open store": [OPENED, FORCED]})
    assert play_step(late, both, patience=600).wrong == (FORCED,)


FIRST = step(simulate="open store", forbid_until_next=[{"kind": "door.forced"}], within_s=LONG_S)
QUIET = step(simulate="wait", within_s=LONG_S)
NEXT = step(simulate="close store", expect=[{"kind": "door.closed"}], within_s=LONG_S)
CLOSED: Event = {"kind": "door.closed", "object": "store"}


@pytest.mark.parametrize(
    ("opens", "waits", "closes", "well"),
    [
        ([OPENED], [], [CLOSED], True),
        ([OPENED, FORCED], [], [CLOSED], False),
        ([OPENED], [FORCED], [CLOSED], False),
        ([OPENED], [], [FORCED, CLOSED], False),
        ([OPENED], [], [CLOSED, FORCED], True),
    ],
    ids=["never", "at once", "in a step between", "just before", "after it"],
)
def test_what_is_forbidden_until_the_next_is_judged_by_the_order_of_the_record(
    opens: list[Event], waits: list[Event], closes: list[Event], well: bool
) -> None:
    house = PaperHouse(
        then={
            "simulate open store": opens,
            "simulate wait": waits,
            "simulate close store": closes,
        }
    )
    played: list[Played] = []
    assert play(Night(name="", steps=(FIRST, QUIET, NEXT)), house, played.append) is well
    assert [p.wrong for p in played] == [(), (), () if well else (FORCED,)]
    assert sum(p.took_s for p in played) < LONG_S / 2


def test_a_ban_ends_with_what_ended_it() -> None:
    house = PaperHouse(then={"simulate close store": [CLOSED], "simulate wait": [FORCED, CLOSED]})
    last = step(simulate="wait", expect=[{"kind": "door.closed"}])
    assert play(Night(name="", steps=(FIRST, NEXT, last)), house, lambda _: None)


def test_a_ban_that_nothing_can_end_is_a_mistake_of_the_night(tmp_path: Path) -> None:
    file = tmp_path / "night.toml"
    banning = '[[step]]\nsay = "a"\nforbid_until_next = [{ kind = "door.forced" }]\n'
    file.write_text(f'name = "n"\n[[step]]\nsay = "b"\nexpect = [{{ kind = "x" }}]\n{banning}')
    with pytest.raises(NightError, match="step 2: forbid_until_next, and no later step expects"):
        load(file)


def test_the_monitor_must_be_told_in_this_order() -> None:
    in_order = [{"kind": "door.opened"}, {"kind": "door.forced"}]
    assert play_step(step(simulate="open store", told=in_order), opening(OPENED, FORCED)).well
    played = play_step(step(simulate="open store", told=in_order), opening(FORCED, OPENED))
    assert played.missing == ({"told": {"kind": "door.forced"}},)


def test_what_is_recorded_and_not_told_is_missing() -> None:
    telling = step(
        simulate="open store", expect=[{"kind": "door.opened"}], told=[{"kind": "door.opened"}]
    )
    played = play_step(telling, opening(OPENED, tells=False))
    assert played.missing == ({"told": {"kind": "door.opened"}},)


def test_operators_and_the_technician_do_as_the_step_says() -> None:
    house = PaperHouse(refuses={"central area.arm area=hall by ana ben": "armed: it is so already"})
    assert play_step(step(central="site.lock_down", by=["ana"]), house).well
    assert play_step(step(edit=["within_s = 5", "within_s = 9"]), house).well
    assert house.done == ["central site.lock_down by ana", "edit within_s = 5 within_s = 9"]
    again = {"central": "area.arm area=hall", "by": ["ana", "ben"]}
    assert play_step(step(**again, refused="so already"), house).well
    with pytest.raises(NightError, match="so already"):
        play_step(step(**again), house)


def test_a_look_must_show_and_hide() -> None:
    house = PaperHouse(says={"status": "all is quiet"})
    assert play_step(step(look="status", shows=["quiet"], hides=["duress"]), house).well
    played = play_step(step(look="status", shows=["alarm"], hides=["quiet"]), house)
    assert played.missing == ({"shows": "alarm"}, {"hides": "quiet"})


def test_a_refusal_must_come_and_for_its_reason() -> None:
    house = PaperHouse(refuses={"area arm store": "Error: somebody must\nidentify"})
    assert play_step(step(command="area arm store", refused="somebody must identify"), house).well
    with pytest.raises(NightError, match=r"The door opens: .*somebody must"):
        play_step(step(command="area arm store", refused="something is open"), house)
    with pytest.raises(NightError, match="somebody must"):
        play_step(step(command="area arm store"), house)
    played = play_step(step(command="area arm hall", refused="something is open"), house)
    assert played.missing == ({"refused": "something is open"},)


def test_a_night_is_well_only_when_every_step_is() -> None:
    well, badly = step(simulate="open store"), step(expect=[{"kind": "door.opened"}])
    told: list[Played] = []
    assert play(Night(name="well", steps=[well, well]), opening(OPENED), told.append)
    assert not play(Night(name="badly", steps=[badly, well]), opening(OPENED), told.append)
    assert [played.well for played in told] == [True, True, False, True]


def test_every_deed_is_done_by_its_own_hand() -> None:
    house = PaperHouse()
    deeds = [step(broker="stop"), step(daemon="kill"), step(command="alarm close 1 --reason 'a b'")]
    assert play(Night(name="deeds", steps=deeds), house, lambda _: None)
    assert house.done == ["broker stop", "daemon kill", "alarm close 1 --reason a b"]


def test_people_are_enrolled_as_a_technician_does() -> None:
    house = PaperHouse()
    officer = Person(id="p-1", fingers=["store-reader:1", "desk:1"], duress="store-reader:3")
    enrol(Night(name="people", steps=[], people=[officer]), house)
    assert house.done == [
        "person enrol p-1 --role officer --finger store-reader:1 --finger desk:1"
        " --duress-finger store-reader:3"
    ]


def test_a_wanted_field_is_the_events_or_its_datas() -> None:
    assert like({"object": "store", "persons": ["p-1"]}, OPENED)
    assert not like({"object": "p-1"}, OPENED)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = 'x'", "step"),
        ("name = 'x'\nhome = 'y'\n[[step]]\nsay = 'z'", "the night: unknown home"),
        ("name = 'x'\n[[step]]\nsay = 'z'\nexpects = []", "step 1: unknown expects"),
        ("name = 'x'\n[[step]]\nsimulate = 'open store'", "say"),
        ("name = 'x'\n[[step]]\nsay = 'z'\nsimulate = 'a'\nbroker = 'stop'", "more than one of"),
        ("name = 'x'\n[[step]]\nsay = 'z'\nsimulate = 'a'\nrefused = 'b'", "only a command"),
        ("name = 'x'\n[[step]]\nsay = 'z'\ncentral = 'site.lock_down'", "central goes with by"),
        ("name = 'x'\n[[step]]\nsay = 'z'\nby = ['ana']", "central goes with by"),
        ("name = 'x'\n[[step]]\nsay = 'z'\nedit = ['a']", "edit has two texts"),
        ("name = 'x'\n[[step]]\nsay = 'z'\nshows = ['b']", "look goes with"),
        ("name = 'x'\n[[step]]\nsay = 'z'\nlook = 'status'", "look goes with"),
        ("name = 'x'\n[[step]]\nsay = 'z'\ndaemon = 'hang'", "'hang' is none of"),
        ("people = [{ name = 'Ana' }]\nname = 'x'\n[[step]]\nsay = 'z'", "person: unknown name"),
        ("name = ", "Invalid value"),
    ],
)
def test_a_file_with_a_mistake_is_refused_and_says_where(
    tmp_path: Path, text: str, says: str
) -> None:
    night = tmp_path / "night.toml"
    night.write_text(text)
    with pytest.raises(NightError) as refused:
        load(night)
    assert str(night) in str(refused.value)
    assert says in str(refused.value)
