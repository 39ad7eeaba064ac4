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
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from agent.journal.checkpoint import Checkpoint, first_origin
from agent.journal.errors import StorageFailed
from agent.journal.evidence import Evidence
from agent.journal.growth import TILE, Growth, Tile
from agent.journal.judging import Classes, ranges_of
from agent.journal.layout import SALT
from agent.journal.note import NoteRefused, Verifier, open_note
from agent.journal.ranges import Span
from agent.journal.reading import Reader
from agent.journal.rotation import Chain, Rotation
from agent.journal.stored import Row, StoredTree
from agent.journal.tree import LEAF, MARK
from agent.site.value import replace

MOST = 20  # findings; who has so many needs a backup, not a longer list


class Finding(Struct, frozen=True):
    """Something that is not as it was recorded.

    Attributes:
        first: the first event that cannot be trusted for it.
        last: the last one.
        what: one sentence.
    """

    first: int
    last: int
    what: str


class Verdict(Struct, frozen=True):
    """What verification found.

    Attributes:
        first: the first event's number.
        events: how many events the record holds, pruned ones included.
        pruned: how many of them are only known by their hash.
        checkpoints: how many checkpoints hold.
        covered: up to which number they cover the events.
        keys: the ids of the keys that signed, in their order, where there was more than one.
        key_changes: the numbers of the events with which each but the first took over.
        inherited: how many events before the first were taken over from an earlier record; nobody
            has signed them in this one.
        findings: what is wrong, the first event concerned first; empty when all is well.
    """

    first: int
    events: int
    pruned: int
    checkpoints: int
    covered: int
    findings: tuple[Finding, ...]
    keys: tuple[str, ...] = ()
    key_changes: tuple[int, ...] = ()
    inherited: int = 0


