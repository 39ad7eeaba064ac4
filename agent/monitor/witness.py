"""The record's checkpoints, as a witness keeps them: each continues the last. Pure.

Semantics of C2SP tlog-witness: what is kept only ever moves to a checkpoint that is signed by
the record's key and proved to continue the one before. Everything else is said aloud.
"""

from __future__ import annotations

import base64
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from math import inf
from typing import Any

from agent.journal.checkpoint import Checkpoint
from agent.journal.note import NoteRefused, Verifier, open_note
from agent.journal.proving import followed
from agent.monitor.keyring import Keyring
from agent.monitor.patience import Overdue
from agent.monitor.said import Matter, Word

KNOWN_MOST = 256
PASSED_MOST = 64  # steps from one kept checkpoint to the next, of a minute or more
LATE_S = 60.0  # for so long a slow path may bring what another has overtaken
ASK_AGAIN_S = 10.0
STRANGE_S = 60.0


class Witness:
    """One record's.

    Attributes:
        keyring: whose signatures count.
        kept: the last checkpoint that was signed and proved.
        note: that one as it was signed.
        statement: what the gateway says of the record that its own continues.

    Args:
        keyring: whose signatures count.
        note: the checkpoint that was kept before a restart of ours.
        known: roots that were kept before it, by size, of the same log.
        now_s: the present.
    """

    def __init__(
        self,
        keyring: Keyring,
        note: str = "",
        known: Iterable[tuple[int, bytes]] = (),
        now_s: float = 0.0,
    ) -> None:
        self.keyring = keyring
        self.kept: Checkpoint | None = None
        self.note = ""
        self.statement = ""
        self._known: OrderedDict[tuple[str, int], tuple[bytes, float]] = OrderedDict()
        self._passed: deque[tuple[int, int, float]] = deque(maxlen=PASSED_MOST)
        self._newest: Checkpoint | None = None  # signed, and not proved yet
        self._proof = Overdue()
        self._asked_s = -inf
        self._held = ""  # signed by somebody whom we do not know yet ...
        self._held_s = 0.0  # ... and since when
        if keyring.keys and note:
            found = keyring.opened(note)
            self._known.update({(found.origin, size): (root, now_s) for size, root in known})
            self._keep(found, note, now_s)

    @property
    def is_waiting(self) -> bool:
        """Return whether a checkpoint was heard whose signature or history is not clear yet."""
        return bool(self._held) or self._newest is not None

    @property
    def signed(self) -> int:
        """Return the number up to which a checkpoint was heard."""
        return max(found.last_number if found else 0 for found in (self.kept, self._newest))

    # The key

    def introduce(self, vkey: str, now_s: float) -> Iterator[Word]:
        """Take the key that the gateway says is its own; see `Keyring.introduce`."""
        yield from self.keyring.introduce(vkey)
        yield from self._retry(now_s)

    def rotate(self, number: int, statement: str, now_s: float) -> Iterator[Word]:
        """Take a change of the key; see `Keyring.rotate`."""
        yield from self.keyring.rotate(number, statement, now_s)
        yield from self._retry(now_s)

    def _retry(self, now_s: float) -> Iterator[Word]:
        """Look again at a checkpoint that somebody unknown had signed."""
        if self._held and self.keyring.keys:
            held, since_s, self._held = self._held, self._held_s, ""
            yield from self.take(held, now_s)
            self._held_s = since_s

    # What is signed

    def take(
        self, note: str, now_s: float, *, retained: bool = False, again: bool = False
    ) -> Iterator[Word]:
        """Take a checkpoint.

        Args:
            note: as it came.
            now_s: the present.
            retained: the broker had kept it.
            again: the broker may have delivered it before.
        """
        try:
            if self.keyring.is_strange(note):
                self._held, self._held_s = note, self._held_s if self._held else now_s
                return
            found = self.keyring.opened(note)
        except NoteRefused as error:
            yield Matter.SIGNATURE_FALSE, f"a checkpoint that is not the record's: {error}", {}
            return
        kept = self.kept
        if kept is None:
            self._keep(found, note, now_s)
            text = f"the record is held to its checkpoint over {found.size} events from now on"
            yield Matter.CHECKPOINT, text, _facts(found)
        elif found.origin != kept.origin:
            yield from self._succeeded(kept, found, note, now_s)
        elif found.size > kept.size:
            yield from self._take_newer(found, now_s)
        elif not (again and self._is_known(found)):
            yield from self._take_older(kept, found, now_s, retained=retained)

    def _take_newer(self, found: Checkpoint, now_s: float) -> Iterator[Word]:
        newest = self._newest
        if self._known.get((found.origin, found.size), (found.root, 0.0))[0] != found.root:
            yield _forked(found)
            return
        self._remember(found, now_s)
        if newest is None or found.size > newest.size:
            self._newest = found

    def _take_older(
        self, kept: Checkpoint, found: Checkpoint, now_s: float, *, retained: bool
    ) -> Iterator[Word]:
        root, since_s = self._known.get((found.origin, found.size), (None, -inf))
        # A path that was away may not have had it, and one that is slow bring it all the same.
        passed_s = max((at for a, b, at in self._passed if a < found.size < b), default=-inf)
        if root not in (None, found.root):
            yield _forked(found)
        elif found.size < kept.size and (retained or now_s - max(since_s, passed_s) > LATE_S):
            text = (
                f"a checkpoint over {found.size} events came after one over {kept.size}: the "
                "record was rolled back, or somebody replays"
            )
            yield Matter.ROLLED_BACK, text, _facts(found)

    def _is_known(self, found: Checkpoint) -> bool:
        return self._known.get((found.origin, found.size), (None, 0.0))[0] == found.root

    # What is proved

    def asks(self, now_s: float) -> int | None:
        """Return the size to ask a proof for now, if one is wanted."""
        if self._newest is None or self.kept is None or now_s - self._asked_s < ASK_AGAIN_S:
            return None
        self._asked_s = now_s
        return self.kept.size

    def overdue(self, now_s: float, spent_s: float) -> Iterator[Word]:
        """Say so when a newer checkpoint is not proved, or nobody knows who has signed one.

        Args:
            now_s: the present.
            spent_s: for how long somebody could have proved it; see `Patience`.
        """
        if self._held and self.keyring.keys and now_s - self._held_s >= STRANGE_S:
            self._held = ""
            yield Matter.SIGNATURE_FALSE, "a checkpoint is signed by somebody unknown", {}
        newest = self._newest
        waited = self.kept if newest is not None else None
        if self._proof.is_over(waited, spent_s) and newest and self.kept:
            text = (
                f"nobody proves that the checkpoint over {newest.size} events continues the one "
                f"over {self.kept.size}"
            )
            yield Matter.UNPROVED, text, _facts(newest)

    def prove(self, said: str, now_s: float) -> Iterator[Word]:
        """Take a proof."""
        if self.kept is None:
            return
        note = said.partition("\n\n")[2]
        try:
            if self.keyring.is_strange(note):
                return
            self.keyring.opened(note)
            newer = followed(said, self.kept, self.keyring.verifiers())
        except NoteRefused as error:
            yield Matter.NOT_CONTINUED, f"a proof does not hold: {error}", {}
            return
        if newer is None or newer.size <= self.kept.size:
            return
        if self._known.get((newer.origin, newer.size), (newer.root, 0.0))[0] != newer.root:
            yield _forked(newer)
        self._keep(newer, note, now_s)
        text = f"the checkpoint over {newer.size} events continues the one before"
        yield Matter.CHECKPOINT, text, _facts(newer)

    def known(self, most: int) -> list[tuple[int, bytes]]:
        """Return the last roots of the present log, by size: what may come again for a while."""
        origin = self.kept.origin if self.kept else ""
        found = [(size, root) for (name, size), (root, _) in self._known.items() if name == origin]
        return found[-most:]

    def _keep(self, found: Checkpoint, note: str, now_s: float) -> None:
        for overtaken in (self.kept, self._newest, found):
            if overtaken is not None:
                self._remember(overtaken, now_s)
        if self.kept is not None and self.kept.origin == found.origin:
            self._passed.append((self.kept.size, found.size, now_s))
        self.kept, self.note, self._asked_s = found, note, -inf
        newest = self._newest
        if newest is None or newest.origin != found.origin or newest.size <= found.size:
            self._newest = None

    def _remember(self, found: Checkpoint, now_s: float) -> None:
        """Keep what was signed, for another path may bring it after a newer one."""
        self._known[found.origin, found.size] = found.root, now_s
        while len(self._known) > KNOWN_MOST:
            self._known.popitem(last=False)

    # A record that continues another

    def _succeeded(
        self, kept: Checkpoint, found: Checkpoint, note: str, now_s: float
    ) -> Iterator[Word]:
        if found.first_number <= kept.first_number:
            text = f"a checkpoint of {found.origin}, which {kept.origin} has succeeded"
            yield Matter.ROLLED_BACK, text, _facts(found)
            return
        self._keep(found, note, now_s)
        text = f"a new record, {found.origin}, continues {kept.origin}: {self._told(kept, found)}"
        yield Matter.SUCCEEDED, text, _facts(found)

    def _told(self, kept: Checkpoint, found: Checkpoint) -> str:
        """Return what the statement says of the succession, held against what was kept."""
        try:
            text = self._stated(kept, found)
        except NoteRefused as error:
            return f"nothing that is signed says why ({error})"
        match text.split("\n"):
            case [found.origin, continues, size, root, reason, ""] if (
                continues == f"continues {kept.origin}" and size.isdecimal() and len(size) < 20
            ):
                if int(size) < kept.size:
                    forgotten = f"{int(size) + kept.first_number} to {kept.last_number}"
                    return (
                        f"it does not know of the events {forgotten}, which were signed; {reason}"
                    )
                if int(size) == kept.size and root != base64.b64encode(kept.root).decode():
                    return f"it continues another past than the one that was signed; {reason}"
                return reason
        return "its statement is about other records"

    def _stated(self, kept: Checkpoint, found: Checkpoint) -> str:
        keys = [key.key for key in self.keyring.verifiers()]
        open_note(self.statement, [Verifier(kept.origin, key) for key in keys])
        return open_note(self.statement, [Verifier(found.origin, key) for key in keys])


def _forked(found: Checkpoint) -> Word:
    text = f"two different records of {found.size} events are signed: one of them is not the truth"
    return Matter.FORKED, text, _facts(found)


def _facts(found: Checkpoint) -> dict[str, Any]:
    root = base64.b64encode(found.root).decode()
    return {"origin": found.origin, "size": found.size, "root": root, "last": found.last_number}
