"""What people ask: whether it is what it should be, and which machine does it.

Every command is answered once, and recorded whether it was done or refused, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import ValidationError

from agent.site import unfit
from agent.site.commands import COMMANDS, Asked, Refused
from agent.site.inputs import Commanded, Json, Origin
from agent.site.step import UNRECORDABLE

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

# Returns "accepted" where more is to come before it is done.
Handler: TypeAlias = Callable[["Turn", Asked[Any]], str | None]


class Commanding:
    """The commands of one house, each with who does it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._handlers: Mapping[str, Handler] = {
            "alarm.acknowledge": house.alarms.acknowledge,
            "alarm.check": house.alarms.check,
            "alarm.restore": house.alarms.restore,
            "alarm.close": house.alarms.close,
            "area.arm": self._of("areas", "area", "arm"),
            "area.postpone": self._of("areas", "area", "postpone"),
            "area.disarm": self._of("areas", "area", "disarm"),
            "area.clear_passback": self._of("areas", "area", "clear_passback"),
            "door.assist": self._of("doors", "door", "assist"),
            "site.lock_down": house.lockdown.begin,
            "site.lift_lockdown": house.lockdown.lift,
            "zone.bypass": self._of("zones", "zone", "bypass"),
            "zone.unbypass": self._of("zones", "zone", "unbypass"),
            "walk.begin": self._of("walks", "area", "begin"),
            "walk.end": self._of("walks", "area", "end"),
            "output.test": self._of("sounders", "output", "test"),
            "battery.test": self._battery_test,
            "duress.test": house.duress_test.announce,
            "technician.begin": self._of("technicians", "area", "begin"),
            "technician.end": self._of("technicians", "area", "end"),
            "panic.test": self._of("panics", "panic", "test"),
            "count.begin": self._of("counts", "rack", "begin"),
            "count.enter": self._of("counts", "rack", "enter"),
            "count.agree": self._of("counts", "rack", "agree"),
            "person.enrol": house.enrolment.enrol,
            "person.remove": house.enrolment.remove,
            "credential.add": house.enrolment.add,
            "credential.remove": house.enrolment.take,
            "officer.recover": house.enrolment.recover,
            "finger.enrol": house.enrolment.fingers.enrol,
            "reader.clear": house.enrolment.fingers.clear,
        }

    def take(self, turn: Turn, what: Commanded) -> None:
        """Do what somebody asks for, or refuse it."""
        about: dict[str, Json] = {
            "name": what.name or None,
            "by": what.by or None,
            "second": what.second or None,
            "origin": str(what.origin),
            "hidden": _is_hidden(what) or None,
        }
        try:
            asked = _validated(what, recordable=not self._house.storage.failed)
            outcome = self._handlers[what.name](turn, asked) or "done"
        except Refused as refused:
            reason = str(refused)
            said = about | {"reason": reason, "why": refused.data.get("why")}
            said["hidden"] = about["hidden"] or refused.hidden or None
            turn.event("command.refused", what.command, said)
            if not what.refusal:  # else who refused it has answered; another's end may be to come
                turn.answer(what.command, accepted=False, reason=reason, data=refused.data)
        else:
            turn.event(f"command.{outcome}", what.command, about)
            turn.answer(what.command, accepted=True, data={"outcome": outcome})

    def _of(self, nouns: str, noun: str, verb: str) -> Handler:
        """Return the handler that is a method of the machine which a parameter names."""
        machines = getattr(self._house, nouns)

        def handle(turn: Turn, asked: Asked[Any]) -> str | None:
            machine = machines.get(getattr(asked.params, noun))
            if machine is None:
                raise Refused(f"unknown-{noun}")
            outcome: str | None = getattr(machine, verb)(turn, asked)
            return outcome

        return handle

    def _battery_test(self, turn: Turn, asked: Asked[Any]) -> None:
        if self._house.power is None:
            raise Refused("no-battery")
        self._house.power.test(turn, asked)


def _is_hidden(what: Commanded) -> bool:
    """Return whether a command is about duress, whether or not there is what it names.

    One given on site never is: what is answered and shown is the same, with such an alarm or none.
    """
    of_duress = what.name == "duress.test" or str(what.params.get("alarm")).startswith("d")
    return what.origin is Origin.MONITOR and of_duress


def _validated(what: Commanded, *, recordable: bool) -> Asked[Any]:
    if what.refusal:
        raise Refused(what.refusal)
    row = COMMANDS.get(what.name)
    if row is None:
        raise Refused("unknown-command")
    if what.origin not in row.origins:
        raise Refused("not-from-here")
    try:
        params = row.params.model_validate(dict(what.params))
    except ValidationError as error:
        raise Refused("bad-params", {"why": unfit.why(row.params, error)}) from error
    alone = what.second in ("", what.by)
    if what.origin is Origin.MONITOR and alone and row.takes_two(params):
        raise Refused("second-operator-needed")
    if not recordable and row.takes_two(params):
        raise Refused(UNRECORDABLE)
    return Asked(what.command, what.name, params, what.by, what.origin, what.second)
