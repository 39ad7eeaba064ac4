"""What is known of a path, over its connections, and what is told of it: once a change."""

from __future__ import annotations

import time
from collections.abc import Callable

from agent.site.inputs import Condition, PathInput, PathNews
from agent.uplink import reasons, verdict
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
        self._learned: Verdict | None = None
        self._fault: Verdict | None = None

    def taken(self, topic: str, *, all_out: bool) -> None:
        """A broker took what was sent to a topic, and gave it to somebody.

        Args:
            topic: whose refusal, if it was known, is over.
            all_out: nothing waits any more, so that no other topic's refusal matters.
        """
        if self._learned is not None and (self._learned.topic == topic or all_out):
            self._learned = None

    def not_taken(self, topic: str, code: int) -> None:
        """A broker did not take what was sent to a topic; it stays known until it does."""
        self._learned = verdict.of_answer(topic, code)

    def judge(self, outbox: Outbox, wrong: str, *, all_out: bool) -> None:
        """Judge a path that is connected.

        A fault is over when there is none although nothing waits: with every connection, what
        was too large is tried again, and it is the last to be sent.

        Args:
            outbox: knows what the broker did not take.
            wrong: what is wrong although events arrive, or "".
            all_out: whether no event waits.
        """
        found = verdict.of_outbox(outbox)
        if found.topic:
            self._learned = found
        if found is verdict.READY and wrong:
            found = Verdict(Condition.FAULTED, wrong)
        if found.condition is Condition.FAULTED or (found is verdict.READY and all_out):
            self._fault = None if found is verdict.READY else found
        elif found is verdict.READY and self._fault is not None:
            found = self._fault
        self._set(self._learned or found)

    def lost(self, why: str, outbox: Outbox) -> None:
        """A connection has ended, or did not come about."""
        refused = verdict.of_outbox(outbox)
        if refused.condition is Condition.LOST:
            why = refused.reason  # mosquitto 2.0.11 hangs up right after it has refused a topic
        self._set(Verdict(Condition.LOST, why))

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
