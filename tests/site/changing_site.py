"""A third whole site under arbitrary input: its file changes, its disk fails, people are enrolled.

What is told must not depend on how it came about: whatever is watched now and is not as it should
be has been told since it last was, whichever file held then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from agent.site.inputs import (
    ActionAnswered,
    Condition,
    Configured,
    Input,
    Origin,
    Outcome,
    PointRead,
    PointState,
    RecordNews,
    RecordOverflowed,
    RecordTrouble,
    Started,
    StorageFilled,
    StorageNews,
)
from agent.site.plan import Plan
from agent.site.site import Site
from agent.site.step import Step
from tests.site.busy_site import BUSY, BUSY_TABLES, BusySite
from tests.site.conftest import SECOND, TABLES, disk, keep, plan
from tests.site.whole_plan import ZONES, enrolled, written

ALWAYS = ("always", "tamper")
TELLS = {
    "zone": ("zone.alarmed", "zone.tampered"),
    "panic": ("panic.raised", "panic.repeated", "panic.tested"),
}
# Points that some file watches and another does not.
COMING = ("board.spare", "board.button", "board.s4", "cam.covered", "board.pir", "board.wall")


def file(**changes: Any) -> Plan:
    """Return the busy site's file with other tables."""
    return plan(**BUSY_TABLES | changes)


def kinds(**others: str) -> list[dict[str, str]]:
    """Return the zones with other kinds; "" for one that is gone."""
    found = [zone | {"kind": others.get(zone["id"], zone["kind"])} for zone in ZONES]
    return [zone for zone in found if zone["kind"]]


SPARE = ZONES[-1] | {"id": "spare", "point": "board.spare", "kind": "always"}
BUTTON = TABLES["panic"][0] | {"id": "button", "point": "board.button"}
RIFLES = BUSY_TABLES["rack"][0] | {"slots": {"board.s1": "M4-1", "board.s4": "M4-4"}}
FILES: Mapping[str, Plan] = {
    "busy": BUSY,
    "more": file(zone=[*ZONES, SPARE], panic=[*TABLES["panic"], BUTTON]),
    "otherwise": file(
        zone=kinds(pir="always", wall="instant", way="", near="instant"), rack=[RIFLES]
    ),
    "less": file(zone=kinds(wall=""), rack=[], camera=[], power=None),
}


