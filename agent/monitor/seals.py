"""Whether a heartbeat is the gateway's own: who has signed it, for which site and path. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from agent.journal.checkpoint import first_origin
from agent.journal.note import NoteRefused, open_note
from agent.monitor.heard import Heard
from agent.monitor.keyring import Keyring
from agent.monitor.said import Matter, Word
from agent.uplink import heartbeat
from agent.uplink.feed import Heartbeat

STRANGE_S = 60.0  # a key may be named a moment after it has signed


class Hand(Enum):
    """Whose hand a heartbeat shows."""

    UNJUDGED = "no key is known to judge by"
    UNSIGNED = "nobody's"
    STRANGE = "somebody's whose key may yet be named"
    FALSE = "not the gateway's"
    TRUE = "the gateway's"


class Seal(Struct, frozen=True):
    """What is found of a heartbeat's signature; `why` says what is false about it."""

    hand: Hand
    why: str = ""


class Seals:
    """One site's.

    Args:
        keyring: whose signatures count.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._held = ""  # signed by somebody whom we do not know yet ...
        self._held_s = 0.0  # ... and since when

    def judged(self, said: Heard, beat: Heartbeat, now_s: float) -> Seal:
        """Judge a heartbeat by the keys that sign now.

        Args:
            said: as it came.
            beat: what it says.
            now_s: the present.
        """
        if not self._keyring.keys:
            return Seal(Hand.UNJUDGED)
        if beat.signature is None:
            return Seal(Hand.UNSIGNED)
        try:
            note = heartbeat.note(said.payload)
            if self._keyring.is_strange(note):
                if not self._held:
                    self._held, self._held_s = note, now_s
                return Seal(Hand.STRANGE)
            open_note(note, self._keyring.now(beat.origin or "", now_s))
        except NoteRefused as error:
            return Seal(Hand.FALSE, str(error))
        wrong = self._misplaced(said, beat)
        return Seal(Hand.FALSE, wrong) if wrong else Seal(Hand.TRUE)

    def _misplaced(self, said: Heard, beat: Heartbeat) -> str:
        """Return what a signed heartbeat was made for, if it was not for this."""
        if beat.site != said.site or first_origin(beat.origin or "") != self._keyring.origin:
            return f"it was made for the site {beat.site}, by {beat.origin}"
        if said.topic != f"heartbeat/{beat.path}":
            return f"it was made for the path {beat.path}"
        if beat.boot is None or beat.mono is None:
            return "it does not say of which boot it is"
        return ""

    def overdue(self, now_s: float) -> Iterator[Word]:
        """Say so when nobody names the key that a heartbeat was signed with."""
        if self._held and now_s - self._held_s >= STRANGE_S:
            held, self._held = self._held, ""
            if self._keyring.is_strange(held):
                yield Matter.HEARTBEAT_FORGED, "a heartbeat is signed by somebody unknown", {}
