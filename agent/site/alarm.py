"""The alarm's life: raised, acknowledged, checked on site, restored, closed. No step is left out.

A point that is normal again restores nothing. Checking and restoring need somebody identified
at a reader after the alarm was raised, and normal points; no number of remote operators can
stand in for that. Nothing but the check stops the response timer.

A duress alarm is *hidden*: it goes to the monitor only. Its numbers are a sequence of its own
("d1"), so that not even a gap shows on site that there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

from agent.site.commands import AlarmClose, AlarmNamed, Asked, Refused
from agent.site.inputs import Json, Origin
from agent.site.machine import SECOND_US, Machine, Register, State
from agent.site.moment import Moment
from agent.site.step import Event
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

Stage: TypeAlias = Literal["raised", "acknowledged", "checked", "restored"]

RESPONSE_S = 900  # where no area says otherwise; 15 minutes: MOSAIC 05.50

HIDDEN = frozenset({"duress.raised"})
# The next one from the same source belongs to the alarm that is open, until that was checked:
# nobody has looked at what came after. These are alarms of their own once it was acknowledged.
UNCHECKED: tuple[Stage, ...] = ("raised", "acknowledged")
UNANSWERED: tuple[Stage, ...] = ("raised",)
ANEW = frozenset({"panic.raised", "duress.raised", "rack.intrusion"})
# Tampering, lost devices and faults, of whatever kind of device.
NEEDS_TECHNICIAN = frozenset(
    {
        "zone.tampered",
        "device.lost",
        "device.faulted",
        "device.substituted",
        "door.lock_fault",
        "camera.lost",
        "camera.frozen",
        "camera.moved",
        "camera.defocused",
        "system.storage_failed",
        "system.record_replaced",
        "system.record_doubtful",
        "system.key_missing",
    }
)


class Incident(State, frozen=True, kw_only=True):
    """What is known of an open alarm.

    Attributes:
        raised_us: when it was raised, on this boot's monotonic clock: before its start, where it
            was in another one.
        known: whether the monitor has acknowledged it by command.
    """

    cause: str = ""
    source: str = ""
    object: str = ""
    area: str = ""
    stage: Stage = "raised"
    raised_us: int = 0
    raised_utc_us: int = 0
    overdue: bool = False
    silent: bool = False
    known: bool = False


class Alarm(Machine[Incident]):
    """One open incident."""

    noun = "alarm"

    def __init__(self, register: Register, name: str) -> None:
        super().__init__(register, name, Incident())

    @property
    def hidden(self) -> bool:
        """Whether nothing of it may show on site."""
        return self.state.cause in HIDDEN

    @property
    def silent(self) -> bool:
        """Whether it keeps nobody from arming, and sounds nowhere."""
        return self.state.silent

    def tell(self, turn: Turn, kind: str, **data: Json) -> None:
        """Record a step of its life."""
        silent = self.silent or None
        about: dict[str, Json] = {
            "cause": self.state.cause,
            "object": self.state.object,
            "source": self.state.source,
            "area": self.state.area or None,
            "silent": silent,
            "hidden": self.hidden or None,
        }
        turn.event(kind, self.id, about | data)

    def on_timer(self, turn: Turn, name: str) -> None:
        self.state = replace(self.state, overdue=True)
        after_us = turn.at_us - self.state.raised_us
        self.tell(turn, "alarm.overdue", after_s=after_us // SECOND_US)

    def wake(self, start: Moment, *, other_boot: bool) -> None:
        super().wake(start, other_boot=other_boot)
        if other_boot:
            away_us = max(0, start.utc_us - self.state.raised_utc_us) if start.trusted else 0
            self.state = replace(self.state, raised_us=start.mono_us - away_us)

    def view(self) -> Json:
        """Return what an operator on site sees of it."""
        return {
            "id": self.id,
            "cause": self.state.cause,
            "object": self.state.object,
            "area": self.state.area,
            "stage": self.state.stage,
            "raised_utc_us": self.state.raised_utc_us,
            "overdue": self.state.overdue,
        }

    def told(self) -> Json:
        """Return what the monitor is told of it: everything."""
        state = self.state
        return {
            "id": self.id,
            "cause": state.cause,
            "object": state.object,
            "stage": state.stage,
            "raised_utc_us": state.raised_utc_us,
            "overdue": state.overdue,
            "silent": self.silent,
            "hidden": self.hidden,
        }


class Numbers(State, frozen=True, kw_only=True):
    """The last number given to an alarm, and to a hidden one."""

    seen: int = 0
    hidden: int = 0


class Alarms(Machine[Numbers]):
    """All open alarms."""

    noun = "alarms"

    def __init__(self, register: Register, house: House) -> None:
        super().__init__(register, "all", Numbers())
        self._house = house
        names = [key.partition("/")[2] for key in register.saved if key.startswith("alarm/")]
        in_order = sorted(names, key=lambda name: (len(name), name))
        self._open = {name: Alarm(register, name) for name in in_order}

    def __iter__(self) -> Iterator[Alarm]:
        return iter(self._open.values())

    def any_in(self, area: str | None) -> bool:
        """Return whether any alarm is open in an area, also one that nothing may show."""
        return any(alarm.state.area == area for alarm in self)

    def unknown_of(self, source: str) -> bool:
        """Return whether the monitor has yet to acknowledge an open alarm of a machine, by key."""
        return any(alarm.state.source == source and not alarm.state.known for alarm in self)

    def raise_for(self, turn: Turn, event: Event, source: str) -> None:
        """Raise an alarm for an event, unless one is open for the same cause and source."""
        for alarm in self:
            same = alarm.state.cause == event.kind and alarm.state.source == source
            if same and alarm.state.stage in (UNANSWERED if event.kind in ANEW else UNCHECKED):
                return
        area = str(event.data.get("area", ""))
        alarm = self._next(event.kind in HIDDEN)
        since_us = turn.here_us(event.at)
        alarm.state = Incident(
            cause=event.kind,
            source=source,
            object=event.object,
            area=area,
            silent=event.data.get("silent") is True,
            raised_us=since_us,
            raised_utc_us=event.at.utc_us,
        )
        # What ran out in the dark is due now: nobody could have seen it before.
        due_us = since_us + self._house.response_s(area) * SECOND_US
        alarm.start(turn, "response", max(0, due_us - turn.at_us))
        alarm.tell(turn, "alarm.raised", simulated=event.data.get("simulated"))
        # What lies before this boot no camera can show any more: it is looked at as it is now.
        filmed_us = since_us if event.at.boot == turn.now.boot else turn.at_us
        self._house.filming.alarm(turn, alarm.id, source, filmed_us, hidden=alarm.hidden)

    def acknowledge(self, turn: Turn, asked: Asked[AlarmNamed]) -> None:
        """`alarm.acknowledge`: somebody takes it on. The monitor's stops a panic's repeats."""
        by_monitor = asked.origin is Origin.MONITOR
        if by_monitor and self._closed_known(turn, asked):
            return
        alarm = self._named(asked)
        if alarm.state.stage == "raised":
            alarm.state = replace(alarm.state, stage="acknowledged")
            alarm.tell(turn, "alarm.acknowledged", by=asked.by, origin=str(asked.origin))
        elif not by_monitor:
            raise Refused("wrong-stage")
        if by_monitor:
            alarm.state = replace(alarm.state, known=True)
            source = self._house.machines.get(alarm.state.source)
            if source and not self.unknown_of(source.key):
                source.on_monitor_knows(turn)

    def _closed_known(self, turn: Turn, asked: Asked[AlarmNamed]) -> bool:
        """Take the monitor's acknowledgement of what was closed before it; say if it is that."""
        alarm = asked.params.alarm
        for source in self._house.panics.values():
            if source.on_closed_known(turn, alarm):
                data: dict[str, Json] = {"by": asked.by, "origin": str(asked.origin)}
                turn.event("alarm.acknowledged", alarm, source.about() | data)
                return True
        return False

    def check(self, turn: Turn, asked: Asked[AlarmNamed]) -> None:
        """`alarm.check`: the people identified on site since have looked."""
        alarm = self._named(asked, "acknowledged")
        persons = self._on_site(turn, alarm)
        alarm.state = replace(alarm.state, stage="checked")
        alarm.stop("response")
        alarm.tell(turn, "alarm.checked", persons=list(persons), by=asked.by)

    def restore(self, turn: Turn, asked: Asked[AlarmNamed]) -> None:
        """`alarm.restore`: what raised it is in order again."""
        alarm = self._named(asked, "checked")
        persons = self._on_site(turn, alarm)
        if alarm.state.cause in NEEDS_TECHNICIAN and not self._house.technician_allowed(persons):
            raise Refused("technician-and-officer-needed")
        alarm.state = replace(alarm.state, stage="restored")
        alarm.tell(turn, "alarm.restored", persons=list(persons), by=asked.by)
        if source := self._house.machines.get(alarm.state.source):
            source.on_restored(turn, alarm.state.cause)

    def close(self, turn: Turn, asked: Asked[AlarmClose]) -> None:
        """`alarm.close`: the incident is over, and why."""
        alarm = self._named(asked, "restored")
        source = self._house.machines.get(alarm.state.source)
        nuisance = asked.params.nuisance or None
        reason = asked.params.reason
        alarm.tell(turn, "alarm.closed", by=asked.by, reason=reason, nuisance=nuisance)
        if nuisance and source:
            source.on_nuisance(turn)
        if source and not alarm.state.known:
            source.on_unknown_closed(alarm.id)
        del self._open[alarm.id]
        self._register.remove(alarm.key)
        if not alarm.hidden:  # a panic may have sounded in another area than its own
            for area in self._house.areas.values():
                area.quiet()

    def _next(self, hidden: bool) -> Alarm:
        if hidden:
            self.state = replace(self.state, hidden=self.state.hidden + 1)
            name = f"d{self.state.hidden}"
        else:
            self.state = replace(self.state, seen=self.state.seen + 1)
            name = str(self.state.seen)
        self._open[name] = Alarm(self._register, name)
        return self._open[name]

    def _named(self, asked: Asked[AlarmNamed], stage: Stage | None = None) -> Alarm:
        alarm = self._open.get(asked.params.alarm)
        if alarm is None or (alarm.hidden and asked.origin is Origin.LOCAL):
            raise Refused("unknown-alarm")
        if stage and alarm.state.stage != stage:
            raise Refused("wrong-stage")
        return alarm

    def _on_site(self, turn: Turn, alarm: Alarm) -> list[str]:
        persons = self._house.present(turn, alarm.state.raised_us, free=alarm.hidden)
        if not persons:
            raise Refused("not-on-site")
        source = self._house.machines.get(alarm.state.source)
        if source is not None and not source.is_normal():
            raise Refused("not-normal")
        return persons
