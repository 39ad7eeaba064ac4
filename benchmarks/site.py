"""How long the rules take to decide, and whether that grows with the history.

    python -m benchmarks.site [DAYS]

A site of 8 doors, 64 zones, 500 slots and 300 people lives DAYS busy days (365 unless given) of
2,000 inputs: people in twos at the doors, detectors, weapons out and back, an alarm taken through
its whole life now and then, and every tick that a timer asks for. Each decision is timed by
itself, on the wall and in processor time of its thread. Both are printed. The bars are issue 3's:
p99 at most 200 us, a year in under 60 s of deciding, and the last tenth of the inputs no slower
than the first; they are judged in processor time, for on a machine that others use, the wall
tells mostly how often they had their turn. On a quiet machine the two agree.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator

from agent.journal.canonical import encode
from agent.site.inputs import (
    ActionAnswered,
    Commanded,
    Condition,
    CredentialRead,
    DeviceNews,
    Input,
    Json,
    Origin,
    Outcome,
    PointRead,
    PointState,
    Started,
    Tick,
)
from agent.site.moment import Moment
from agent.site.plan import Plan
from agent.site.site import Site
from agent.site.step import Step
from benchmarks.measure import head, percentile, row

SECOND = 1_000_000
DAY = 86_400 * SECOND
UTC_US = 1_793_577_600 * SECOND
DOORS, ZONES, SLOTS, PEOPLE, INPUTS = 8, 64, 500, 300, 2000
P99_US, YEAR_S, GROWTH = 200, 60, 1.2


def plan() -> Plan:
    """Return the site half of a large armoury."""
    doors = [
        {
            "id": f"door-{n}",
            "area": f"area-{n % 4}",
            "lock_fail": "secure",
            "egress": "mechanical",
            "reader_in": f"reader-{n}",
            "strike": f"board.strike-{n}",
            "contact": f"board.contact-{n}",
            "single_factor_accepted": True,
        }
        for n in range(DOORS)
    ]
    kinds = ("always", "instant", "instant", "instant")
    zones = [
        {
            "id": f"zone-{n}",
            "area": f"area-{n % 4}",
            "point": f"board.zone-{n}",
            "kind": kinds[n // 4 % 4],
            "supervision": "eol",
        }
        for n in range(ZONES)
    ]
    slots = {f"rack.slot-{n}": f"M4-{n}" for n in range(SLOTS)}
    devices = ["board", "rack", *(f"reader-{n}" for n in range(DOORS))]
    return Plan.model_validate(
        {
            "site": {"id": "bench", "name": "A large armoury"},
            "device": [{"id": name} for name in devices],
            "area": [{"id": f"area-{n}"} for n in range(4)],
            "door": doors,
            "zone": zones,
            "rack": [{"id": "rack", "area": "area-0", "doors": ["door-0"], "slots": slots}],
        }
    )


def people() -> dict[str, bytes]:
    """Return what is saved of the people: each has a finger at every reader."""
    saved = {"enrolment/all": encode({"done": True})}
    for n in range(PEOPLE):
        fingers = [
            {"kind": "finger", "reference": f"reader-{reader}:{n}"} for reader in range(DOORS)
        ]
        saved[f"person/p-{n}"] = encode({"roles": ["officer"], "credentials": fingers})
    return saved


class Life:
    """The site, its clock, and the time that each decision took."""

    def __init__(self) -> None:
        self.site = Site(plan(), people())
        self.at_us = SECOND
        self.spent_ns: list[int] = []
        self.wall_ns: list[int] = []
        self.kinds: Counter[str] = Counter()
        self.inputs = 0
        self._commands = 0

    def put(self, what: Input) -> Step:
        """Decide on one input, and take the time."""
        now = Moment(UTC_US + self.at_us, self.at_us, "boot", trusted=True)
        wall, begin = time.perf_counter_ns(), time.thread_time_ns()
        step = self.site.step(what, now)
        self.spent_ns.append(time.thread_time_ns() - begin)
        self.wall_ns.append(time.perf_counter_ns() - wall)
        self.kinds.update(event.kind for event in step.events)
        self.inputs += not isinstance(what, Tick)
        for action in step.actions:
            self.put(ActionAnswered(action.id, Outcome.DONE, self.at_us))
        return step

    def to(self, at_us: int) -> None:
        """Let time pass as the runtime does."""
        while (due_us := self.site.due_us()) is not None and due_us <= at_us:
            self.at_us = max(self.at_us, due_us)
            self.put(Tick(self.at_us))
        self.at_us = max(self.at_us, at_us)

    def after(self, us: int) -> None:
        self.to(self.at_us + us)

    def point(self, ref: str, state: PointState) -> None:
        device, _, name = ref.partition(".")
        self.put(PointRead(device, name, state, self.at_us))

    def ask(self, name: str, **params: Json) -> None:
        self._commands += 1
        command = f"c-{self._commands}"
        self.put(Commanded(command, name, params, "op-1", Origin.LOCAL, self.at_us))

    def begin(self) -> None:
        """Start with everything there and in order."""
        self.put(Started("bench", self.at_us))
        for device in self.site_devices():
            self.put(DeviceNews(device, Condition.READY, self.at_us))
        for ref in self.site_points():
            self.point(ref, PointState.NORMAL)

    def site_devices(self) -> Iterator[str]:
        yield from (device.id for device in plan().device)

    def site_points(self) -> Iterator[str]:
        yield from (one.ref for one in plan().references() if one.kind == "point")


def visit(life: Life, dice: random.Random) -> None:
    """Two people go in by a door, take or return some weapons, and come out."""
    door = dice.randrange(DOORS)
    for person in dice.sample(range(PEOPLE), 2):
        life.after(2 * SECOND)
        life.put(CredentialRead(f"reader-{door}", "finger", str(person), life.at_us))
    life.after(SECOND)
    life.point(f"board.contact-{door}", PointState.ALARM)
    life.after(3 * SECOND)
    life.point(f"board.contact-{door}", PointState.NORMAL)
    slots = dice.sample(range(SLOTS), 3) if door == 0 else []
    for state in (PointState.ALARM, PointState.NORMAL):
        for slot in slots:
            life.after(SECOND)
            life.point(f"rack.slot-{slot}", state)


def detection(life: Life, dice: random.Random) -> None:
    """A detector of a disarmed area sees somebody walk by; about one in fifty is an alarm."""
    watched = dice.random() < 0.02
    zone = dice.choice([n for n in range(ZONES) if (n // 4 % 4 == 0) == watched])
    life.point(f"board.zone-{zone}", PointState.ALARM)
    life.after(2 * SECOND)
    life.point(f"board.zone-{zone}", PointState.NORMAL)


def see_to_alarms(life: Life) -> None:
    """Somebody goes round and takes every open alarm through its life."""
    alarms = [str(alarm["id"]) for alarm in life.site.view()["alarms"]]  # type: ignore[union-attr,index,call-overload]
    life.after(SECOND)
    life.put(CredentialRead("reader-1", "finger", "1", life.at_us))
    for alarm in alarms:
        for verb in ("acknowledge", "check", "restore"):
            life.ask(f"alarm.{verb}", alarm=alarm)
        life.ask("alarm.close", alarm=alarm, reason="nothing there")


def day(life: Life, number: int, dice: random.Random) -> None:
    """Live one busy day."""
    begin_us, until = number * DAY + SECOND, (number + 1) * INPUTS
    life.to(begin_us)
    while life.inputs < until:
        if dice.random() < 0.3:
            visit(life, dice)
        else:
            detection(life, dice)
        life.after(SECOND)
    see_to_alarms(life)


def main(days: int) -> None:
    """Print the figures; exit 1 when a bar is missed."""
    life, dice = Life(), random.Random(7)
    life.begin()
    gc.freeze()  # as the daemon does when it has started
    life.inputs, life.spent_ns, life.wall_ns = 0, [], []
    life.kinds.clear()
    for number in range(days):
        day(life, number, dice)
    spent_us = [ns / 1000 for ns in life.spent_ns]
    wall_us = [ns / 1000 for ns in life.wall_ns]
    tenth = len(spent_us) // 10
    first, last = (percentile(part, 0.5) for part in (spent_us[:tenth], spent_us[-tenth:]))
    p99, year_s = percentile(spent_us, 0.99), sum(spent_us) / SECOND * 365 / days
    decisions, events = len(spent_us), life.kinds.total()
    head(f"{days} days: {life.inputs} inputs, {decisions} decisions, {events} events")
    for name, samples in (("processor", spent_us), ("wall", wall_us)):
        bar = f"<= {P99_US}" if name == "processor" else "not judged"
        row(f"one decision, {name}, p50", percentile(samples, 0.5), None, "us", "")
        row(f"one decision, {name}, p99", percentile(samples, 0.99), None, "us", bar)
        row(f"one decision, {name}, longest", max(samples), None, "us", "")
    row("p50 of the last tenth against the first", last, first, "us", f"<= {GROWTH} x")
    row("deciding for a year, processor", year_s, None, "s", f"<= {YEAR_S}")
    row("deciding for a year, wall", sum(wall_us) / SECOND * 365 / days, None, "s", "not judged")
    for kind, count in life.kinds.most_common(12):
        print(f"{'':<4}{kind:<40} {count:9d}")
    if p99 > P99_US or year_s > YEAR_S or last > GROWTH * first:
        sys.exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 365)
