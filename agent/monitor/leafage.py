"""Whether the events that were told are the leaves of the record's tree. Pure.

What was told is kept until its leaf has been shown. The tree grows by those leaves; where a
checkpoint that the witness keeps has its size, it must have its root.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator, Iterable, Iterator
from hashlib import sha256
from itertools import takewhile

from msgspec import Struct, field

from agent.journal.checkpoint import Checkpoint
from agent.journal.leaves import leaf_of
from agent.journal.ranges import Ranges, Span
from agent.journal.tree import HASH, Frontier
from agent.monitor.bare import BareLeaves, given_up
from agent.monitor.heard import Unreadable
from agent.monitor.said import Matter, Word, numbered
from agent.uplink.feed import LeafProofs

BODIES_MOST = 5_000  # events kept whole; others are asked for again when their turn comes
KNOWN_MOST = 50_000  # numbers of which the digest is kept
WAYS_MOST = 4  # in which one number may be told
DIGEST = 16
ASK_AGAIN_S = 5.0

_NONE = Ranges()


class Ways(Struct):
    """How one number was told, the first way first.

    Attributes:
        digests: of each.
        bodies: those that are still here.
    """

    digests: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


class _Leaf(Struct, frozen=True):
    """One leaf; without a body it is no proof of an event that was told, but see `bare`."""

    hash: bytes
    body: bytes | None = None


class Leafage:
    """One record's.

    Attributes:
        proven: the number up to which what was told is what is signed.
        bare: leaves of which only the hash was shown, and nothing signed says why.
        settled: numbers of which it was said once whether they are the record's; the tree may
            have to grow over them again.

    Args:
        proven: before a restart of ours.
        began: with which number it was begun then.
        digests: of events that were told and not proved then.
        bare: numbers of such leaves then.
        settled: as it was then.
        now_s: the present.
    """

    def __init__(
        self,
        proven: int | None = None,
        began: int | None = None,
        digests: Iterable[tuple[int, bytes]] = (),
        bare: Ranges = _NONE,
        settled: Ranges = _NONE,
        now_s: float = 0.0,
    ) -> None:
        self.proven = proven
        self.bare = BareLeaves(bare, now_s)
        self.settled = settled
        self._began = began
        self._given_up: list[Span] = []  # as events say that are leaves of our own growing
        self._at = proven  # up to which number the tree has grown
        self._peaks: tuple[bytes, ...] | None = None  # of our own growing
        self._whole = 0
        self._told = {seq: Ways([digest]) for seq, digest in digests}
        self._again: set[int] = set()
        self._accused: set[int] = set()
        self._asked_s = self._again_s = float("-inf")

    # What is told

    def take(self, seq: int, body: bytes) -> Generator[Word, None, bool]:
        """Take an event; say so when its number was told with another one.

        Return whether it may be true although it is not what was told first: whoever guesses a
        number must not have the event under it kept from people.
        """
        digest = sha256(body).digest()[:DIGEST]
        ways = self._told.get(seq)
        if ways is None:
            if self._at is not None and seq <= self._at:
                return False  # shown to be what is recorded, long ago
            ways = self._told[seq] = Ways()
            if len(self._told) > KNOWN_MOST:
                self._forget(next(iter(self._told)))
        shown = self._at is not None and seq <= self._at
        if digest in ways.digests:
            if body not in ways.bodies and not shown:
                self._hold(seq, ways, body)
        elif not shown or len(ways.digests) < WAYS_MOST:
            contradicted = bool(ways.digests)
            ways.digests.append(digest)
            if not shown:
                self._hold(seq, ways, body)
            if len(ways.digests) > WAYS_MOST:
                self._displace(ways)
            if contradicted:
                text = f"the event {seq} is told in two ways: one of them is not the truth"
                yield Matter.EVENT_CHANGED, text, {"seq": seq}
                return not shown
        return False

    def _displace(self, ways: Ways) -> None:
        """Forget the second way of too many: the first says what was told, the last may be true."""
        gone = ways.digests.pop(1)
        kept = [body for body in ways.bodies if sha256(body).digest()[:DIGEST] != gone]
        self._whole -= len(ways.bodies) - len(kept)
        ways.bodies = kept

    def _hold(self, seq: int, ways: Ways, body: bytes) -> None:
        if self._whole < BODIES_MOST or seq in self._again:
            ways.bodies.append(body)
            self._whole += 1
        if seq in self._again:
            self._again.discard(seq)
            self._asked_s = float("-inf")

    def _forget(self, seq: int) -> None:
        self._whole -= len(self._told.pop(seq).bodies)
        self._accused.discard(seq)

    # What is shown

    def begin(self, first: int) -> None:
        """Begin with this number; go back to it where it was begun later."""
        if self._at is None:
            self._at = first - 1
        if self._began is None:
            self._began = first
        elif first < self._began:
            self._settle()
            self.proven, self._began = None, first
            self.restart(first)

    def succeed(self, first: int, came: Ranges) -> Iterator[Word]:
        """Begin with a record's first number, and say what of those before nobody can prove."""
        if self._at is not None and self._at + 1 < first:
            self._settle()
            self.restart(first)
        lost = (Ranges(((0, first - 1),)) & came) - self.settled
        if lost:
            self.settled |= lost
            text = (
                f"the events {numbered(lost.spans)} are of a record before this one, which begins "
                f"with {first}: nobody can prove them"
            )
            yield Matter.UNPROVABLE, text, {"ranges": [list(span) for span in lost.spans]}

    def _settle(self) -> None:
        if self.proven is not None and self._began is not None and self._began <= self.proven:
            self.settled |= Ranges.of([(self._began, self.proven)])

    def restart(self, first: int) -> None:
        """Begin anew with this number, in whatever tree it is."""
        self._at, self._peaks = first - 1, None
        self._given_up.clear()

    def wants(self, kept: Checkpoint, complete_to: int, now_s: float) -> tuple[int, int] | None:
        """Return which leaves to ask for now.

        Args:
            kept: the checkpoint to grow to.
            complete_to: up to where no event is missing.
            now_s: the present.
        """
        last = min(kept.last_number, complete_to)
        if self._at is None or last <= self._at or now_s - self._asked_s < ASK_AGAIN_S:
            return None
        self._asked_s = now_s
        return self._at + 1, last

    @property
    def next(self) -> int | None:
        """Return the number that is to be shown next, once it is clear."""
        return None if self._at is None else self._at + 1

    def again(self, now_s: float) -> Ranges:
        """Return the numbers whose events must be told again to be shown."""
        if now_s - self._again_s < ASK_AGAIN_S:
            return Ranges()
        self._again_s = now_s
        return Ranges.of((seq, seq) for seq in self._again)

    def show(
        self, said: LeafProofs, kept: Checkpoint, came: Ranges, now_s: float
    ) -> Iterator[Word]:
        """Take leaves; nothing happens when they are for somebody else.

        Args:
            said: the leaves.
            kept: the checkpoint to grow to.
            came: numbers whose events were told.
            now_s: the present.

        Raises:
            Unreadable: they are none.
        """
        if self._at is None or said.origin != kept.origin or said.first != self._at + 1:
            return
        size = self._at + 1 - kept.first_number
        before = [_bytes(node, HASH) for node in said.before]
        proofs = [_bytes(proof) for proof in said.proofs][: kept.last_number - self._at]
        if size < 0 or len(before) != size.bit_count() or not proofs:
            raise Unreadable("these leaves do not fit on any tree")
        tree = Frontier(size, tuple(before) if self._peaks is None else self._peaks)
        found = []
        for seq, proof in enumerate(proofs, said.first):
            found.append((yield from self._leaf(seq, proof)))
        leaves = list(takewhile(lambda leaf: leaf is not None, found))
        if not leaves:
            return
        grown = tree.grown(leaf.hash for leaf in leaves if leaf)
        bare = [seq for seq, leaf in enumerate(leaves, said.first) if leaf and leaf.body is None]
        self.bare.take(Ranges.of((seq, seq) for seq in bare) - self.settled, now_s)
        for seq, leaf in enumerate(leaves, said.first):
            self._given_up += given_up(leaf.body) if leaf and leaf.body else ()
            self._shown(seq)
        self._at, self._peaks, self._asked_s = self._at + len(leaves), grown.peaks, float("-inf")
        if self._at == kept.last_number:
            yield from self._judged(grown, kept, came)

    def _shown(self, seq: int) -> None:
        """Let go of an event whose leaf is known; its digest stays for a while."""
        self._again.discard(seq)
        if ways := self._told.get(seq):
            self._whole -= len(ways.bodies)
            ways.bodies.clear()

    def _leaf(self, seq: int, proof: bytes) -> Generator[Word, None, _Leaf | None]:
        if len(proof) == HASH:
            return _Leaf(proof)
        ways = self._told.get(seq, Ways())
        for body in ways.bodies:
            if shown := leaf_of(proof, [body]):
                return _Leaf(shown, body)
        if seq not in self._again:
            self._again.add(seq)
            self._again_s = float("-inf")
        if len(ways.bodies) == len(ways.digests) > 0 and seq not in self._accused:
            self._accused.add(seq)
            text = f"the event {seq} is not what the record has under its number"
            yield Matter.EVENT_CHANGED, text, {"seq": seq}
        return None

    def _judged(self, grown: Frontier, kept: Checkpoint, came: Ranges) -> Iterator[Word]:
        first = (self.proven or 0) + 1
        if grown.root() != kept.root:
            self.restart(kept.last_number + 1)
            text = f"the events up to {kept.last_number} are not the record that is signed"
            yield Matter.NOT_RECORDED, text, {"first": first, "last": kept.last_number}
            return
        self.proven = self._at
        explained = self.bare.explain(Ranges.of(self._given_up))
        self._given_up.clear()
        bare = self.bare.numbers
        but = (
            f", but for {numbered(bare.spans)}, of which only the hash is shown"
            if bare.spans
            else ""
        )
        yield (
            Matter.PROVEN,
            f"all events up to {self._at} are what is signed{but}",
            {"last": self._at},
        )
        if lost := explained & came:
            text = (
                f"of the events {numbered(lost.spans)}, which were told, the content was given up "
                "before it was shown to be the record's: nobody can prove it any more"
            )
            yield Matter.UNPROVABLE, text, {"ranges": [list(span) for span in lost.spans]}

    def overdue(self, now_s: float, head: int | None, came: Ranges) -> Iterator[Word]:
        """Say so when nothing that is signed says why of some events only the hash is shown."""
        bare = self.bare.overdue(now_s, head, self.proven or 0)
        why = "of its leaf only the hash is shown, and nothing signed says that it was given up"
        for first, last in (bare & came).spans:
            text = f"nobody proves what was told as the event {numbered([(first, last)])}: {why}"
            yield Matter.EVENT_CHANGED, text, {"first": first, "last": last}
        for first, last in (bare - came).spans:
            text = f"somebody keeps the event {numbered([(first, last)])} from us: {why}"
            yield Matter.DROPPED, text, {"first": first, "last": last}

    # Over a restart of ours

    def digests(self, most: int) -> list[tuple[int, bytes]]:
        """Return what was told first of the newest numbers that are not proved."""
        waiting = [seq for seq in self._told if seq > (self.proven or 0)]
        return [(seq, self._told[seq].digests[0]) for seq in sorted(waiting)[-most:]]


def _bytes(written: str, size: int | None = None) -> bytes:
    try:
        found = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("a leaf is not base64") from error
    if len(found) not in ((size,) if size else (HASH, 24)):
        raise Unreadable("a leaf has another length")
    return found
