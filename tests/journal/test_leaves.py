"""What shows that events are leaves: enough to grow the tree, and nothing that was changed fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.journal.checkpoint import Checkpoint
from agent.journal.journal import Journal
from agent.journal.leaves import leaf_of, leaves
from agent.journal.note import NoteRefused, Signer, Verifier
from agent.journal.proving import followed, submission
from agent.journal.ranges import Ranges
from agent.journal.reading import Reader
from agent.journal.record import PRUNED, Batch, Commit, Entry, Sealed
from agent.journal.tree import Frontier
from agent.site.step import Event, Severity
from tests.journal.recording import ORIGIN, entry
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Sealed]]:
    """A record of 701 events, signed, whose events 10 to 12 were pruned."""
    folder = tmp_path_factory.mktemp("record")
    told: list[Commit] = []
    seals: list[Sealed] = []
    with Journal.open(
        folder, committed=told.append, failed=print, sealed=seals.append, origin=ORIGIN
    ) as journal:
        journal.submit(Batch(tuple(entry(n) for n in range(300))), 0)
        journal.submit(Batch(tuple(entry(n) for n in range(400))), 1)
        wait_until(lambda: len(told) == 2, 5, "the commits")
        said = {"ranges": [[10, 12]], "events": 3}
        pruned = Event(PRUNED, "journal", Severity.INFO, entry(1).event.at, data=said)
        journal.submit(Batch((Entry(pruned),), prune=Ranges(((10, 12),))), 2)
        wait_until(lambda: len(told) == 3, 5, "the pruning")
    return folder, seals


def key(folder: Path) -> list[Verifier]:
    return [Verifier.parse((folder / "journal.vkey").read_text())]


@pytest.mark.parametrize("first", [1, 2, 9, 11, 255, 256, 257, 512, 513, 701])
def test_the_tree_grows_from_anywhere_to_the_signed_root(
    record: tuple[Path, list[Sealed]], first: int
) -> None:
    with Reader(record[0]) as reader:
        found = leaves(reader, first, 10_000)
        bodies = {row.seq: row.body for row in reader.read(0, 10_000)}
    assert (found.origin, found.first, len(found.proofs)) == (ORIGIN, first, 702 - first)
    hashes = [
        leaf_of(proof, [bodies[seq]] if seq in bodies else [])
        for seq, proof in enumerate(found.proofs, first)
    ]
    frontier = Frontier(first - 1, found.before).grown(leaf for leaf in hashes if leaf)
    newest = Checkpoint.open(record[1][-1].note, key(record[0]))
    assert (frontier.size, frontier.root()) == (newest.size, newest.root)


def test_another_event_is_no_leaf(record: tuple[Path, list[Sealed]]) -> None:
    with Reader(record[0]) as reader:
        (proof,) = leaves(reader, 20, 20).proofs
        (body,) = (row.body for row in reader.read(19, 1))
    assert leaf_of(proof, [body])
    assert leaf_of(proof, [body[:-1] + b"x"]) is None
    assert leaf_of(proof, []) is None


def test_of_what_is_not_there_there_is_nothing(record: tuple[Path, list[Sealed]]) -> None:
    with Reader(record[0]) as reader:
        assert leaves(reader, 702, 800).proofs == ()
        assert leaves(reader, 9, 8).proofs == ()


def test_a_witness_follows_and_is_not_misled(record: tuple[Path, list[Sealed]]) -> None:
    folder, seals = record
    old = Checkpoint.open(seals[0].note, key(folder))
    with Reader(folder) as reader:
        said, from_nothing = submission(reader, old.size), submission(reader, 0)
    assert said
    assert from_nothing
    newest = Checkpoint.open(seals[-1].note, key(folder))
    assert followed(said, old, key(folder)) == newest
    assert followed(from_nothing, Checkpoint(ORIGIN, 0, bytes(32)), key(folder)) == newest
    assert followed(from_nothing, old, key(folder)) is None, "it was asked for by another"
    other = Checkpoint(ORIGIN, old.size, bytes(32))
    with pytest.raises(NoteRefused, match="does not continue"):
        followed(said, other, key(folder))
    with pytest.raises(NoteRefused, match="nobody"):
        followed(said, old, [Signer(ORIGIN, bytes(32)).verifier])
    for wrong in ("", "old", said.replace("old", "new"), said.replace("\n\n", "\n")):
        with pytest.raises(NoteRefused):
            followed(wrong, old, key(folder))
