"""Whether another site file may hold from now on, and the change from one to the other.

It is a restart of the rules in the middle of a run: permissions die, alarm timers go on. What
goes on telling, its points, its paths and the gateway's power, is not forgotten over it.
"""

from __future__ import annotations

from agent.site.commands import Refused
from agent.site.house import House
from agent.site.inputs import Configured, Json, Origin
from agent.site.machine import by_name
from agent.site.turn import Turn

NAME = "site.reload"
# Whose actions nothing may come between; a camera goes on with its clip.
MOVERS = frozenset({"strike", "sounder", "fingers"})


def take(house: House, turn: Turn, what: Configured) -> House:
    """Return the house by the new file, or the same one where it is refused; answer either way."""
    try:
        persons = _judge(house, turn, what)
    except Refused as refused:
        about: dict[str, Json] = {"name": NAME, "by": what.by, "origin": str(Origin.LOCAL)}
        turn.event("command.refused", what.command, about | {"reason": str(refused)})
        turn.answer(what.command, accepted=False, reason=str(refused), data=refused.data)
        return house
    after, onward = _change(house, turn, what, persons)
    onward.answer(what.command, accepted=True, data={"weaker": list(what.weaker)})
    return after


def _judge(house: House, turn: Turn, what: Configured) -> list[str]:
    """Return the officers who stand for it, nobody where nothing protects less.

    Raises:
        Refused: not now, or not without two officers.
    """
    if what.plan.site.id != house.plan.site.id:
        raise Refused("other-site")
    if any(area.state.mode != "disarmed" for area in house.areas.values()):
        raise Refused("armed")
    if house.storage.failed:
        raise Refused("journal-unavailable")
    if _moves(house):
        raise Refused("moving")
    if not what.weaker or house.enrolment.bootstrapping:
        return []
    try:
        return house.two_officers(turn)
    except Refused as refused:
        raise Refused(str(refused), {"weaker": list(what.weaker)}) from refused


def _moves(house: House) -> bool:
    """Return whether an answer is awaited, a strike is not locked, or the gateway stops."""
    waits = any(one.awaited() for one in house.machines.values() if one.noun in MOVERS)
    stops = house.power is not None and house.power.state.stopping
    return waits or stops or not all(door.strike.locked for door in house.doors.values())


def _change(before: House, turn: Turn, what: Configured, persons: list[str]) -> tuple[House, Turn]:
    """Return the house by the new file, and the turn that goes on in it."""
    turn.step.changes.update(before.register.take_changes())
    house = House(what.plan, before.register.saved)
    onward = Turn(house, turn.now)
    onward.at_us, onward.step = turn.at_us, turn.step
    house.system.configured(onward, what, persons)
    house.keep_paths(what.paths)
    start = turn.now.at(turn.at_us)
    for key, machine in list(house.machines.items()):
        if key not in before.machines:  # it may have been in a file of long ago: as at a start
            machine.wake(start, other_boot=True)
            machine.on_restart(onward)
        machine.on_configured(onward)
    for point in by_name(house.points).values():
        point.introduce(onward)
    return house, onward
