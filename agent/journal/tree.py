"""The Merkle tree over the record: RFC 6962, section 2.1. Pure.

A tree of n leaves is known by its *frontier*: the roots of the perfect subtrees that n's
binary digits name, the largest first. It is all that is needed to add leaves and to have
the root; proofs need the hashes of subtrees further left, which their caller looks up.
Proofs are checked by the algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from msgspec import Struct

LEAF = b"\x00"
NODE = b"\x01"
HASH = 32  # bytes
MARK = 8  # bytes of a hash that are kept beside what they stand for
EMPTY = sha256().digest()

# Returns the root over the leaves from the first number up to, not including, the second.
Subtree = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry."""
    return sha256(LEAF + entry).digest()


def mark(*parts: bytes) -> bytes:
    """Return 8 bytes that show whether what is not a leaf was damaged."""
    return sha256(b"\x02" + b"\x00".join(parts)).digest()[:MARK]


def is_marked(row: Sequence[object]) -> bool:
    """Say whether a row of texts, a value and their mark is what was saved, whatever is in it."""
    *said, value, marked = row
    texts = [text.encode() for text in said if isinstance(text, str)]
    return len(texts) == len(said) and isinstance(value, bytes) and mark(*texts, value) == marked


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into one."""
    return sha256(NODE + left + right).digest()


class Frontier(Struct, frozen=True):
    """The right edge of a tree.

    Attributes:
        size: how many leaves it has.
        peaks: the roots of its perfect subtrees, the largest first.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def grown(self, leaves: Iterable[bytes]) -> Frontier:
        """Return the frontier with more leaves, given by their hashes."""
        nodes, peaks = list(leaves), list(self.peaks)
        size, old = self.size + len(nodes), self.size
        if len(nodes) == 1:  # what a commit adds, as a rule
            (node,) = nodes
            while old & 1:
                node = sha256(NODE + peaks.pop() + node).digest()
                old >>= 1
            return Frontier(size, (*peaks, node))
        left: list[bytes] = []  # the new peaks, the smallest first
        while nodes:  # one level of the tree after the other, from the leaves up
            if old & 1:
                nodes.insert(0, peaks.pop())
            if len(nodes) & 1:
                left.append(nodes.pop())
            pairs = iter(nodes)
            both = zip(pairs, pairs, strict=True)
            nodes = [sha256(NODE + one + other).digest() for one, other in both]
            old >>= 1
        return Frontier(size, (*peaks, *reversed(left)))

    def root(self) -> bytes:
        """Return the root over all leaves."""
        return joined(self.peaks)


def joined(peaks: Sequence[bytes]) -> bytes:
    """Return the root over perfect subtrees, each smaller than the one before it."""
    if not peaks:
        return EMPTY
    *larger, root = peaks
    for peak in reversed(larger):
        root = node_hash(peak, root)
    return root


def split(size: int) -> int:
    """Return the largest power of two below `size`: where RFC 6962 parts a tree."""
    return 1 << (size - 1).bit_length() - 1


def inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Return the audit path of a leaf (RFC 6962, section 2.1.1), from the leaf upwards.

    Args:
        index: of the leaf, from 0.
        size: of the tree, more than `index`.
        subtree: looks up hashes.
    """
    path: list[bytes] = []
    first, last = 0, size
    while last - first > 1:
        middle = first + split(last - first)
        if index < middle:
            path.append(subtree(middle, last))
            last = middle
        else:
            path.append(subtree(first, middle))
            first = middle
    return path[::-1]


def consistency(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """Return the proof that the tree of `old` leaves begins that of `new` (section 2.1.2).

    Args:
        old: a size, at least 1.
        new: a size, at least `old`.
        subtree: looks up hashes.
    """
    path: list[bytes] = []
    first, last = 0, new
    while old != last:
        middle = first + split(last - first)
        if old <= middle:
            path.append(subtree(middle, last))
            last = middle
        else:
            path.append(subtree(first, middle))
            first = middle
    if first:
        path.append(subtree(first, last))
    return path[::-1]


def includes(root: bytes, size: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether the proof shows that the tree has this leaf at this index."""
    if not 0 <= index < size or len(leaf) != HASH:
        return False
    at, last, node = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            node = node_hash(other, node)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, other)
        at, last = at >> 1, last >> 1
    return last == 0 and node == root


def extends(old_root: bytes, old: int, new_root: bytes, new: int, proof: Sequence[bytes]) -> bool:
    """Say whether the proof shows that the old tree is the beginning of the new one.

    An empty old tree begins every tree: there is nothing to prove, and no proof is accepted.
    """
    if old == new:
        return old > 0 and not proof and old_root == new_root
    if not 0 < old < new or not proof:
        return False
    first, *rest = proof if old & (old - 1) else (old_root, *proof)
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_node = new_node = first
    for other in rest:
        if last == 0:
            return False
        if at & 1 or at == last:
            old_node, new_node = node_hash(other, old_node), node_hash(other, new_node)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new_node = node_hash(new_node, other)
        at, last = at >> 1, last >> 1
    return last == 0 and old_node == old_root and new_node == new_root
