"""Whose signatures count: the first key's, and those of the keys that took over from it. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from agent.journal import rotation
from agent.journal.checkpoint import Checkpoint, first_origin
from agent.journal.note import NoteRefused, Verifier, signers
from agent.monitor.heard import Unreadable
from agent.monitor.said import Matter, Word

STRANGERS_MOST = 256
REPLACED_S = 90.0  # for so long after it was replaced what a key has signed may be on its way


class Keyring:
    """One record's.

    Attributes:
        origin: name of the site's first log, and of its keys.
        keys: each with the number of the event from which on it signs; none until one is known.

    Args:
        origin: see above.
        keys: known beforehand; otherwise the first one that is seen counts.
        now_s: the present.
    """

    def __init__(
        self, origin: str, keys: Iterable[tuple[int, Verifier]] = (), now_s: float = 0.0
    ) -> None:
        self.origin = origin
        self.keys = list(keys)
        self._changed_s = now_s  # when we heard of the last key, as far as we know
        self._strangers: set[str] = set()

    def introduce(self, vkey: str) -> Iterator[Word]:
        """Take the key that the gateway says is its own."""
        try:
            given = Verifier.parse(vkey)
        except NoteRefused as error:
            raise Unreadable(str(error)) from error
        key = Verifier(first_origin(given.name), given.key)
        if key.name != self.origin:
            yield from self._stranger(key, f"the gateway's key is called {key.name}")
        elif not self.keys:
            self.keys.append((1, key))
            text = f"the record's key is taken on trust: {key}; compare it with the gateway's own"
            yield Matter.KEY_PINNED, text, {"vkey": str(key)}
        elif key not in (known for _, known in self.keys):
            yield from self._stranger(key, f"the gateway shows another key than {self.keys[-1][1]}")

    def rotate(self, number: int, statement: str, now_s: float) -> Iterator[Word]:
        """Take a change of the key; only the two keys together can make one.

        Args:
            number: of the event from which on the new key signs.
            statement: see `agent.journal.rotation`.
            now_s: the present.
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
            self._changed_s = now_s
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

    def now(self, origin: str, now_s: float) -> list[Verifier]:
        """Return the keys that sign what is said now, under the name of a log of the site's.

        The last one; and the one before, for what was on its way when it was replaced. Whoever
        has stolen an older one has nothing of it.
        """
        since = -2 if now_s - self._changed_s <= REPLACED_S else -1
        return [Verifier(origin, key.key) for _, key in self.keys[since:]]

    def verifiers(self) -> list[Verifier]:
        """Return all keys, of whatever time."""
        return [key for _, key in self.keys]
