"""How a path is, in one word and one sentence. Pure."""

from __future__ import annotations

from msgspec import Struct

from agent.site.inputs import Condition
from agent.uplink import reasons
from agent.uplink.feed import kind_of
from agent.uplink.outbox import Outbox

WORKING = (Condition.READY, Condition.FAULTED)
EVENT = "event"  # the kind of topic without which a path is none
ONCE = ("answer", "proof", "leaves")  # what is said on these is not said again


class Verdict(Struct, frozen=True):
    """A path's condition, and the reason where it is not `ready`.

    `topic` is the one whose answers led to it, if it was an answer; `seq` the number of the event
    that was not taken, if it was one.
    """

    condition: Condition
    reason: str = ""
    topic: str = ""
    seq: int | None = None

    @property
    def works(self) -> bool:
        """Return whether events arrive at the other end, as far as is known."""
        return self.condition in WORKING

    @property
    def of_events(self) -> bool:
        """Return whether it is over when events are taken, whatever their topic."""
        return self.condition is Condition.ABSENT or kind_of(self.topic) == EVENT

    @property
    def lasts(self) -> bool:
        """Return whether it holds until its topic is taken: something will be sent there again."""
        return bool(self.topic) and kind_of(self.topic) not in ONCE


READY = Verdict(Condition.READY)


def of_answer(topic: str, code: int, seq: int | None = None) -> Verdict:
    """Judge a path whose broker does not take what is sent to a topic.

    `seq`: the number of the event that it was, if it was one of the record.
    """
    if code == reasons.NO_SUBSCRIBER:
        why = f"nobody is subscribed to {topic}; see the monitor and its session"
        return Verdict(Condition.ABSENT, why, topic, seq)
    condition = Condition.LOST if kind_of(topic) == EVENT else Condition.FAULTED
    return Verdict(condition, _refused(topic, code), topic, seq)


def of_unheard(topic: str) -> str:
    """Say what is wrong where the broker does not let us subscribe to a topic; "" for none."""
    if not topic:
        return ""
    return f"the broker does not let this gateway hear {topic}; see its access list"


def of_forbidden(topic: str) -> str:
    """Say what is wrong where all but some topics may be published; "" for none."""
    return _refused(topic, reasons.NOT_AUTHORISED) if topic else ""


def _refused(topic: str, code: int) -> str:
    return f"the broker refuses {topic}: {reasons.of_code(code)}"


def of_outbox(outbox: Outbox) -> Verdict:
    """Judge a path that has a connection by what the broker answers."""
    trouble, aside = outbox.trouble(), outbox.aside
    if trouble is not None:
        return of_answer(trouble.topic, trouble.code, trouble.seq)
    if aside is not None:
        what = f"event {aside.seq}" if aside.seq else f"a message to {aside.topic}"
        size = f"{aside.size_bytes} bytes, too large for the broker"
        why = f"{what} is {size}, and stays in the journal; raise its max_packet_size"
        return Verdict(Condition.FAULTED, why)
    return READY
