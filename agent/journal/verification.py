"""Proof that the record is what was signed: every row, tile, checkpoint and signature.

It needs a copy of the database and the public key, nothing else. What it finds it names by
the numbers of the events concerned; the first of them is where trust ends. A row is judged by
the 8 bytes of its own leaf's hash, so that chance damage is named exactly; a change by somebody
who could also recompute those is bounded by the checkpoints before and after it.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from agent.journal.canonical import quoted
from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import StorageFailed
from agent.journal.growth import TILE, Growth, Tile
from agent.journal.layout import SALT, SEVERITY_NAMES
from agent.journal.note import NoteRefused, Verifier
from agent.journal.reading import Reader
from agent.journal.record import happened_us
from agent.journal.stored import Row, StoredTree
from agent.journal.tree import HASH, LEAF, MARK

MOST = 20  # findings; who has so many needs a backup, not a longer list


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was recorded.

    Attributes:
        first: the first event that cannot be trusted for it.
        last: the last one.
        what: one sentence.
    """

    first: int
    last: int
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found.

    Attributes:
        first: the first event's number.
        events: how many events the record holds, pruned ones included.
        pruned: how many of them are only known by their hash.
        checkpoints: how many checkpoints hold.
        covered: up to which number they cover the events.
        findings: what is wrong, the first event concerned first; empty when all is well.
    """

    first: int
    events: int
    pruned: int
    checkpoints: int
    covered: int
    findings: tuple[Finding, ...]


class Verification:
    """One pass over a record.

    Args:
        tree: the record.
        trusted: the public keys of its log.
        known: checkpoints that others keep of it: a record that lacks their events, or has
            others in their place, is found out even when its own checkpoints were replaced.
    """

    def __init__(
        self,
        tree: StoredTree,
        trusted: Sequence[Verifier],
        known: Sequence[Checkpoint] = (),
    ) -> None:
        self._tree = tree
        self._trusted = trusted
        self._findings: list[Finding] = []
        self._growth = Growth()
        self._tiles = dict(tree.tiles())
        self._classes = _tails(tree)
        self._next = tree.first  # the number of the next event to look at
        self._seen = self._pruned = 0
        self._held = self._covered = 0
        self._broken = False  # no later root can be right; only rows are looked at
        self._checkpoints = sorted([*self._signed(), *known], key=lambda said: said.size)

    def run(self) -> Verdict:
        """Look at everything, once."""
        try:
            self._walk()
            for fault in self._tree.faults():
                self._find(self._tree.first, self._next - 1, f"the file's structure: {fault}")
        except sqlite3.DatabaseError as error:
            self._find(self._next, self._next, f"the file is damaged from here on: {error}")
        self._findings.sort(key=lambda finding: finding.first)
        return Verdict(
            self._tree.first,
            self._seen,
            self._pruned,
            self._held,
            self._tree.first + self._covered - 1,
            tuple(self._findings),
        )

    def _find(self, first: int, last: int, what: str) -> None:
        if len(self._findings) < MOST:
            self._findings.append(Finding(first, last, what))

    def _signed(self) -> Iterator[Checkpoint]:
        """Yield the record's own checkpoints, as far as their signatures hold."""
        before = 0
        for size, note in self._tree.checkpoints():
            first, last = self._tree.first + before, self._tree.first + size - 1
            before = size
            try:
                said = Checkpoint.open(note, self._trusted)
            except NoteRefused as error:
                self._find(first, last, f"the checkpoint over {last} does not hold: {error}")
                continue
            if said.size == size:
                yield said
            else:
                self._find(first, last, f"the checkpoint over {last} is one over {said.size}")

    def _walk(self) -> None:
        rows = self._tree.rows()
        for size, checkpoints in itertools.groupby(self._checkpoints, key=lambda said: said.size):
            end = self._tree.first + size
            if not self._read(rows, end):
                what = "the end of the record is missing: a checkpoint was signed over it"
                self._find(self._next, end - 1, what)
                return
            before = self._covered
            for said in checkpoints:
                self._compare(said, self._tree.first + before)
        self._read(rows, self._tree.first + self._tree.size)
        for tile in sorted(set(self._tiles) - set(range(self._growth.tiles.size))):
            self._find(self._next, self._next, f"tile {tile} stands for no events")

    def _read(self, rows: Iterator[Row], end: int) -> bool:
        """Take the rows before the number `end`; False when there are not so many."""
        while self._next < end:
            room = TILE - self._growth.tail.size
            taken = list(itertools.islice(rows, min(room, end - self._next)))
            if not taken:
                return False
            if taken[-1][0] - self._next != len(taken) - 1:
                self._name_gaps(taken)
            self._take(taken)
            self._next = taken[-1][0] + 1
            self._seen += len(taken)
        return True

    def _name_gaps(self, rows: list[Row]) -> None:
        self._broken = True
        expected = self._next
        for number, *_ in rows:
            if number < expected:
                self._find(number, number, "it comes before the first event")
            elif number > expected:
                self._find(expected, number - 1, "missing")
            expected = max(expected, number + 1)

    def _take(self, rows: list[Row]) -> None:
        leaves = [
            proof if body is None else sha256(LEAF + proof[:SALT] + body).digest()
            for _, _, _, proof, body in rows
        ]
        for row, leaf in zip(rows, leaves, strict=True):
            if row[3][SALT:] != leaf[:MARK] or not self._agrees(row):
                self._judge(row, leaf)
        self._growth, full = self._growth.grown(leaves, _times(rows))
        for tile in full:
            self._hold(tile)

    def _agrees(self, row: Row) -> bool:
        """Say, without parsing, whether a row's columns say what its body says."""
        seq, number, severity, _, body = row
        if body is None or (number, severity) not in self._classes:
            return False
        kind, end = self._classes[number, severity]
        at = body.rfind(b'"seq":%d,' % seq + end)
        return at > 0 and body.startswith(kind, body.rfind(b',"kind":"'))

    def _judge(self, row: Row, leaf: bytes) -> None:
        """Say what is wrong with a row, if anything is."""
        seq, number, severity, proof, body = row
        if body is None:
            self._pruned += 1
            if number is not None or severity is not None or len(proof) != HASH:
                self._find(seq, seq, "half of the row is gone")
        elif proof[SALT:] != leaf[:MARK]:
            self._find(seq, seq, "what is written is not what was recorded")
        elif b'"seq":%d,' % seq not in body:
            self._find(seq, seq, "another event stands in its place")
        else:
            self._find(seq, seq, "it is filed under a kind or severity that is not its own")

    def _hold(self, tile: Tile) -> None:
        """Compare a full tile with what was stored of it."""
        stored = self._tiles.get(tile.position)
        last = self._tree.first + (tile.position + 1) * TILE - 1
        first = last - TILE + 1
        if self._broken or stored == (tile.root, tile.from_us, tile.to_us):
            return
        if stored is None:
            self._find(first, last, f"tile {tile.position} of the tree is missing")
        elif stored[0] != tile.root:
            self._find_among(first, last, "these events are not those of their tile")
        elif not self._pruned:
            self._find_among(first, last, "their tile says other times than they do")

    def _compare(self, said: Checkpoint, first: int) -> None:
        """Hold a checkpoint against the tree at its size; before `first` all is well."""
        if self._growth.root() == said.root:
            self._held += 1
            self._covered = said.size
        elif not self._broken:
            self._broken = True
            last = self._tree.first + said.size - 1
            self._find_among(first, last, "these events are not those that were signed")

    def _find_among(self, first: int, last: int, what: str) -> None:
        """Report that something is wrong with a range, unless a row of it was named already."""
        if not any(first <= found.first == found.last <= last for found in self._findings):
            self._find(first, last, what)


