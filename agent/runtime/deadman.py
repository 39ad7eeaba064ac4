"""The relay that says that the system lives: it falls back when nobody refreshes it any more.

It is pulsed again and again for `HELD_MS`, and nothing else holds it. What the daemon's death
does to it needs no daemon: a killed one leaves its hosts, which put the relay into its fail state
at once; one that hangs refreshes nothing, and the pulse ends by itself within `HELD_MS`.

This is no decision of the site and no event: it would be a commit every few seconds for ever.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence

from agent.site.inputs import ActionAnswered, Outcome
from agent.site.plan import Plan
from agent.site.step import Action, Release

log = logging.getLogger(__name__)

REFRESH_BEATS = 3
HELD_MS = 7_000  # two refreshes may fail; the rules want it down within 10 s


class DeadMan:
    """Refreshes the outputs of the kind `alive`.

    Args:
        outputs: "device.output" of each.
        act: hands an action to its device's host.
    """

    def __init__(self, outputs: Sequence[str], act: Callable[[Action], None]) -> None:
        self._outputs = outputs
        self._act = act
        # The site counts its actions from 1 up; these are nobody's but ours.
        self._numbers = itertools.count(-1, -1)
        self._beats = 0
        self._trouble = ""

    @classmethod
    def of(cls, plan: Plan, act: Callable[[Action], None]) -> DeadMan:
        """Return the one for the outputs of a site file."""
        return cls([one.output for one in plan.output if one.kind == "alive"], act)

    def beat(self) -> None:
        """Take note that the daemon has lived another second."""
        if self._beats % REFRESH_BEATS == 0:
            for output in self._outputs:
                device, _, target = output.partition(".")
                args = {"for_ms": HELD_MS}
                self._act(Action(next(self._numbers), device, "pulse", target, args, Release.NOW))
        self._beats += 1

    def takes(self, answered: ActionAnswered) -> bool:
        """Return whether an answer was to a refresh.

        One that was not done is logged once: its device's fault is told by the device, and the
        relay that falls says the rest.
        """
        if answered.action >= 0:
            return False
        trouble = "" if answered.outcome is Outcome.DONE else answered.reason or "no answer"
        if trouble and trouble != self._trouble:
            log.warning("the system's relay is not refreshed: %s", trouble)
        self._trouble = trouble
        return True
