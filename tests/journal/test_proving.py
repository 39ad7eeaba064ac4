"""Proofs that leave the house: one event's, and the monitor's that nothing was changed."""

from __future__ import annotations

import base64
import json
import re
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.journal import tree
from agent.journal.checkpoint import Checkpoint
from agent.journal.journal import Journal
from agent.journal.note import NoteRefused, Signer, Verifier
from agent.journal.proving import CannotProve, check, prove, submission
from agent.journal.reading import Reader
from agent.journal.record import Batch, Commit, Sealed
from tests.journal.recording import ORIGIN, entry
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Sealed]]:
    """A record of 1,000 events under checkpoints of odd sizes, and three events under none."""
    folder = tmp_path_factory.mktemp("record") / "data"
    told: list[Commit] = []
    seals: list[Sealed] = []
    journal = Journal.open(
        folder, committed=told.append, failed=print, sealed=seals.append, origin=ORIGIN
    )
    for tag, size in enumerate((101, 155, 256, 100, 388, 3)):
        journal.submit(Batch(tuple(entry(n) for n in range(size))), tag)
        wait_until(lambda expected=tag + 1: len(told) == expected, 5, "the commit")  # type: ignore[misc]
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)  # while it is open: closing would cover the last three
    seals_then = list(seals)
    journal.close()
    assert [sealed.size for sealed in seals_then] == [101, 256, 512, 612, 1000]
    return copy, seals_then


def key(folder: Path) -> list[Verifier]:
    return [Verifier.parse((folder / "journal.vkey").read_text())]


@pytest.mark.parametrize("seq", [1, 2, 100, 101, 102, 256, 257, 512, 513, 613, 999, 1000])
def test_an_event_is_proved(record: tuple[Path, list[Sealed]], seq: int) -> None:
    folder, seals = record
    with Reader(folder) as reader:
        proof = prove(reader, seq)
        (row,) = reader.read(seq - 1, 1)
    proved = check(proof, key(folder))
    assert proved.body == row.body
    assert json.loads(proved.body)["seq"] == seq == proved.index + 1
    assert proved.checkpoint.size == next(s.size for s in seals if s.size >= seq)


def test_a_proof_is_written_as_specified(record: tuple[Path, list[Sealed]]) -> None:
    """Checked here with nothing but SHA-256, as a third party would."""
    with Reader(record[0]) as reader:
        proof = prove(reader, 7)
    lines = proof.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    extra = re.fullmatch("extra (.+)", lines[1])
    assert extra
    assert lines[2] == "index 6"
    end = lines.index("")
    node, index = sha256(b"\0" + base64.b64decode(extra[1])).digest(), 6
    for line in lines[3:end]:  # of 101 leaves, the first 64 make a perfect tree
        other = base64.b64decode(line)
        pair = other + node if index & 1 else node + other
        node, index = sha256(b"\1" + pair).digest(), index >> 1
    assert lines[end + 1 : end + 3] == [ORIGIN, "101"]
    assert base64.b64decode(lines[end + 3]) == node


def test_what_cannot_be_proved_is_said(record: tuple[Path, list[Sealed]]) -> None:
    with Reader(record[0]) as reader:
        for seq in (0, -5, 1004):
            with pytest.raises(CannotProve, match=f"no event {seq}"):
                prove(reader, seq)
        with pytest.raises(CannotProve, match="no checkpoint covers the event 1001 yet"):
            prove(reader, 1001)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_letter_of_a_proof_may_differ(
    record: tuple[Path, list[Sealed]], data: st.DataObject
) -> None:
    with Reader(record[0]) as reader:
        proof = prove(reader, 300)
    at = data.draw(st.integers(0, len(proof) - 1))
    letter = data.draw(st.characters(exclude_characters=proof[at], exclude_categories=["Cs"]))
    try:
        proved = check(proof[:at] + letter + proof[at + 1 :], key(record[0]))
    except NoteRefused:
        return
    # the last letters of base64 have bits that mean nothing
    assert proof[at + 1] in "=\n"
    assert proved == check(proof, key(record[0]))


@given(st.text())
def test_what_is_no_proof_is_refused(text: str) -> None:
    signer = Signer(ORIGIN, bytes(32))
    note = Checkpoint(ORIGIN, 1, bytes(32)).signed(signer)
    for wrong in (text, f"{text}\n\n{note}", f"c2sp.org/tlog-proof@v1\n{text}\n\n{note}"):
        with pytest.raises(NoteRefused):
            check(wrong, [signer.verifier])


@pytest.mark.parametrize("old", [0, 1, 101, 256, 300, 612, 999])
def test_a_witness_can_follow(record: tuple[Path, list[Sealed]], old: int) -> None:
    folder, seals = record
    with Reader(folder) as reader:
        said = submission(reader, old)
        with reader.tree() as stored:
            old_root = stored.growth(old).root()
    assert said
    head, _, note = said.partition("\n\n")
    first, *path = head.split("\n")
    assert first == f"old {old}"
    assert note == seals[-1].note
    new = Checkpoint.open(note, key(folder))
    proof = [base64.b64decode(line) for line in path]
    if old:
        assert tree.extends(old_root, old, new.root, new.size, proof)
    else:
        assert proof == []


def test_a_witness_that_knows_more_finds_the_rollback(record: tuple[Path, list[Sealed]]) -> None:
    with Reader(record[0]) as reader:
        assert submission(reader, 1000) is None
        with pytest.raises(CannotProve, match=r"over 1001 events was signed, .* older copy"):
            submission(reader, 1001)
