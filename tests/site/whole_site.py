"""Whole sites under arbitrary input: what must hold whatever happens.

Two sites are driven side by side: one lasts, the other is made anew from its saved state before
every input. Both must decide the same, byte for byte, and so must a replay of the recorded
inputs at the end.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from agent.site.inputs import (
    ActionAnswered,
    Commanded,
    Condition,
    Configured,
    CredentialRead,
    DeviceNews,
    Input,
    Origin,
    Outcome,
    PathNews,
    PointRead,
    PointState,
    Started,
    Stopping,
    Tick,
)
from agent.site.kinds import KINDS
from agent.site.moment import Moment
from agent.site.site import Site
from agent.site.step import Release, Step
from tests.site.conftest import MIDNIGHT_US, SECOND, check, disk, keep
from tests.site.surroundings import Surroundings
from tests.site.whole_plan import COMMANDS, PLAN, POINTS, READERS, STATES, enrolled, owner, written


class WholeSite(Surroundings):
    """Any inputs, at any time, told early or late; and people who do as they should."""

    plan, points = PLAN, POINTS
    empty: frozenset[str] = frozenset()  # slots in which nothing is to stand

    def __init__(self):
        super().__init__()
        self.saved = enrolled()
        self.lasting = Site(self.plan, disk(self.saved))
        self.at_us = SECOND
        self.utc_us, self.boot, self.trusted = MIDNIGHT_US, "boot-1", True
        self.inputs, self.told = [], []
        self.events, self.actions = [], []
        self.presented = []  # (at_us, door, person) of every reading outside a door
        self.open_alarms = {}
        self.causes = {}
        self.known = set()  # alarms that the monitor has acknowledged
        self.entries = []  # zones whose entry has begun, and has neither alarmed nor ended

    def moment(self):
        return Moment(self.utc_us + self.at_us, self.at_us, self.boot, self.trusted)

    def put(self, what: Input) -> Step:
        now = self.moment()
        reborn = Site(self.plan, disk(self.saved))
        assert reborn.due_us() == self.lasting.due_us()
        assert reborn.view() == self.lasting.view()
        step = self.lasting.step(what, now)
        assert written(reborn.step(what, now)) == written(step)
        check(step)
        keep(self.saved, what, step)
        self.inputs.append((what, now))
        self.told.append(written(step))
        self.judge(what, step)
        return step

    def judge(self, what: Input, step: Step) -> None:
        self.events += step.events
        self.actions += step.actions
        self.follow_alarms(step)
        self.follow_entries(step)
        self.every_release_has_its_event(step)
        self.enough_different_people(step)
        self.nothing_is_done_without_by_itself(what, step)

    def follow_alarms(self, step: Step) -> None:
        """No alarm disappears, or goes on, without each of its steps."""
        order = ["alarm.raised", "alarm.acknowledged", "alarm.checked", "alarm.restored"]
        for event in step.events:
            if event.kind == "alarm.raised":
                assert event.object not in self.open_alarms
                self.open_alarms[event.object] = "alarm.raised"
                self.causes[event.object] = event.data["cause"]
            elif event.kind in order:
                assert order.index(event.kind) == order.index(self.open_alarms[event.object]) + 1
                self.open_alarms[event.object] = event.kind
            elif event.kind == "alarm.closed":
                assert self.open_alarms.pop(event.object) == "alarm.restored"

    def follow_entries(self, step: Step) -> None:
        """An entry ends with the alarm of its zone, or with people who disarm."""
        for event in step.events:
            if event.kind == "area.entry_started":
                self.entries.append(event.data["zone"])
            elif event.kind == "area.disarmed":
                self.entries.clear()
            elif event.kind == "zone.alarmed" and event.object in self.entries:
                self.entries.remove(event.object)
        mode = self.lasting.view()["areas"][0]["mode"]
        assert (mode == "entering") == bool(self.entries)

    def every_release_has_its_event(self, step: Step) -> None:
        """What unlocks waits for the record of the grant that is in the same step."""
        unlocks = [a for a in step.actions if a.verb == "pulse" and "strike" in a.target]
        grants = [e for e in step.events if e.kind == "access.granted" and not e.data.get("exit")]
        assert len(unlocks) == len(grants)
        assert all(action.release is Release.RECORDED for action in unlocks)
        locks = [a for a in step.actions if a.verb == "off"]
        assert all(action.release is Release.NOW for action in locks)

    def nothing_is_done_without_by_itself(self, what: Input, step: Step) -> None:
        """A zone is bypassed, and an area disarmed, by people and never by the system."""
        for event in step.events:
            if event.kind in ("zone.bypassed", "area.overridden", "system.technician_on"):
                assert isinstance(what, Commanded)
                assert event.data["persons"]
            if event.kind == "area.disarmed":
                assert isinstance(what, Commanded | CredentialRead)
                assert event.data["persons"]

    def enough_different_people(self, step: Step) -> None:
        for event in step.events:
            operators = event.data.get("operators")
            assert operators in (None, ["op-1", "op-2"])
            inside = event.data.get("exit") or operators
            if event.kind != "access.granted" or inside:
                continue
            door = next(door for door in self.plan.door if door.id == event.object)
            since_us = event.at.mono_us - door.within_s * SECOND
            there = {p for at_us, d, p in self.presented if d == door.id and at_us >= since_us}
            people = event.data["persons"]
            assert len(set(people)) == len(people) == door.people
            assert set(people) <= there
            assert not {"p-4", "p-5"} & set(people)

    @initialize()
    def begin(self):
        self.put(Started("1.0", self.at_us))
        for device in self.plan.device:
            self.put(DeviceNews(device.id, Condition.READY, self.at_us))
        self.all_points_are_normal()

    def all_points_are_normal(self):
        for ref in self.points:
            device, _, point = ref.partition(".")
            state = PointState.ALARM if ref in self.empty else PointState.NORMAL
            self.put(PointRead(device, point, state, self.at_us))

    @rule(us=st.sampled_from([1, 1000, 50_000, SECOND, 5 * SECOND, 30 * SECOND, 100 * SECOND]))
    def time_passes(self, us):
        until_us = self.at_us + us
        while (due_us := self.lasting.due_us()) is not None and due_us <= until_us:
            self.at_us = max(self.at_us, due_us)
            self.put(Tick(self.at_us))
        self.at_us = until_us

    @rule(ref=st.sampled_from(POINTS), state=STATES, late_us=st.sampled_from([0, 0, 0, 1, 300_000]))
    def a_point_changes(self, ref, state, late_us):
        device, _, point = ref.partition(".")
        at_us = max(0, self.at_us - late_us)
        step = self.put(PointRead(device, point, state, at_us))
        if ref == "board.panic":
            self.panic_is_heard(step)

    def panic_is_heard(self, step: Step) -> None:
        """While the button is not normal, there is an alarm of it or a test that took it."""
        kinds = [event.kind for event in step.events]
        waits = [a for a, cause in self.causes.items() if cause == "panic.raised"]
        if "panic.raised" in kinds:
            assert self.open_alarms[waits[-1]] == "alarm.raised"
        elif "panic.repeated" in kinds:  # then its alarm is one that the monitor does not know
            assert waits
            assert waits[-1] not in self.known

    @rule(
        finger=st.sampled_from(["1", "11", "12", "2", "22", "3", "4", "5", "99", None]),
        reader=st.sampled_from(READERS),
    )
    def a_finger_is_laid(self, finger, reader):
        doors = {"reader": "store", "lobby": "office"}
        person = owner(finger)
        if person and reader in doors:
            self.presented.append((self.at_us, doors[reader], person))
        step = self.put(CredentialRead(reader, "finger", finger, self.at_us))
        # The monitor may have announced that this call for help is a test; then it is none.
        test = any(event.data.get("what") == "duress" for event in step.events)
        duress = finger in ("12", "22") and not test
        assert any(event.kind == "duress.raised" for event in step.events) == duress
        if duress:
            hidden = [alarm for alarm in self.open_alarms if alarm.startswith("d")]
            assert hidden
            assert not any(alarm in str(self.lasting.view()["alarms"]) for alarm in hidden)
        if reader == "gate":  # leaving is never refused
            assert not any(event.kind == "access.denied" for event in step.events)

    @rule(
        command=COMMANDS,
        origin=st.sampled_from(Origin),
        second=st.sampled_from(["", "op-1", "op-2", "op-2", "op-2"]),
        refusal=st.sampled_from(["", "", "", "expired"]),
    )
    def somebody_asks(self, command, origin, second, refusal):
        self.put(Tick(self.at_us))  # what was due comes first, and is not the command's
        name, params = command
        number = f"c-{len(self.inputs)}"
        given = Commanded(number, name, params, "op-1", origin, self.at_us, second, refusal)
        step = self.put(given)
        # Who refused it before it came here has answered.
        assert [answer.command for answer in step.answers] == ([] if refusal else [number])
        outcomes = [e for e in step.events if e.kind.startswith("command.")]
        assert len(outcomes) == 1
        if refusal:
            assert [e.data["reason"] for e in step.events] == [refusal]
            assert not step.actions
            return
        self.judge_answer(name, params, origin, step)

    @rule(weaker=st.sampled_from([(), ("door.store.people",)]))
    def another_site_file(self, weaker):
        """It changes nothing but what a restart does; and not at just any time."""
        modes = {area["mode"] for area in self.lasting.view()["areas"]}
        number, paths = f"c-{len(self.inputs)}", ("main",)
        given = Configured(number, "uid:0", self.plan, number, weaker, paths, self.at_us)
        (answer,) = self.put(given).answers
        if answer.accepted:
            assert modes == {"disarmed"}
            told = [event for event in self.events if event.kind == "system.configured"]
            assert len(told[-1].data.get("persons", [])) >= 2 or not weaker
            assert all(door["strike"] == "locked" for door in self.lasting.view()["doors"])

    def judge_answer(self, name, params, origin, step: Step) -> None:
        (answer,) = step.answers
        alarm = params.get("alarm", "")
        if alarm.startswith("d") and origin is Origin.LOCAL:
            assert answer.reason == "unknown-alarm"
        if name == "alarm.acknowledge" and origin is Origin.MONITOR and answer.accepted:
            self.known.add(alarm)
        if name in ("alarm.check", "alarm.restore") and answer.accepted:
            (event,) = (e for e in step.events if e.kind.startswith("alarm."))
            assert event.data["persons"]

    def ask(self, name, origin=Origin.LOCAL, **params):
        number = f"c-{len(self.inputs)}"
        step = self.put(Commanded(number, name, params, "op-1", origin, self.at_us))
        self.judge_answer(name, params, origin, step)
        return step.answers[0]

    @rule()
    def everything_is_in_order(self):
        """The way to the depths: nothing open, nothing lost, the line up."""
        for device in self.plan.device:
            self.put(DeviceNews(device.id, Condition.READY, self.at_us, "", {"serial": "a"}))
        self.all_points_are_normal()
        self.put(PathNews("main", Condition.READY, self.at_us))
        self.time_passes(5 * SECOND)

    @rule(
        gap_us=st.sampled_from([0, SECOND, 30 * SECOND, 30 * SECOND + 1, 31 * SECOND, 80 * SECOND]),
        fingers=st.sampled_from([("1", "2"), ("1", "11"), ("12", "2"), ("2", "3")]),
    )
    def two_come_to_the_store(self, gap_us, fingers):
        self.a_finger_is_laid(fingers[0], "reader")
        if gap_us <= 30 * SECOND:
            self.at_us += gap_us  # told before the tick that ends the window
        else:
            self.time_passes(gap_us)
        self.a_finger_is_laid(fingers[1], "reader")

    @rule(data=st.data(), step=st.sampled_from(["acknowledge", "check", "restore", "close"]))
    def an_alarm_is_seen_to(self, data, step):
        if not self.open_alarms:
            return
        alarm = data.draw(st.sampled_from(sorted(self.open_alarms)))
        origin = data.draw(st.sampled_from(Origin))
        for finger in data.draw(st.sampled_from([(), ("1",), ("1", "4")])):
            self.time_passes(1000)
            self.a_finger_is_laid(finger, "reader")
        given = {"reason": "over"} if step == "close" else {}
        self.ask(f"alarm.{step}", origin, alarm=alarm, **given)

    @rule(data=st.data())
    def an_alarm_lives_its_whole_life(self, data):
        for step in ("acknowledge", "check", "restore", "close"):
            self.an_alarm_is_seen_to(data, step)

    @rule(
        zone=st.sampled_from(["way", "near", "pir"]), wait_us=st.sampled_from([SECOND, 12 * SECOND])
    )
    def the_area_is_armed_and_entered(self, zone, wait_us):
        self.everything_is_in_order()
        for finger in ("1", "2"):
            self.a_finger_is_laid(finger, "reader")
        self.ask("area.arm", area="hall", override=True)
        self.time_passes(30 * SECOND)
        self.put(PointRead("board", zone, PointState.ALARM, self.at_us))
        self.time_passes(wait_us)

    @rule(outcome=st.sampled_from(Outcome), opens_us=st.sampled_from([-1, 0, SECOND, 10 * SECOND]))
    def somebody_goes_in_at_the_office(self, outcome, opens_us):
        before = len(self.actions)
        self.a_finger_is_laid("1", "lobby")
        granted_us = self.at_us
        for action in self.actions[before:]:
            if action.verb == "pulse":
                self.put(ActionAnswered(action.id, outcome, self.at_us))
        self.at_us += max(0, opens_us)
        point = PointRead("board", "contact-2", PointState.ALARM, granted_us + opens_us)
        self.put(point)
        self.time_passes(SECOND)

    @precondition(lambda self: self.actions)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome))
    def an_action_is_answered(self, data, outcome):
        action = data.draw(st.sampled_from(self.actions[-5:]))
        self.put(ActionAnswered(action.id, outcome, self.at_us))

    @rule(power_cut=st.booleans(), dark_s=st.sampled_from([1, 30, 3600]), clean=st.booleans())
    def it_starts_again(self, power_cut, dark_s, clean):
        if clean:
            self.put(Stopping("asked to", self.at_us))
        last_us = self.utc_us + self.at_us
        if power_cut:
            self.boot += "'"
            self.utc_us, self.at_us = last_us + (dark_s - 1) * SECOND, SECOND
        else:
            self.at_us += dark_s * SECOND
        self.presented.clear()
        moved = len(self.actions)
        armed = self.lasting.view()["areas"][0]["mode"] in ("armed", "entering")
        self.put(Started("1.0", self.at_us, last_us, clean=clean))
        # A siren may: where technician mode ends with the restart, what is open is an alarm.
        assert not [a for a in self.actions[moved:] if "strike" in a.target], "no strike moves"
        assert not armed or self.lasting.view()["areas"][0]["mode"] in ("armed", "entering")

    @invariant()
    def no_alarm_is_forgotten(self):
        shown = {alarm["id"] for alarm in self.lasting.view()["alarms"]}
        assert shown == {alarm for alarm in self.open_alarms if not alarm.startswith("d")}
        saved = {key.partition("/")[2] for key in self.saved if key.startswith("alarm/")}
        assert saved == set(self.open_alarms)

    @invariant()
    def every_cause_has_its_alarm(self):
        """Whatever raises an alarm has one, open or closed by its steps."""
        raised = {e.data["cause"] for e in self.events if e.kind == "alarm.raised"}
        causes = {e.kind for e in self.events if KINDS[e.kind].raises}
        assert causes - {"system.blind"} <= raised

    def teardown(self):
        """A replay of the same inputs gives the same, byte for byte."""
        replayed = Site(self.plan, disk(enrolled()))
        for (what, now), told in zip(self.inputs, self.told, strict=True):
            assert written(replayed.step(what, now)) == told
