"""Checkpoints as the journal makes them, and the tree they stand for."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from agent.journal import keys, tree, writer
from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import JournalUnusable
from agent.journal.journal import Journal
from agent.journal.keys import KeyMissing
from agent.journal.note import Verifier
from agent.journal.reading import Reader
from agent.journal.record import DOUBTFUL, Batch, Sealed
from agent.journal.vouching import JournalDoubtful
from agent.site.step import Severity
from tests.journal.recording import ORIGIN, Ears, batch, entry
from tests.waiting import wait_until

Open = Callable[..., Journal]


def stored_leaves(folder: Path) -> list[bytes]:
    connection = sqlite3.connect(folder / "journal.db")
    rows = connection.execute("SELECT proof, CAST(body AS BLOB) FROM event ORDER BY seq").fetchall()
    connection.close()
    return [tree.leaf_hash(proof[:16] + body) for proof, body in rows]


def check(seals: list[Sealed], folder: Path) -> None:
    """Every checkpoint is signed, and for the tree of the rows that it covers."""
    verifier = Verifier.parse((folder / "journal.vkey").read_text())
    leaves = stored_leaves(folder)
    for sealed in seals:
        said = Checkpoint.open(sealed.note, [verifier])
        assert said.origin == ORIGIN
        assert said.size == sealed.size
        assert said.root == tree.Frontier().grown(leaves[: said.size]).root()


def test_a_hundred_events_make_a_checkpoint(
    signing: Open, ears: Ears, seals: list[Sealed], folder: Path
) -> None:
    journal = signing()
    for tag in range(99):
        journal.submit(batch(tag), tag)
    ears.heard(99)
    assert seals == []
    for tag in range(99, 700):
        journal.submit(batch(tag), tag)
        if tag % 60 == 0:  # so that there is more than one transaction
            ears.heard(tag + 1)
    ears.heard(700)
    wait_until(lambda: len(seals) > 4, 5, "checkpoints")
    assert all(b.size - a.size < 2 * writer.SEAL_EVENTS for a, b in pairwise(seals))
    assert 100 <= seals[0].size < 200
    journal.close()
    assert seals[-1].size == 700
    check(seals, folder)


def test_a_batch_of_many_tiles_is_one_checkpoint(
    signing: Open, ears: Ears, seals: list[Sealed], folder: Path
) -> None:
    journal = signing()
    for size in (1, 255, 256, 257, 1000, 3):
        ears.commit(journal, Batch(tuple(entry(n) for n in range(size))), size)
    journal.close()
    check(seals, folder)
    with Reader(folder) as reader, reader.tree() as stored:
        leaves = stored_leaves(folder)
        for first, last in [(0, 256), (256, 512), (0, 1024), (0, 1772), (5, 9), (1024, 1771)]:
            expected = tree.Frontier().grown(leaves[first:last]).root()
            if first % 1024 == 0:
                assert stored.subtree(first, last) == expected
        for size in (0, 1, 255, 256, 257, 1772):
            assert stored.growth(size).root() == tree.Frontier().grown(leaves[:size]).root()


def test_a_minute_makes_a_checkpoint(
    signing: Open, ears: Ears, seals: list[Sealed], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr(writer, "SEAL_S", 0.05)
    journal = signing()
    journal.submit(batch(1), 1)
    wait_until(lambda: seals, 5, "the checkpoint")
    assert seals[0].size == 1
    check(seals, folder)


def test_what_a_crash_left_uncovered_is_covered_at_once(
    signing: Open, ears: Ears, seals: list[Sealed], folder: Path, tmp_path: Path
) -> None:
    journal = signing()
    journal.submit(batch(1, 2, 3), 1)
    ears.heard(1)
    assert seals == []
    cut = shutil.copytree(folder, tmp_path / "cut")
    with Journal.open(cut, committed=print, failed=ears.failed, sealed=seals.append, origin=ORIGIN):
        wait_until(lambda: seals, 5, "the checkpoint")
    assert seals[0].size == 3
    check(seals, cut)
    assert ears.failures == []


def test_the_tree_goes_on_after_a_restart(
    signing: Open, ears: Ears, seals: list[Sealed], folder: Path
) -> None:
    for size in (3, 250, 300, 1, 900):
        journal = signing()
        journal.submit(Batch(tuple(entry(n) for n in range(size))), size)
        journal.close()
        assert seals[-1].size == len(ears.rows)
    check(seals, folder)


def test_the_key_is_made_once_and_for_its_owner_only(signing: Open, folder: Path) -> None:
    journal = signing()
    vkey = journal.vkey
    journal.close()
    assert (folder / "journal.key").stat().st_mode & 0o777 == 0o400
    assert (folder / "journal.vkey").read_text().strip() == vkey
    assert signing().vkey == vkey
    with pytest.raises(JournalUnusable, match="is a key already"):
        keys.make(folder, ORIGIN)


def test_another_site_cannot_take_the_folder(signing: Open) -> None:
    signing().close()
    with pytest.raises(JournalUnusable, match="belongs to armoury/test, not to armoury/other"):
        signing(origin="armoury/other")


def test_a_lost_key_stops_the_signing_only(
    signing: Open, ears: Ears, seals: list[Sealed], folder: Path
) -> None:
    journal = signing()
    journal.submit(batch(1), 1)
    journal.close()
    before = list(seals)
    (folder / "journal.key").rename(folder / "lost")
    journal = signing()
    assert journal.vkey is None
    assert "nothing is signed until it is put back" in str(ears.failures[-1])
    journal.submit(batch(2), 2)
    journal.close()
    assert seals == before
    (folder / "lost").rename(folder / "journal.key")
    journal = signing()
    assert isinstance(ears.failures[-1], JournalDoubtful)
    journal.submit(Batch((entry(3, DOUBTFUL, Severity.ALARM),)), 3)
    journal.close()
    assert seals[-1].size == 3
    check(seals, folder)


def test_the_key_may_be_a_systemd_credential(
    signing: Open, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = signing()
    vkey = journal.vkey
    journal.close()
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (folder / "journal.key").rename(credentials / "journal.key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert signing().vkey == vkey


@pytest.mark.parametrize("damage", ["", "PRIVATE+KEY+x", "\ufffd"])
def test_a_damaged_key_is_said_and_not_shown(signing: Open, folder: Path, damage: str) -> None:
    folder.mkdir()
    (folder / "journal.key").write_text(damage)
    with pytest.raises(JournalUnusable, match=r"journal\.key is damaged: .* put back"):
        signing()


def test_a_key_that_is_none_stops_the_signing_only(
    signing: Open, ears: Ears, seals: list[Sealed], folder: Path
) -> None:
    signing().close()
    key = (folder / "journal.key").read_text()
    for said in ("is damaged", "cannot be read"):
        (folder / "journal.key").unlink()
        if said == "is damaged":  # as a disk that lost power leaves a file
            (folder / "journal.key").touch()
        else:
            (folder / "journal.key").mkdir()
        journal = signing()
        assert isinstance(ears.failures[-1], KeyMissing)
        assert said in str(ears.failures[-1])
        journal.submit(batch(1), len(ears.commits))
        journal.close()
    assert len(ears.rows) == 2
    assert seals == []
    (folder / "journal.vkey").unlink()  # nor is another key made for what was signed by this one
    signing().close()
    (folder / "journal.key").rmdir()
    (folder / "journal.key").write_text(key)
    signing().close()
    check(seals, folder)


@pytest.mark.parametrize("damage", [b"", b"armoury/test+x\n", b"\xff\xfe\n"])
def test_a_public_key_that_is_damaged_is_written_anew(
    signing: Open, ears: Ears, seals: list[Sealed], folder: Path, damage: bytes
) -> None:
    signing().close()
    vkey = folder / "journal.vkey"
    text = vkey.read_bytes()
    vkey.unlink()
    vkey.write_bytes(damage)
    journal = signing()
    assert [f"{vkey} was damaged" in str(told) for told in ears.failures] == [True] * bool(damage)
    assert vkey.read_bytes() == text
    journal.submit(batch(1), 1)
    journal.close()
    check(seals, folder)
