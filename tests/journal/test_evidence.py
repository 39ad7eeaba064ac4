"""Files beside the record that the record covers."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from agent.journal.evidence import (
    DROPPED,
    KEPT,
    ORPHAN_S,
    Evidence,
    EvidenceFull,
    EvidenceUnkept,
    Fault,
)
from agent.journal.journal import Journal
from agent.journal.reading import Reader
from agent.journal.record import Batch
from agent.journal.verification import verify
from tests.journal.recording import Ears, entry

MIB = 1 << 20
PICTURE = [b"\xff\xd8", bytes(1000), b"\xff\xd9"]
DIGEST = sha256(b"".join(PICTURE)).hexdigest()


@pytest.fixture
def evidence(opened: Callable[..., Journal], folder: Path) -> Evidence:
    opened()
    return Evidence(folder, MIB)


@pytest.fixture
def covered(ears: Ears, folder: Path) -> Evidence:
    """Two files, each with its event."""
    evidence = Evidence(folder, MIB)
    with Journal.open(folder, committed=ears.committed, failed=ears.failed) as journal:
        digests = [evidence.keep(content).sha256 for content in (PICTURE, [b"another"])]
        kept = [entry(1, KEPT, data={"sha256": digest}) for digest in digests]
        journal.submit(Batch((entry(0), *kept)), 1)
    return evidence


def test_a_file_is_kept_under_its_digest(evidence: Evidence, folder: Path) -> None:
    kept = evidence.keep(iter(PICTURE))
    assert kept.sha256 == DIGEST
    assert kept.size == 1004 == evidence.used()
    assert evidence.path(DIGEST).read_bytes() == b"".join(PICTURE)
    assert evidence.path(DIGEST).stat().st_mode & 0o777 == 0o600
    assert evidence.keep(PICTURE) == kept
    assert evidence.used() == 1004, "the same file is kept once"
    assert list((folder / "evidence").glob("*.part")) == []


def test_what_does_not_fit_is_not_kept(evidence: Evidence, folder: Path) -> None:
    evidence.keep([bytes(MIB - 100)])
    with pytest.raises(EvidenceFull, match="its 1 MiB"):
        evidence.keep([bytes(50), bytes(51)])
    assert evidence.used() == MIB - 100
    assert list((folder / "evidence").glob("*.part")) == []
    evidence.keep([bytes(100)])
    assert evidence.used() == MIB


def test_a_disk_that_refuses_is_said(tmp_path: Path) -> None:
    (tmp_path / "evidence").touch()
    with pytest.raises(EvidenceUnkept, match="cannot be written"):
        Evidence(tmp_path, MIB).keep(PICTURE)


def test_what_is_changed_or_missing_is_named(covered: Evidence, folder: Path) -> None:
    with Reader(folder) as reader:
        assert list(covered.verify(reader)) == []
        covered.path(DIGEST).write_bytes(b"\xff\xd8" + bytes(1001) + b"\xd9")
        assert list(covered.verify(reader)) == [Fault(2, DIGEST, "changed")]
        covered.path(DIGEST).unlink()
        assert list(covered.verify(reader)) == [Fault(2, DIGEST, "missing")]


def test_verify_looks_at_it(covered: Evidence, folder: Path) -> None:
    assert verify(folder, []).findings == ()
    covered.path(DIGEST).unlink()
    (finding,) = verify(folder, []).findings
    assert (finding.first, finding.what) == (2, f"its file {DIGEST} is missing")


def test_only_orphans_are_cleaned_away_and_only_old_ones(covered: Evidence, folder: Path) -> None:
    orphan = covered.path(covered.keep([b"orphan"]).sha256)
    half = folder / "evidence" / "0123.part"
    half.write_bytes(b"half")
    with Reader(folder) as reader:
        later = Evidence(folder, MIB)  # of the next run
        assert later.clean(reader) == [], "its event may be about to come"
        old = time.time() - ORPHAN_S - 1
        for path in [*(folder / "evidence").glob("??/*"), half]:
            os.utime(path, (old, old))
        assert set(later.clean(reader)) == {orphan.name, half.name}
        assert list(covered.verify(reader)) == []


def test_what_was_given_up_is_not_missed(covered: Evidence, folder: Path, ears: Ears) -> None:
    dropped = entry(9, DROPPED, data={"files": [DIGEST], "reason": "age"})
    with Journal.open(folder, committed=ears.committed, failed=ears.failed) as journal:
        journal.submit(Batch((dropped,)), 1)
    with Reader(folder) as reader:
        (left,) = covered.items(reader)
        assert left.sha256 == sha256(b"another").hexdigest()
        old = time.time() - ORPHAN_S - 1
        os.utime(covered.path(DIGEST), (old, old))
        later = Evidence(folder, MIB)
        assert later.clean(reader) == [DIGEST], "a crash came between its event and its end"
        assert list(covered.verify(reader)) == []


@pytest.mark.parametrize("digest", ["", "x" * 64, "../" * 21 + "a", DIGEST.upper(), DIGEST + "\n"])
def test_only_a_digest_names_a_file(evidence: Evidence, digest: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        evidence.path(digest)


def test_what_is_given_up_while_all_is_verified_is_not_missed(
    covered: Evidence, folder: Path, ears: Ears
) -> None:
    """The daemon goes on: between two files of a verification, it drops the second."""
    first, second = covered.path(DIGEST), covered.path(sha256(b"another").hexdigest())
    first.unlink()
    os.mkfifo(first)  # whoever reads it waits for us
    found: list[Fault] = []
    with Reader(folder) as reader:
        verifying = threading.Thread(target=lambda: found.extend(covered.verify(reader)))
        verifying.start()
        with first.open("wb") as file:
            with Journal.open(folder, committed=ears.committed, failed=ears.failed) as journal:
                dropped = entry(9, DROPPED, data={"files": [second.name], "reason": "space"})
                journal.submit(Batch((dropped,)), 1)
            second.unlink()
            file.writelines(PICTURE)
        verifying.join(60)
    assert found == []


def test_what_waits_for_its_event_is_not_a_crashs_leavings(
    opened: Callable[..., Journal], folder: Path
) -> None:
    """The record's disk may refuse for hours; the file is on another part of it, and well."""
    opened()
    evidence = Evidence(folder, MIB)
    evidence.keep(PICTURE)
    os.utime(evidence.path(DIGEST), (0, 0))
    with Reader(folder) as reader:
        assert evidence.clean(reader) == []
        assert Evidence(folder, MIB).clean(reader) == [DIGEST], "it is of a run that ended"


def test_the_same_picture_may_be_kept_again(
    opened: Callable[..., Journal], ears: Ears, folder: Path
) -> None:
    journal, evidence = opened(), Evidence(folder, MIB)
    for tag, what in enumerate((KEPT, DROPPED, KEPT), 1):
        data = {"sha256": DIGEST} if what == KEPT else {"files": [DIGEST]}
        evidence.keep(PICTURE)
        journal.submit(Batch((entry(tag, what, data=data),)), tag)
    ears.heard(3)
    os.utime(evidence.path(DIGEST), (0, 0))
    with Reader(folder) as reader:
        (item,) = evidence.items(reader)
        assert item.seq == 3
        assert Evidence(folder, MIB).clean(reader) == []
        evidence.remove([item])
        (fault,) = evidence.verify(reader)
    assert (fault.seq, fault.what) == (3, "missing")
