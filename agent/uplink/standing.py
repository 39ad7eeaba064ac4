"""What is known of a path, over its connections, and what is told of it: once a change."""

from __future__ import annotations

import time
from collections.abc import Callable

from agent.site.inputs import Condition, PathInput, PathNews
from agent.uplink import reasons, verdict
from agent.uplink.message import Message
from agent.uplink.outbox import Outbox
from agent.uplink.presence import mono_us
from agent.uplink.verdict import Verdict


class Standing:
    """One path's.

    Attributes:
        verdict: how it is.
        since_s: of the monotonic clock: since when it is in this condition.
        failed: whether it has worked once and then did not.

    Args:
        path: id of the path.
        tell: takes news for the site.
        changed: told that the path may work now, or no more.
    """

    def __init__(
        self, path: str, tell: Callable[[PathInput], None], changed: Callable[[], None]
    ) -> None:
        self.verdict = Verdict(Condition.LOST, "not connected yet")
        self.since_s = time.monotonic()
        self.failed = False
        self._path = path
        self._tell = tell
        self._changed = changed
        self._untaken: dict[str, Verdict] = {}  # by topic
        self._fault: Verdict | None = None

    @property
    def untaken(self) -> Verdict | None:
        """Return why the path does not work, until a broker takes what is sent to its topic."""
        return next((one for one in self._untaken.values() if not one.works), None)

    def taken(self, topic: str, *, all_out: bool) -> None:
        """A broker took what was sent to a topic, and gave it to somebody.

        Args:
            topic: whose refusal, if it was known, is over.
            all_out: this path carries, and nothing waits: all events are taken.
        """
        self._untaken.pop(topic, None)
        if all_out:
            rest = {name: one for name, one in self._untaken.items() if not one.of_events}
            self._untaken = rest

    def not_taken(self, topic: str, code: int, seq: int | None = None) -> None:
        """A broker did not take what was sent to a topic; it stays known until it does.

        `seq`: the number of the event that it was, if it was one of the record.
        """
        self._untaken[topic] = verdict.of_answer(topic, code, seq)

    def judge(self, outbox: Outbox, wrong: str, *, all_out: bool) -> None:
        """Judge a path that is connected.

        What a topic is refused for holds until the topic is taken, over connections. Another
        fault is over when there is none although nothing waits: with every connection, what was
        too large is tried again, and it is the last to be sent.

        Args:
            outbox: knows what the broker did not take.
            wrong: what is wrong although events arrive, or "".
            all_out: whether no event waits.
        """
        found = verdict.of_outbox(outbox)
        if found.lasts:
            self._untaken[found.topic] = found
            found = verdict.READY
        if found is verdict.READY and wrong:
            found = Verdict(Condition.FAULTED, wrong)
        if found.condition is Condition.FAULTED or (found is verdict.READY and all_out):
            self._fault = None if found is verdict.READY else found
        elif found is verdict.READY and self._fault is not None:
            found = self._fault
        if found is verdict.READY:
            found = next(iter(self._untaken.values()), found)
        self._set(self.untaken or found)

    def lost(self, why: str, outbox: Outbox, stalled: Message | None = None) -> None:
        """A connection has ended, or did not come about.

        Args:
            why: in a sentence.
            outbox: knows what the broker did not take.
            stalled: what it never answered. Until it takes what is sent there, the path does not
                work, even if it can be connected: else it would come and go for ever.
        """
        refused = verdict.of_outbox(outbox)
        if refused.topic and refused.condition is not Condition.ABSENT:
            why = refused.reason  # mosquitto 2.0.11 hangs up right after it has refused a topic
        self._set(Verdict(Condition.LOST, why))
        if stalled is not None:
            found = Verdict(Condition.LOST, why, stalled.topic, stalled.seq)
            if found.lasts:
                self._untaken[stalled.topic] = found

    def _set(self, found: Verdict) -> None:
        if found == self.verdict:
            return
        before, self.verdict = self.verdict, found
        if found.condition is not before.condition:
            self.since_s = time.monotonic()
        self.failed |= before.works and not found.works
        self._changed()
        both_absent = found.condition is before.condition is Condition.ABSENT
        if not both_absent and (found.condition, found.reason) != (before.condition, before.reason):
            self._tell(PathNews(self._path, found.condition, mono_us(), found.reason))


def is_heard(code: int) -> bool:
    """Return whether a reason code says that somebody got the message."""
    return code < 0x80 and code != reasons.NO_SUBSCRIBER
