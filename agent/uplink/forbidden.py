"""What beside the events a broker's access list does not let us publish. Pure.

Some brokers (mosquitto 2.0.11) hang up over a topic that they refuse. What is retained is said
on every new connection, and before the late events; so one forbidden topic would stop them all.
It is left out, therefore, over connections, and tried again now and then: an access list can be
mended without a word to us. An access list is written by kind of topic (`device/+`), and so is
this.
"""

from __future__ import annotations

from random import Random

from msgspec import Struct

from agent.pauses import Pauses
from agent.uplink.feed import kind_of

AGAIN_S = (60.0, 3600.0)  # first and longest range of the pauses
INDISPENSABLE = "status"  # without a birth there is no path: its refusal is the path's


class _Kind(Struct):
    """One kind of topic: where it was refused, and until when of the caller's clock it waits."""

    topic: str
    until_s: float
    pauses: Pauses
    waits: bool = True


class Forbidden:
    """One path's.

    Attributes:
        topic: the first that is refused; "" when none is.

    Args:
        random: for the pauses.
    """

    def __init__(self, random: Random) -> None:
        self.topic = ""
        self._random = random
        self._kinds: dict[str, _Kind] = {}

    def __contains__(self, topic: str) -> bool:
        kind = self._kinds.get(kind_of(topic))
        return kind is not None and kind.waits

    def refused(self, topic: str, now_s: float) -> bool:
        """Leave out all topics of this one's kind from now on; return whether that can be."""
        name = kind_of(topic)
        if name == INDISPENSABLE:
            return False
        before = self._kinds.get(name)
        if before is None or not before.waits:  # else: they were on their way together
            pauses = before.pauses if before else Pauses(*AGAIN_S, self._random, least=0.5)
            self._kinds[name] = _Kind(topic, now_s + pauses.next_s(), pauses)
            self._name_first()
        return True

    def look(self, now_s: float) -> bool:
        """Return whether there is something to be tried again: say everything anew, then.

        What has not been refused again until the next look is forbidden no more.
        """
        self._kinds = {name: kind for name, kind in self._kinds.items() if kind.waits}
        due = [kind for kind in self._kinds.values() if kind.until_s <= now_s]
        for kind in due:
            kind.waits = False
        self._name_first()
        return bool(due)

    def _name_first(self) -> None:
        self.topic = next((kind.topic for kind in self._kinds.values()), "")
