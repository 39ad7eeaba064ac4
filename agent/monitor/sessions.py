"""The desk's two sessions at its broker: one hears alarms alone, the other one everything.

A broker keeps one queue a session. After an outage, or at a desk that is slow, it is full of
the backlog, and an alarm would wait at its end; in a session that hears nothing else it comes at
once. It comes in the other one too, as a repeat; so that a broker which lets us have only one
session takes nothing from us but time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

from agent.monitor.inbox import ALARMS, REST, Arrived, Changed, Inbox
from agent.monitor.line import Broker, Line
from agent.monitor.said import Ask
from agent.site.value import replace

URGENT = ("event/alarm", "event/unrecorded")
EVERYTHING = (
    "event/#", "status/+", "heartbeat/+", "checkpoint", "proof", "leaves", "device/+", "area/+",
    "health", "answer/+",
)  # fmt: skip
SUFFIX = "-alarms"  # of the client id


class Sessions:
    """Both of them; a context.

    Args:
        broker: where to, with what proofs, and as whom.
        sites: which to hear; none: every one.
        changed: told when a connection comes about, fails or breaks; on the thread that calls
            `arrived`.

    Raises:
        LineUnusable: a certificate cannot be used.
    """

    def __init__(
        self, broker: Broker, sites: Sequence[str], changed: Callable[[Changed], None]
    ) -> None:
        self._changed = changed
        self._inbox = Inbox()
        self._up = {ALARMS: False, REST: False}
        alarms = replace(broker, client=f"{broker.client}{SUFFIX}")
        self._lines = {
            ALARMS: Line(alarms, _topics(sites, URGENT), ALARMS, self._inbox),
            REST: Line(broker, _topics(sites, EVERYTHING), REST, self._inbox),
        }
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Sessions:
        for line in self._lines.values():
            self._stack.enter_context(line)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def connected(self) -> bool:
        """Return whether requests can be published, and their answers heard."""
        return self._up[REST]

    def arrived(self, within_s: float) -> Arrived | None:
        """Return the next message, an alarm before all others; wait so long for it."""
        deadline = time.monotonic() + within_s
        while (what := self._inbox.take(max(0.0, deadline - time.monotonic()))) is not None:
            if isinstance(what, Arrived):
                return what
            self._note(what)
        return None

    def _note(self, what: Changed) -> None:
        self._up[what.session] = what.up
        about = "alarms, in a session of their own: " if what.session == ALARMS else ""
        self._changed(replace(what, text=f"{about}{what.text}"))

    def settle(self, taken: Sequence[Arrived]) -> None:
        """Acknowledge what need not come again."""
        for one in taken:
            self._lines[one.session].settle(one)

    def publish(self, asks: Iterator[Ask]) -> None:
        """Ask the gateways."""
        self._lines[REST].publish(asks)


def _topics(sites: Sequence[str], below: Sequence[str]) -> list[str]:
    return [f"armoury/v1/{site}/{one}" for site in sites or ("+",) for one in below]
