"""A device: whether it is there, and whether it is still the same one.

What a device says of itself (`identity`) is remembered. One that comes back with another
identity may be a look-alike: *substituted*, an alarm, and its reader identifies nobody until a
technician and an officer have restored that alarm, or the right one is back. The number of
templates may change by as many as were enrolled at it meanwhile, and no further.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import field

from agent.site.inputs import Condition, DeviceNews, Json
from agent.site.machine import Machine, Register, State
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.turn import Turn

KIND = {Condition.LOST: "device.lost", Condition.FAULTED: "device.faulted"}
TEMPLATES = "templates"


class Presence(State, frozen=True, kw_only=True):
    """What is known of a device.

    Attributes:
        condition: None before the first news ever.
        identity: what it said of itself when it was last trusted.
        other: what a look-alike says of itself; None while it is the trusted one.
        enrolled: templates made or deleted since `identity` was taken.
    """

    condition: Condition | None = None
    reason: str = ""
    identity: Mapping[str, Any] = field(default_factory=dict)
    other: Mapping[str, Any] | None = None
    enrolled: int = 0


class Device(Machine[Presence]):
    """One device of the file."""

    noun = "device"

    def __init__(self, register: Register, name: str) -> None:
        super().__init__(register, name, Presence())
        self.device = name

    @property
    def substituted(self) -> bool:
        """Whether something else stands where the device was."""
        return self.state.other is not None

    def is_normal(self) -> bool:
        return self.state.condition is Condition.READY

    def news(self, turn: Turn, news: DeviceNews) -> None:
        """Take in that it came, went or failed."""
        if news.condition is Condition.READY:
            self._ready(turn, news.identity)
        elif news.condition is not self.state.condition:
            self.state = replace(self.state, condition=news.condition, reason=news.reason)
            self.say(turn, KIND[news.condition], reason=news.reason)

    def expect_templates(self, count: int) -> None:
        """Expect the reader's number of templates to change by `count` more."""
        self.state = replace(self.state, enrolled=self.state.enrolled + count)

    @property
    def templates(self) -> int | None:
        """How many templates it said that it holds; None where it holds none at all."""
        said = self.state.identity.get(TEMPLATES)
        return said if isinstance(said, int) else None

    def templates_are(self, count: int) -> None:
        """Remember how many templates the reader holds now."""
        if self.templates is not None:
            self.count_templates(count - self.templates)

    def count_templates(self, by: int) -> None:
        """Remember that the reader holds so many templates more, or less, than it said."""
        if self.templates is not None:
            identity = {**self.state.identity, TEMPLATES: self.templates + by}
            self.state = replace(self.state, identity=identity)

    def on_restored(self, turn: Turn, cause: str) -> None:
        if cause == "device.substituted" and self.state.other is not None:
            self.state = replace(self.state, identity=self.state.other, other=None, enrolled=0)

    def _ready(self, turn: Turn, identity: Mapping[str, Json]) -> None:
        if self.state.condition not in (None, Condition.READY):
            self.say(turn, "device.restored")
        self.state = replace(self.state, condition=Condition.READY, reason="")
        changed = self._changed(identity)
        if not changed:
            self.state = replace(self.state, identity=dict(identity), other=None, enrolled=0)
        elif self.state.other != identity:
            self.state = replace(self.state, other=dict(identity))
            self.say(turn, "device.substituted", changed=list(changed))

    def _changed(self, identity: Mapping[str, Json]) -> list[str]:
        known = self.state.identity
        if not known:
            return []
        return [
            name
            for name in sorted(known.keys() | identity.keys())
            if known.get(name) != identity.get(name) and not self._explained(name, identity)
        ]

    def _explained(self, name: str, identity: Mapping[str, Json]) -> bool:
        before, after = self.state.identity.get(name), identity.get(name)
        if name != TEMPLATES or not isinstance(before, int) or not isinstance(after, int):
            return False
        return abs(after - before) <= self.state.enrolled

    def view(self) -> Json:
        """Return its present condition."""
        condition = str(self.state.condition) if self.state.condition else "unknown"
        return {
            "id": self.id,
            "condition": "substituted" if self.substituted else condition,
            "reason": self.state.reason,
        }