def _times(rows: list[Row]) -> list[int]:
    """Return when the events happened; 0 where that is gone or damaged."""
    try:
        return [0 if row[4] is None else happened_us(row[4]) for row in rows]
    except ValueError:
        return [0] * len(rows)


def _tails(tree: StoredTree) -> dict[tuple[int | None, int | None], tuple[bytes, bytes]]:
    """Return what the bodies of each class have after their data, and at their end."""
    return {
        (number, severity): (
            b',"kind":%s,"mono":' % quoted(kind.decode(errors="replace")).encode(),
            b'"severity":"%s","trusted":' % SEVERITY_NAMES.get(severity, "").encode(),
        )
        for number, kind, severity in tree.classes()
    }


def verify(folder: Path, trusted: Sequence[Verifier], known: Sequence[Checkpoint] = ()) -> Verdict:
    """Verify the record in a folder: the daemon's own, while it runs, or a copy.

    Args:
        folder: where `journal.db` lies.
        trusted: the public keys of its log.
        known: checkpoints that others keep of it.

    Raises:
        JournalUnusable: there is no journal that could be read.
        StorageCorrupt: it is damaged so that no event can be told from another.
    """
    with Reader(folder) as reader:
        with reader.tree() as tree:
            verdict = Verification(tree, trusted, known).run()
        try:
            reader.state()
            reader.acknowledged()
        except StorageFailed as error:
            state = Finding(verdict.first, verdict.first, str(error))
            return replace(verdict, findings=(*verdict.findings, state))
    return verdict
