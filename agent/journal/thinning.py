"""Which old checkpoints may go: beyond a month, the last of each day is enough.

A checkpoint a minute would be 100 MB a year. What an older one proves, the next one kept proves
too: that all events up to it are what was signed. Only how exactly a forged row can be bounded
becomes coarser, from a minute to a day. Proofs between any two sizes are made from the tree, and
need neither's checkpoint. Those beside a change of the key stay, for each key has signed its last
and its first there; and so does the first of all.
"""

from __future__ import annotations

from itertools import pairwise

from agent.journal.reading import Reader
from agent.journal.stored import StoredTree

DAY_US = 86_400_000_000
WHOLE_D = 30  # days for which every checkpoint is kept

_TIMED = """SELECT size, coalesce(
        (SELECT CAST(at_us AS INTEGER) FROM event WHERE seq = size + ? - 1),
        (SELECT CAST(to_us AS INTEGER) FROM tile WHERE position = (size - 1) / 256), 0)
    FROM checkpoint WHERE size > ? ORDER BY size"""


def surplus(reader: Reader, now_us: int, after: int = 0) -> list[int]:
    """Return the sizes of the checkpoints that may go, the smallest first.

    Args:
        reader: of the record.
        now_us: the present (UTC, microseconds), of a trusted clock.
        after: only those over more leaves.
    """
    with reader.tree() as tree:
        kept = _beside_changes(tree)
        first = tree.first
    day = (now_us // DAY_US) - WHOLE_D
    timed = [(size, at_us // DAY_US) for size, at_us in reader.ask(_TIMED, (first, after))]
    return [
        size
        for (size, then), (_, later) in pairwise(timed)
        if then == later < day and size not in kept
    ]


def _beside_changes(tree: StoredTree) -> set[int]:
    """Return the sizes of the first checkpoint, and of each key's last and first one."""
    kept = {sealed.size for sealed in [tree.checkpoint_over(0)] if sealed}
    for number, _ in tree.rotations():
        index = number - tree.first
        around = tree.checkpoint_under(index), tree.checkpoint_over(index + 1)
        kept |= {sealed.size for sealed in around if sealed}
    return kept
