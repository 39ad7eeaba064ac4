"""Whether a stored row says in its columns what its body says, and is what was recorded."""

from __future__ import annotations

import json

from agent.journal.canonical import quoted
from agent.journal.filing import SEVERITY_NAMES
from agent.journal.layout import SALT
from agent.journal.ranges import Span
from agent.journal.record import PRUNED
from agent.journal.stored import Row, StoredTree
from agent.journal.tree import HASH, MARK

_MISFILED = "it is filed under a kind or severity that is not its own"


class Classes:
    """The kinds and severities of one record, ready to be found in bodies.

    Attributes:
        prunings: the numbers of the classes of prunings.
        in_columns: whether bodies are made of the columns, and so cannot say something else.
    """

    def __init__(self, tree: StoredTree) -> None:
        self.in_columns = tree.version > 1
        found = list(tree.classes())
        self.prunings = {number for number, kind, _ in found if kind == PRUNED.encode()}
        # What a body has after its data, and near its end.
        self._parts: dict[tuple[int | None, int | None], tuple[bytes, bytes]] = {
            (number, severity): (
                b',"kind":%s,"mono":' % quoted(kind.decode(errors="replace")).encode(),
                b'"severity":"%s","trusted":' % SEVERITY_NAMES.get(severity, "").encode(),
            )
            for number, kind, severity in found
        }

    def fault(self, row: Row, leaf: bytes) -> str | None:
        """Say what is wrong with a row that is not as it should be; None for a pruned one.

        Args:
            row: as stored.
            leaf: the hash of what it holds; of a pruned row, what stands for it.
        """
        seq, number, severity, proof, body, _ = row
        if body is None:
            whole = number is None and severity is None and len(proof) == HASH
            return None if whole else "half of the row is gone"
        if (number, severity) not in self._parts:
            return _MISFILED
        if proof[SALT:] != leaf[:MARK]:
            return "what is written is not what was recorded"
        if b'"seq":%d,' % seq not in body:
            return "another event stands in its place"
        return _MISFILED

    def agrees(self, row: Row) -> bool:
        """Say, without parsing, whether the columns say what the body says.

        An unescaped quote cannot stand within a string, and `data`, whose keys may be anything,
        comes before `kind`: so the last place is the right one.
        """
        seq, number, severity, _, body, _ = row
        if self.in_columns:
            return body is not None
        parts = self._parts.get((number, severity))
        if body is None or parts is None:
            return False
        kind, end = parts
        return body.rfind(b'"seq":%d,' % seq + end) > 0 and body.startswith(
            kind, body.rfind(b',"kind":"')
        )


def ranges_of(row: Row) -> list[Span]:
    """Return the ranges that a pruning names; none when it is damaged, and named as such."""
    try:
        said = json.loads(row[4] or b"")["data"]["ranges"]
        return [(int(first), int(last)) for first, last in said]
    except (ValueError, TypeError, KeyError):
        return []
