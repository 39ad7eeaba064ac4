"""Whose signatures on checkpoints count: the first key, and those that took over from it. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from agent.journal import rotation
from agent.journal.checkpoint import Checkpoint, first_origin
from agent.journal.note import NoteRefused, Verifier, signers
from agent.monitor.heard import Unreadable
from agent.monitor.said import Matter, Word

STRANGERS_MOST = 256


class Keyring:
    """One record's.

    Attributes:
        keys: each with the number of the event from which on it signs; none until one is known.

    Args:
        origin: name of the site's log, and of its keys.
        keys: known beforehand; otherwise the first one that is seen counts.
    """

    def __init__(self, origin: str, keys: Iterable[tuple[int, Verifier]] = ()) -> None:
        self._origin = origin
        self.keys = list(keys)
        self._strangers: set[str] = set()

    def introduce(self, vkey: str) -> Iterator[Word]:
        """Take the key that the gateway says is its own."""
        try:
            given = Verifier.parse(vkey)
        except NoteRefused as error:
            raise Unreadable(str(error)) from error
        key = Verifier(first_origin(given.name), given.key)
        if key.name != self._origin:
            yield from self._stranger(key, f"the gateway's key is called {key.name}")
        elif not self.keys:
            self.keys.append((1, key))
            text = f"the record's key is taken on trust: {key}; compare it with the gateway's own"
            yield Matter.KEY_PINNED, text, {"vkey": str(key)}
        elif key not in (known for _, known in self.keys):
            yield from self._stranger(key, f"the gateway shows another key than {self.keys[-1][1]}")

    def rotate(self, number: int, statement: str) -> Iterator[Word]:
        """Take a change of the key; only the two keys together can make one.

        Args:
            number: of the event from which on the new key signs.
            statement: see `agent.journal.rotation`.
        """
        try:
            old, new = rotation.opened(statement)
        except NoteRefused as error:
            text = f"the event {number} names a new key, and not both keys have signed that"
            yield Matter.KEY_CHANGED, f"{text}: {error}", {"seq": number}
            return
        known = [key for _, key in self.keys]
        if not known or new in known[1:] or (new == known[0] and old == new):
            return
        if old == known[-1]:
            self.keys.append((number, new))
            text = f"from the event {number} on the record has a new key, which the old one names"
            yield Matter.KEY_ROTATED, f"{text}: {new}", {"seq": number, "vkey": str(new)}
        elif new == known[0]:
            self.keys[:1] = [(1, old), (number, new)]
        elif old not in known:
            yield from self._stranger(new, f"the event {number} names a new key, by {old}")

    def _stranger(self, key: Verifier, text: str) -> Iterator[Word]:
        if str(key) not in self._strangers and len(self._strangers) < STRANGERS_MOST:
            self._strangers.add(str(key))
            yield Matter.KEY_CHANGED, f"{text}: {key}", {"vkey": str(key)}

    def opened(self, note: str) -> Checkpoint:
        """Read a checkpoint that the key of its time has signed.

        Raises:
            NoteRefused: it is none.
        """
        claimed = Checkpoint.parse(note.rpartition("\n\n")[0] + "\n")
        at = bisect_right([number for number, _ in self.keys], claimed.last_number)
        return Checkpoint.open(note, [self.keys[max(0, at - 1)][1]])

    def is_strange(self, note: str) -> bool:
        """Return whether nobody is among the signers whom we know; a key may yet be named.

        Raises:
            NoteRefused: it is no note.
        """
        ids = {number for _, number in signers(note)}
        names = {name for name, _ in signers(note)}
        known = {Verifier(name, key.key).number for name in names for _, key in self.keys}
        return not ids & known

    def verifiers(self) -> list[Verifier]:
        """Return all keys, of whatever time."""
        return [key for _, key in self.keys]
