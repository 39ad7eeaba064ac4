"""A site beside its twin, whose people are never forced: what shows of the two must be the same.

Whatever happens to one happens to the other, but that a finger which calls for help is the same
person's plain one there, and that nothing is commanded about it.
"""

from __future__ import annotations

from agent.site.inputs import Commanded, CredentialRead, Input, Tick
from agent.site.site import Site
from agent.site.step import Event, Step
from agent.site.value import replace
from tests.site.busy_site import BUSY_TABLES, BusySite
from tests.site.conftest import disk, plan
from tests.site.whole_plan import enrolled

PLAIN = {"12": "1", "22": "2"}


class TwinSite(BusySite):
    """Without a camera: what it keeps of duress is asked of it, and numbers the actions."""

    plan = plan(**BUSY_TABLES | {"camera": []})
    points = sorted(r.ref for r in plan.references() if r.kind == "point")

    def __init__(self):
        super().__init__()
        self.free = Site(self.plan, disk(enrolled()))

    def put(self, what: Input) -> Step:
        step = super().put(what)
        unseen = isinstance(what, Commanded) and any(_is_hidden_end(one) for one in step.events)
        free = self.free.step(Tick(what.at_us) if unseen else _plain(what), self.moment())
        assert _shown(step) == _shown(free)
        assert step.actions == free.actions
        assert unseen or step.answers == free.answers
        assert self.lasting.view() == self.free.view()
        assert self.lasting.on_site(self.moment()) == self.free.on_site(self.moment())
        assert self.lasting.people(self.moment()) == self.free.people(self.moment())
        return step


def _plain(what: Input) -> Input:
    if isinstance(what, CredentialRead):
        return replace(what, reference=PLAIN.get(what.reference or "", what.reference))
    return what


def _is_hidden_end(event: Event) -> bool:
    return event.kind.startswith("command.") and event.data.get("hidden") is True


def _shown(step: Step) -> list[Event]:
    return [event for event in step.events if not event.data.get("hidden")]