class ChangingSite(BusySite):
    """The same with other site files, at reloads and starts, a disk that fails, and enrolments."""

    def __init__(self):
        super().__init__()
        self.told_of = set()  # (noun, id, point) of what was told since its point was last normal
        self.began = []  # (number of inputs, plan) of every run with another file

    def judge(self, what: Input, step: Step) -> None:
        super().judge(what, step)
        for event in step.events:
            for noun, kinds in TELLS.items():
                if event.kind in kinds:
                    self.told_of.add((noun, event.object))
            if event.kind in ("person.enrolled", "person.changed", "person.removed"):
                assert event.data["by"] == ["p-1", "p-2"]
        self.nothing_hidden_shows(step)
        if isinstance(what, Started):
            self.permissions_have_died()

    def nothing_hidden_shows(self, step: Step) -> None:
        for event in step.events:
            if not event.data.get("hidden") and not event.kind.startswith("command."):
                assert "duress" not in event.kind + str(event.data)
                assert not (event.kind.startswith("alarm.") and event.object.startswith("d"))

    def permissions_have_died(self) -> None:
        assert self.lasting.on_site(self.moment()) == {"people": 0}
        for door in self.lasting.view()["doors"]:
            assert (door["access"]["waiting"], door["strike"]) == (0, "locked")

    @rule(name=st.sampled_from(sorted(FILES)), weaker=st.sampled_from([(), ("zone.wall",)]))
    def another_site_file(self, name, weaker):
        number = f"c-{len(self.inputs)}"
        given = Configured(number, "uid:0", FILES[name], name, weaker, ("main",), self.at_us)
        (answer,) = self.put(given).answers
        if answer.accepted:
            self.plan = FILES[name]
            self.permissions_have_died()

    @rule(
        name=st.sampled_from(sorted(FILES)),
        ref=st.sampled_from(COMING),
        state=st.sampled_from([PointState.NORMAL, PointState.ALARM, PointState.OPEN]),
        starts=st.booleans(),
    )
    def another_site_file_when_all_is_still(self, name, ref, state, starts):
        self.everything_is_in_order()
        if self.lasting.view()["areas"][0]["mode"] != "disarmed":
            self.a_finger_is_laid("1", "reader")
            self.ask("area.disarm", area="hall")
        self.a_point_of_some_file_changes(ref, state)
        self.time_passes(100 * SECOND)
        if starts:
            self.it_starts_with_another_file(name, 30)
            self.put(PointRead(*ref.split("."), state, self.at_us))
        else:
            self.another_site_file(name, ())

    @rule(name=st.sampled_from(sorted(FILES)), dark_s=st.sampled_from([1, 30, 100_000]))
    def it_starts_with_another_file(self, name, dark_s):
        self.plan = FILES[name]
        self.began.append((len(self.inputs), self.plan))
        last_us = self.utc_us + self.at_us
        self.at_us += dark_s * SECOND
        self.lasting = Site(self.plan, disk(self.saved))
        self.presented.clear()
        armed = self.lasting.view()["areas"][0]["mode"] in ("armed", "entering")
        self.put(Started("1.0", self.at_us, last_us, clean=False, config=name))
        assert not armed or self.lasting.view()["areas"][0]["mode"] in ("armed", "entering")

    @rule(ref=st.sampled_from(COMING), state=st.sampled_from(list(PointState)))
    def a_point_of_some_file_changes(self, ref, state):
        device, _, point = ref.partition(".")
        self.put(PointRead(device, point, state, self.at_us))
        self.time_passes(SECOND)

    @rule(condition=st.sampled_from([Condition.FAULTED, Condition.READY]))
    def the_disk_fails_or_heals(self, condition):
        self.put(StorageNews(condition, self.at_us, "why"))

    @rule(pct=st.sampled_from([10, 55, 95, 101]), what=st.sampled_from(["record", "disk"]))
    def the_disk_fills(self, pct, what):
        self.put(StorageFilled(what, pct, self.at_us))
        self.put(RecordOverflowed(1, 2, 3, self.utc_us, self.utc_us + 1, self.at_us))

    @rule(what=st.sampled_from(RecordTrouble))
    def the_record_ails(self, what):
        self.put(RecordNews(what, "why", self.at_us))

    @rule(
        fingers=st.sampled_from([("1", "2"), ("1",), ("1", "3")]),
        what=st.sampled_from(["enrol", "card", "finger", "forget", "clear", "remove"]),
        outcome=st.sampled_from(Outcome),
    )
    def somebody_is_enrolled(self, fingers, what, outcome):
        for finger in fingers:
            self.a_finger_is_laid(finger, "reader")
        asked, given = {
            "enrol": ("person.enrol", {"person": "p-6", "roles": ["guard"]}),
            "card": ("credential.add", {"person": "p-6", "kind": "card", "reference": "c6"}),
            "finger": ("finger.enrol", {"person": "p-6", "reader": "lobby"}),
            "forget": ("credential.remove", {"person": "p-6", "kind": "finger"}),
            "clear": ("reader.clear", {"reader": "lobby"}),
            "remove": ("person.remove", {"person": "p-6"}),
        }[what]
        before = len(self.actions)
        self.ask(asked, Origin.LOCAL, **given)
        for action in self.actions[before:]:
            if action.verb in ("enrol", "delete", "clear"):
                self.put(ActionAnswered(action.id, outcome, self.at_us))

    @invariant()
    def every_open_alarm_is_checked_or_will_be_overdue(self):
        for key, state in self.saved.items():
            if key.startswith("alarm/") and state.get("stage") not in ("checked", "restored"):
                assert state.get("overdue") or "response" in state["timers"]

    @invariant()
    def what_is_not_as_it_should_be_was_told(self):
        view, kind = self.lasting.view(), {zone.id: zone.kind for zone in self.plan.zone}
        watched = [("zone", z) for z in view["zones"] if kind[z["id"]] in ALWAYS]
        watched += [("panic", panic) for panic in view["panics"]]
        for noun, one in watched:
            which = (noun, one["id"])
            if one["point"] == "normal":
                self.told_of.discard(which)
            elif one["point"] != "unknown" and not one.get("bypassed"):
                assert which in self.told_of
        here = {("zone", z["id"]) for z in view["zones"]} | {
            ("panic", p["id"]) for p in view["panics"]
        }
        self.told_of &= here

    def teardown(self):
        """A replay of the same inputs gives the same, byte for byte, whichever file held."""
        files, saved = dict(self.began), enrolled()
        replayed = Site(BUSY, disk(saved))
        for number, ((what, now), told) in enumerate(zip(self.inputs, self.told, strict=True)):
            if number in files:
                replayed = Site(files[number], disk(saved))
            step = replayed.step(what, now)
            assert written(step) == told
            keep(saved, what, step)
