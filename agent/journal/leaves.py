"""What shows that events which somebody has are the leaves of the record's tree.

Who holds a checkpoint and an event's bytes lacks its salt, and the tree to the left of it. Both
are here: with them the tree can be grown leaf by leaf, and its root held against a later
checkpoint. A salt tells nothing to whoever does not have the event.
"""

from __future__ import annotations

from hashlib import sha256

from msgspec import Struct

from agent.journal.layout import SALT
from agent.journal.reading import Reader
from agent.journal.tree import HASH, LEAF, MARK


class Leaves(Struct, frozen=True):
    """Some leaves in a row.

    Attributes:
        origin: of the log, as its checkpoints have it; "" while nothing is signed.
        first: number of the first one's event.
        before: the roots of the perfect subtrees left of it, the largest first.
        proofs: of each, as `layout` says: salt and mark, or of a pruned event the whole leaf.
    """

    origin: str
    first: int
    before: tuple[bytes, ...]
    proofs: tuple[bytes, ...]


def leaves(reader: Reader, first: int, last: int) -> Leaves:
    """Return what there is of the events `first` to `last`; of other records' nothing.

    Raises:
        JournalError: the disk does not give it.
    """
    with reader.tree() as tree:
        start = max(first, tree.first)
        stop = min(last, tree.first + tree.size - 1)
        sealed = tree.newest_checkpoint()
        origin = sealed.note.partition("\n")[0] if sealed else ""
        if start > stop:
            return Leaves(origin, start, (), ())
        growth = tree.growth(start - tree.first)
        proofs = tuple(tree.proofs(start, stop))
    return Leaves(origin, start, growth.tiles.peaks + growth.tail.peaks, proofs)


def leaf_of(proof: bytes, bodies: list[bytes]) -> bytes | None:
    """Return the leaf that a proof and one of these bodies make; None: it is none of them."""
    if len(proof) == HASH:
        return proof
    for body in bodies:
        leaf = sha256(LEAF + proof[:SALT] + body).digest()
        if leaf[:MARK] == proof[SALT:]:
            return leaf
    return None
