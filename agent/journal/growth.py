"""How the record's tree grows: whole tiles of 256 leaves, and the tail behind them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from agent.journal.tree import Frontier, joined

TILE = 256  # leaves; a tile's root is what is stored of the tree besides the rows themselves
_NOTHING = Frontier()
_NEVER = (2**63 - 1, -(2**63))  # the span of no event: later than all, earlier than all


class Tile(Struct, frozen=True):
    """A full tile.

    Attributes:
        position: 0 for the leaves 0 to 255.
        root: the hash over them.
        from_us: the earliest time of its events (UTC, microseconds); 0 when all are pruned.
        to_us: the latest.
    """

    position: int
    root: bytes
    from_us: int
    to_us: int


class Growth(Struct, frozen=True):
    """The tree at one size, ready to grow.

    Attributes:
        tiles: the tree over the full tiles' roots.
        tail: the tree over the leaves after them, fewer than `TILE`.
        span: the earliest and the latest time of the tail's events.
    """

    tiles: Frontier = _NOTHING
    tail: Frontier = _NOTHING
    span: tuple[int, int] = _NEVER

    @property
    def size(self) -> int:
        """Return how many leaves there are."""
        return self.tiles.size * TILE + self.tail.size

    def root(self) -> bytes:
        """Return the root over all leaves."""
        return joined(self.tiles.peaks + self.tail.peaks)

    def grown(self, leaves: Sequence[bytes], times: Sequence[int]) -> tuple[Growth, list[Tile]]:
        """Return the tree with more leaves, and the tiles that they have filled.

        Args:
            leaves: their hashes.
            times: when each one's event happened (UTC, microseconds).
        """
        tiles, tail, span = self.tiles, self.tail, self.span
        full: list[Tile] = []
        at = 0
        while at < len(leaves):
            part = slice(at, at + TILE - tail.size)
            tail = tail.grown(leaves[part])
            span = min(span[0], *times[part]), max(span[1], *times[part])
            if tail.size == TILE:
                full.append(Tile(tiles.size, tail.root(), *span))
                tiles, tail, span = tiles.grown(tail.peaks), Frontier(), _NEVER
            at = part.stop
        return Growth(tiles, tail, span), full