class Verification:
    """One pass over a record.

    Args:
        tree: the record.
        trusted: a public key of its log, or several; the record leads from one to the next.
        known: signed checkpoints that others keep of it: a record that lacks their events, or has
            others in their place, is found out even when its own checkpoints were replaced.
    """

    def __init__(
        self,
        tree: StoredTree,
        trusted: Sequence[Verifier],
        known: Sequence[str] = (),
    ) -> None:
        self._tree = tree
        self._findings: list[Finding] = []
        self._chain = Chain(trusted, list(self._rotations()))
        self._growth = Growth()
        self._tiles = dict(tree.tiles())
        self._classes = Classes(tree)
        self._next = tree.first  # the number of the next event to look at
        self._seen = 0
        self._gone = bytearray()  # for each event, 1 when only its hash is left
        self._said_gone: list[tuple[int, list[Span]]] = []  # by which event
        self._held = self._covered = self._inherited = 0
        self._broken = False  # no later root can be right; only rows are looked at
        self._checkpoints = sorted(
            [*self._signed(), *self._kept(known)], key=lambda said: said.size
        )

    def run(self) -> Verdict:
        """Look at everything, once."""
        pruned = 0
        try:
            self._look_at_statement()
            self._look_at_inherited()
            self._walk()
            pruned = self._gone.count(1)
            self._hold_pruned()
            for kind in self._tree.misfiled():
                self._find(
                    self._tree.first, self._next - 1, f"the kind {kind} is not filed as it was"
                )
            for what in self._tree.strange():
                self._find(
                    self._tree.first, self._next - 1, f"the {what} is not as the record has it"
                )
            for number in self._tree.halves():
                self._find(number, number, "half of the row is gone")
            for fault in self._tree.faults():
                self._find(self._tree.first, self._next - 1, f"the file's structure: {fault}")
        except sqlite3.DatabaseError as error:
            self._find(self._next, self._next, f"the file is damaged from here on: {error}")
        self._findings.sort(key=lambda finding: finding.first)
        return Verdict(
            self._tree.first,
            self._seen,
            pruned,
            self._held,
            self._tree.first + self._covered - 1,
            tuple(self._findings),
            tuple(key.number.hex() for key in self._chain.keys),
            tuple(self._chain.from_numbers[1:]),
            self._inherited,
        )

    def _find(self, first: int, last: int, what: str) -> None:
        if len(self._findings) < MOST:
            self._findings.append(Finding(first, last, what))

    def _rotations(self) -> Iterator[Rotation]:
        """Yield the changes of the key, as far as both keys have signed them."""
        for number, body in self._tree.rotations():
            try:
                yield Rotation.read(number, body)
            except NoteRefused as error:
                self._find(number, number, f"the change of the key does not hold: {error}")

    def _signed(self) -> Iterator[Checkpoint]:
        """Yield the record's own checkpoints, as far as their signatures hold."""
        before = 0
        for size, note in self._notes():
            first, last = self._tree.first + before, self._tree.first + size - 1
            before = size
            try:
                said = Checkpoint.open(note, self._chain.at(last))
            except NoteRefused as error:
                self._find(first, last, f"the checkpoint over {last} does not hold: {error}")
                continue
            if said.size != size:
                self._find(first, last, f"the checkpoint over {last} is one over {said.size}")
            elif not self._is_own(said):
                self._find(first, last, f"the checkpoint over {last} is one of {said.origin}")
            else:
                yield said

    def _notes(self) -> Iterator[tuple[int, str]]:
        """Yield size and note of every checkpoint, as far as they can be read."""
        try:
            yield from self._tree.checkpoints()
        except sqlite3.DatabaseError as error:
            last = self._tree.first + self._tree.size - 1
            self._find(self._tree.first, last, f"not all checkpoints can be read: {error}")

    def _is_own(self, said: Checkpoint) -> bool:
        own = self._tree.origin or first_origin(said.origin)
        return said.origin == own and said.first_number == self._tree.first

    def _kept(self, known: Sequence[str]) -> Iterator[Checkpoint]:
        """Yield the checkpoints that others have, as far as they are of this record.

        Raises:
            NoteRefused: one was not signed by any of the record's keys; or is of the record before
                this one, and so says nothing of it.
        """
        for note in known:
            said = Checkpoint.open(note, self._chain.everybody())
            if self._is_own(said):
                yield said
            elif said.last_number < self._tree.first:
                raise NoteRefused(
                    f"a checkpoint of {said.origin} up to the event {said.last_number} says "
                    f"nothing of this record, which continues that one from {self._tree.first} on; "
                    "hold the earlier one against it: --data .../aside/TIME"
                )
            else:
                first = max(said.first_number, self._tree.first)
                self._find(first, said.last_number, f"signed in {said.origin}, and not in this")

    def _look_at_statement(self) -> None:
        """See that the key has signed that this record continues another, where it says so."""
        origin = self._tree.origin
        if origin is None and self._tree.first == 1:
            return
        try:
            keys = [Verifier(origin or "", key.key) for key in self._chain.everybody()]
            said = open_note(self._tree.statement() or "", keys)
        except NoteRefused:
            said = ""
        if not said.startswith(f"{origin}\ncontinues "):
            what = "that the record continues another from here on, the key has not signed"
            self._find(self._tree.first, self._tree.first, what)

    def _look_at_inherited(self) -> None:
        """See to the rows before the tree's first; a record that succeeds none has none."""
        with closing(self._tree.inherited()) as rows:
            for self._inherited, row in enumerate(rows, 1):
                leaf = sha256(LEAF + row[3][:SALT] + (row[4] or b"")).digest()
                if self._tree.first == 1:
                    self._find(row[0], row[0], "it comes before the first event")
                elif row[3][SALT:] != leaf[:MARK] or not self._classes.agrees(row):
                    fault = self._classes.fault(row, leaf) or "only its hash was taken over"
                    self._find(row[0], row[0], fault)

    def _walk(self) -> None:
        with closing(self._tree.rows()) as rows:
            if not self._follow(rows):
                return
            self._read(rows, self._tree.first + self._tree.size)
        for tile in sorted(set(self._tiles) - set(range(self._growth.tiles.size))):
            self._find(self._next, self._next, f"tile {tile} stands for no events")

    def _follow(self, rows: Iterator[Row]) -> bool:
        """Go from checkpoint to checkpoint; False when the rows end before they do."""
        for size, checkpoints in itertools.groupby(self._checkpoints, key=lambda said: said.size):
            end = self._tree.first + size
            if not self._read(rows, end):
                what = "the end of the record is missing: a checkpoint was signed over it"
                self._find(self._next, end - 1, what)
                return False
            before = self._covered
            for said in checkpoints:
                self._compare(said, self._tree.first + before)
        return True

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
            if number > expected:
                self._find(expected, number - 1, "missing")
            expected = number + 1

    def _take(self, rows: list[Row]) -> None:
        sure, agrees = self._classes.in_columns, self._classes.agrees
        leaves = [
            proof if body is None else sha256(LEAF + proof[:SALT] + body).digest()
            for _, _, _, proof, body, _ in rows
        ]
        for row, leaf in zip(rows, leaves, strict=True):
            if row[3][SALT:] != leaf[:MARK] or not (sure or agrees(row)):
                fault = self._classes.fault(row, leaf)
                if fault:
                    self._find(row[0], row[0], fault)
        self._gone += bytes([row[4] is None for row in rows])
        if self._classes.prunings:
            prunings = [row for row in rows if row[1] in self._classes.prunings]
            self._said_gone += [(row[0], ranges_of(row)) for row in prunings]
        self._growth, full = self._growth.grown(leaves, [row[5] for row in rows])
        for tile in full:
            self._hold(tile)

    def _hold_pruned(self) -> None:
        """See that of every event whose content is gone it was recorded that it was pruned.

        A pruning is signed with its own commit. So in a record that is signed, one that no
        checkpoint covers was made by somebody without the key.
        """
        if len(self._gone) != self._next - self._tree.first:
            return
        signed = self._tree.first + self._covered - 1
        believed = [
            span
            for number, spans in self._said_gone
            if number <= signed or self._broken or not self._held
            for span in spans
        ]
        for first, last in believed:
            # It may have named events before the first as well, which were taken over.
            begin, end = max(0, first - self._tree.first), last - self._tree.first + 1
            if begin < end <= len(self._gone):
                self._gone[begin:end] = bytes(end - begin)
        at = self._gone.find(1)
        if at >= 0:
            end = self._gone.find(0, at) % (len(self._gone) + 1)
            first, last = self._tree.first + at, self._tree.first + end - 1
            why = "no pruning of it was recorded"
            for number, spans in self._said_gone:
                if number > signed and any(begin <= first <= until for begin, until in spans):
                    why = f"the pruning that the event {number} tells of is not signed"
            self._find(first, last, f"what it said is gone, and {why}")

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
        elif 1 not in self._gone[first - self._tree.first :] or self._tree.hidden_by(tile.position):
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


