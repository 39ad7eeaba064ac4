"""A door: its leaf, and what says why it opened: a grant, somebody leaving, a key.

An opening belongs to a grant when it is dated between the grant and the end of its release.
Everything else that opens is forced, unless somebody asked to leave a moment before. Leaving is
mechanical or hardwired: here it only informs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.site import tables
from agent.site.access import Access
from agent.site.assist import Assistance
from agent.site.commands import Asked, DoorNamed
from agent.site.identification import RECOGNISED_US
from agent.site.inputs import Json, PointState
from agent.site.machine import SECOND_US, Machine, State
from agent.site.point import SEEING_US, Change
from agent.site.session import Sessions
from agent.site.strike import Strike
from agent.site.value import replace

if TYPE_CHECKING:
    from agent.site.house import House
    from agent.site.turn import Turn

KEY_PEOPLE, KEY_US = 2, 60 * SECOND_US  # who must identify after an override key is turned
BOLT_US = 5 * SECOND_US  # a bolt has moved by then, and agrees with the leaf and the strike


class Leaf(State, frozen=True, kw_only=True):
    """What is known of a door. Times are monotonic, of this boot. A restart forgets who leaves.

    Attributes:
        open_us: when it opened; None while it is closed or was never seen.
        held: whether it was told that it is held open.
        exit_us: when leaving was last asked for.
        exits_us: since when it was asked for again and again, each time within `rex_shunt_s`.
        key_us: when the override key was turned; None while it is not.
        disagrees: whether it was told that bolt, leaf and strike do not agree.
    """

    open_us: int | None = None
    held: bool = False
    exit_us: int | None = None
    exits_us: int | None = None
    key_us: int | None = None
    disagrees: bool = False


class Door(Machine[Leaf]):
    """One door."""

    noun = "door"

    def __init__(self, given: tables.Door, house: House) -> None:
        super().__init__(house.register, given.id, Leaf())
        self.plan = given
        self._house = house
        self._area = house.areas[given.area]
        self._area.doors.append(self)
        self.contact = house.point(given.contact).watch(self.key, self._moved, given.debounce_ms)
        self.area, self.device = given.area, self.contact.device
        bolt = house.point(given.bolt) if given.bolt else None
        self._bolt = bolt.watch(self.key, self._bolt_moved) if bolt else None
        if given.rex:
            house.point(given.rex).watch(self.key, self._exit_asked)
        if given.override_key:
            house.point(given.override_key).watch(self.key, self._key_turned)
        self.strike = Strike(given, house, self)
        self.sessions = Sessions(given, house)
        self.access = Access(given, house, self)
        self.assistance = Assistance(house, self)

    @property
    def disarms(self) -> bool:
        """Whether a grant at it disarms its area."""
        return self.plan.on_armed == "disarm"

    @property
    def devices(self) -> set[str]:
        """The devices without which it cannot be watched and opened."""
        return {self.contact.device, self.strike.device, *self.plan.reader_in}

    def is_closed(self) -> bool:
        """Return whether the door is surely closed."""
        return self.contact.is_normal()

    def is_shut(self) -> bool:
        """Return whether it is closed, locked, and will stay so unless somebody is let in."""
        return self.is_closed() and self.strike.locked

    def is_normal(self) -> bool:
        return self.is_closed() and not self.state.disagrees

    def release(self, turn: Turn, persons: tuple[str, ...]) -> int:
        """Let people in whose grant was just decided; return the action that does."""
        action = self.strike.release(turn, persons)
        self.sessions.begin(turn, persons, action)
        self._house.filming.at_work(turn, self.key, persons)
        return action

    def undo(self, turn: Turn, persons: tuple[str, ...], action: int) -> None:
        """Take back a grant that could not be recorded in time, by its action."""
        self.sessions.withdraw(action)
        self.access.undo(turn, persons)

    def assist(self, turn: Turn, asked: Asked[DoorNamed]) -> str:
        """`door.assist`: see `Assistance`."""
        return self.assistance.give(turn, asked)

    def locked(self, turn: Turn) -> None:
        """Hear that the strike is locked again."""
        self._see_to_bolt(turn)

    def leaving(self, turn: Turn) -> None:
        """Hear that somebody is about to leave by it."""
        self._leave(turn.at_us)

    def _leave(self, at_us: int) -> None:
        """Note that leaving is asked for; an opening of just before may still be settling."""
        since_us = self.state.exits_us if self._left(at_us) else at_us
        self.state = replace(self.state, exit_us=at_us, exits_us=since_us)

    def on_timer(self, turn: Turn, name: str) -> None:
        match name:
            case "prewarn":
                self.say(turn, "door.held_warned", left_s=self.plan.prewarn_s)
                self._area.buzz(turn)
            case "held":
                self.state = replace(self.state, held=True)
                self.say(turn, "door.held", held_s=self.plan.held_s)
            case "bolt":
                self._check_bolt(turn)
            case "key":
                self._check_key(turn)

    def on_configured(self, turn: Turn) -> None:
        """Its leaf goes on as it was, and whoever is leaving leaves."""

    def on_restart(self, turn: Turn) -> None:
        open_us = None if self.state.open_us is None else turn.at_us
        key_us = None if self.state.key_us is None else min(self.state.key_us, turn.at_us)
        self.state = replace(
            self.state, open_us=open_us, key_us=key_us, exit_us=None, exits_us=None
        )
        if self.runs("held"):  # it may have been closed meanwhile: that is seen first
            self.start(turn, "held", max(self.left_us(turn, "held"), SEEING_US))
        if self.runs("prewarn") and not self.left_us(turn, "prewarn"):
            self.stop("prewarn")

    def _exit_asked(self, turn: Turn, change: Change) -> None:
        if change.after is PointState.ALARM:
            self._leave(change.at_us)
            at = turn.now.at(change.at_us)
            self.say(turn, "door.exit_requested", device=change.device, at=at)

    def _moved(self, turn: Turn, change: Change) -> None:
        match change.after:
            case PointState.UNKNOWN:
                return  # the board is away, which is told of the board
            case PointState.NORMAL:
                self._closed(turn, change)
            case _:
                self._opened(turn, change)
        self._see_to_bolt(turn)

    def _opened(self, turn: Turn, change: Change) -> None:
        at_us, at = change.at_us, turn.now.at(change.at_us)
        grant = self.strike.opened(turn, at_us)
        if change.after is not PointState.ALARM:  # a cut or shorted wire is no opening
            self._forced(turn, change)
        elif self.state.open_us is not None:
            pass  # it is open, and its wire is mended
        elif grant:
            self.say(turn, "door.opened", at=at, persons=list(grant.persons))
            self._area.passback.entered(turn, self, grant.persons)
        elif self._left(at_us):
            self.say(turn, "door.opened", at=at, exit=True)
        elif self.state.key_us is not None and self.state.key_us <= at_us:
            self.say(turn, "door.opened", at=at, key=True)
        elif change.before is PointState.UNKNOWN:  # it was open when it was first seen
            self.say(turn, "door.opened", at=at)
        else:
            self._forced(turn, change)
        self._hold(turn, at_us)

    def _forced(self, turn: Turn, change: Change) -> None:
        self.say(turn, "door.forced", at=turn.now.at(change.at_us), state=str(change.after))
        self._area.sound(turn)

    def _hold(self, turn: Turn, at_us: int) -> None:
        if self.state.open_us is None:
            self.state = replace(self.state, open_us=at_us)
            held_us = self.plan.held_s * SECOND_US
            self.start(turn, "held", held_us, at_us)
            self.start(turn, "prewarn", held_us - self.plan.prewarn_s * SECOND_US, at_us)

    def _left(self, at_us: int) -> bool:
        first_us, last_us = self.state.exits_us, self.state.exit_us
        if first_us is None or last_us is None:
            return False
        return first_us <= at_us <= last_us + self.plan.rex_shunt_s * SECOND_US

    def _closed(self, turn: Turn, change: Change) -> None:
        if self.state.open_us is None:  # first seen, and closed
            return
        at, held = turn.now.at(change.at_us), self.state.held
        open_s = (change.at_us - self.state.open_us) // SECOND_US
        self.stop("held", "prewarn")
        self.state = replace(self.state, open_us=None, held=False)
        self.say(turn, "door.closed", at=at)
        if held:
            self.say(turn, "door.held_ended", at=at, open_s=open_s)

    def _bolt_moved(self, turn: Turn, change: Change) -> None:
        self._see_to_bolt(turn)

    def _see_to_bolt(self, turn: Turn) -> None:
        if self._bolt is not None:
            self.start(turn, "bolt", BOLT_US)

    def _check_bolt(self, turn: Turn) -> None:
        """Tell once when bolt, leaf and strike do not agree: thrown behind a locked, shut door."""
        bolt = self._bolt
        if bolt is None or not bolt.known or not self.contact.known or not self.strike.locked:
            return
        disagrees = bolt.is_normal() != self.is_closed()
        if disagrees and not self.state.disagrees:
            reason = "bolt-thrown" if bolt.is_normal() else "bolt-not-thrown"
            self.say(turn, "door.lock_fault", device=bolt.device, reason=reason)
        self.state = replace(self.state, disagrees=disagrees)

    def _key_turned(self, turn: Turn, change: Change) -> None:
        turned = change.after not in (PointState.NORMAL, PointState.UNKNOWN)
        self.state = replace(self.state, key_us=change.at_us if turned else None)
        if change.after is not PointState.UNKNOWN:
            before, after = str(change.before), str(change.after)
            key = self.plan.override_key or ""
            self.say(turn, "point.changed", about=key, before=before, state=after)
        if turned and not self.runs("key"):  # turned again it is due as it was
            self.start(turn, "key", KEY_US + 1, change.at_us, RECOGNISED_US)

    def _check_key(self, turn: Turn) -> None:
        turned_us = turn.at_us - KEY_US - 1
        if len(self._house.keepers(turn, turned_us)) < KEY_PEOPLE:
            self.say(turn, "door.forced", state="override-key")
            self._area.sound(turn)

    def view(self) -> Json:
        """Return its present state."""
        return {
            "id": self.id,
            "area": self.area,
            "contact": self.contact.view(),
            "strike": self.strike.view(),
            "held": self.state.held,
            "access": self.access.view(),
        }