def verify(folder: Path, trusted: Sequence[Verifier], known: Sequence[str] = ()) -> Verdict:
    """Verify the record in a folder: the daemon's own, while it runs, or a copy.

    Where the evidence lies beside it, each file is held against its event.

    Args:
        folder: where `journal.db` lies.
        trusted: the public keys of its log.
        known: signed checkpoints that others keep of it.

    Raises:
        NoteRefused: one of those was not signed by any of the record's keys, or is of the record
            before this one.
        JournalUnusable: there is no journal that could be read.
        StorageCorrupt: it is damaged so that no event can be told from another.
    """
    with Reader(folder) as reader:
        with reader.tree() as tree:
            verdict = Verification(tree, trusted, known).run()
        found = [*verdict.findings, *_beside(folder, reader, verdict.first)]
    return replace(verdict, findings=tuple(found))


def _beside(folder: Path, reader: Reader, first: int) -> Iterator[Finding]:
    """Yield what is wrong with what is no event: saved state, and the files of evidence."""
    try:
        reader.state()
        reader.acknowledged()
        evidence = Evidence(folder, quota=0)
        for fault in evidence.verify(reader) if evidence.is_there() else ():
            yield Finding(fault.seq, fault.seq, f"its file {fault.sha256} is {fault.what}")
    except StorageFailed as error:
        yield Finding(first, first, str(error))
