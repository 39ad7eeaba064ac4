"""What the record gives up, when, and that nothing else goes with it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.journal import keys
from agent.journal.errors import JournalMisused
from agent.journal.journal import Journal
from agent.journal.proving import CannotProve, check, prove, submission
from agent.journal.ranges import Ranges
from agent.journal.reading import Reader
from agent.journal.record import PRUNED, Batch, Entry, Lane
from agent.journal.retention import Policy, plan, used
from agent.journal.verification import verify
from agent.site.moment import Moment
from agent.site.step import Event, Severity
from tests.journal.recording import BOOT, START_US, Ears, batch, entry

DAY = 86_400
SEVERITIES = [Severity.INFO, Severity.INFO, Severity.INFO, Severity.ACCESS, Severity.ALARM]


@pytest.fixture
def journal(ears: Ears, folder: Path) -> Iterator[Journal]:
    """A thousand days, two events each day, all delivered."""
    with Journal.open(
        folder, committed=ears.committed, failed=ears.failed, origin="armoury/test"
    ) as made:
        days = [
            entry(n * DAY // 2, f"test.{n % 5}", SEVERITIES[n % 5], data={"secret": f"s-{n}"})
            for n in range(2000)
        ]
        made.submit(Batch(tuple(days)), 1)
        ears.heard(1)
        made.acknowledge("fibre", "rest", [(1, 1900)])
        made.acknowledge("cellular", "alarm", [(1, 2000)])
        made.submit(Batch(()), 2)
        ears.heard(2)
        yield made


def day(number: int, trusted: bool = True) -> Moment:
    return Moment(START_US + number * DAY * 1_000_000, 0, BOOT, trusted)


def pruned(journal: Journal, ears: Ears, folder: Path, *wanted: object) -> list[int]:
    """Carry the plan out, as the runtime does; return the numbers that it named."""
    with Reader(folder) as reader:
        policy, now, below = wanted
        found: list[int] = []
        for made in plan(reader, policy, now, below):  # type: ignore[arg-type]
            journal.submit(made, 3)
            ears.heard(len(ears.commits) + 1)
            found += [n for first, last in made.prune.spans for n in range(first, last + 1)]
    return found


def left(folder: Path) -> set[int]:
    with Reader(folder) as reader:
        return {row.seq for row in reader.query() if row.kind != PRUNED}


def severity(seq: int) -> Severity:
    return SEVERITIES[(seq - 1) % 5]


def test_each_severity_has_its_time(journal: Journal, ears: Ears, folder: Path) -> None:
    gone = pruned(journal, ears, folder, Policy(), day(1000), 2**62)
    expected = {
        seq
        for seq in range(1, 2001)
        if seq < 2 * (1000 - (92 if severity(seq) is Severity.INFO else 731)) + 1
    }
    assert set(gone) == expected
    assert left(folder) == set(range(1, 2001)) - expected
    assert verify(folder, keys.public(folder)).findings == ()
    assert verify(folder, keys.public(folder)).pruned == len(expected)


def test_a_kind_may_have_its_own_time(journal: Journal, ears: Ears, folder: Path) -> None:
    policy = Policy({**Policy().keep_d, "test.1": 365})
    pruned(journal, ears, folder, policy, day(1000), 2**62)
    ages = {1000 - (seq - 1) // 2 for seq in left(folder) if (seq - 1) % 5 == 1}
    assert max(ages) in (364, 365, 366)


def test_what_is_not_delivered_stays(journal: Journal, ears: Ears, folder: Path) -> None:
    pruned(journal, ears, folder, Policy(), day(5000), 2**62)
    assert left(folder) == {seq for seq in range(1901, 2001) if severity(seq) != "alarm"}


def test_what_belongs_to_an_open_alarm_stays(journal: Journal, ears: Ears, folder: Path) -> None:
    pruned(journal, ears, folder, Policy(), day(5000), 700)
    assert left(folder) == set(range(700, 2001))


def test_an_untrusted_clock_makes_nothing_old(journal: Journal, ears: Ears, folder: Path) -> None:
    assert pruned(journal, ears, folder, Policy(), day(5000, trusted=False), 2**62) == []


def test_chatter_goes_for_space_and_nothing_else(
    journal: Journal, ears: Ears, folder: Path
) -> None:
    with Reader(folder) as reader:
        before = used(reader)
    gone = pruned(journal, ears, folder, Policy(quota=before * 8 // 10), day(1000), 2**62)
    early = [seq for seq in gone if (1000 - (seq - 1) / 2) <= 92]
    assert {severity(seq) for seq in early} <= {Severity.INFO}
    gone = pruned(journal, ears, folder, Policy(quota=1), day(1000), 2**62)
    delivered = set(range(1, 1901))
    assert {seq for seq in left(folder) & delivered if severity(seq) is Severity.INFO} == set()
    assert {seq for seq in left(folder) if severity(seq) is Severity.ALARM} >= {
        seq for seq in range(600, 2001) if severity(seq) is Severity.ALARM
    }
    with Reader(folder) as reader:
        assert used(reader) < before * 3 // 4, "the space is given back"


def test_proofs_outlive_pruning(journal: Journal, ears: Ears, folder: Path) -> None:
    trusted = keys.public(folder)
    with Reader(folder) as reader:
        old_proof = prove(reader, 4)
        old_submission = submission(reader, 0)
    pruned(journal, ears, folder, Policy(), day(1000), 2**62)
    assert check(old_proof, trusted).index == 3
    with Reader(folder) as reader:
        assert check(prove(reader, 1600), trusted).index == 1599
        with pytest.raises(CannotProve, match="holds only its hash"):
            prove(reader, 4)
        assert old_submission
        assert submission(reader, 1000)
        with reader.tree() as tree:
            journal.close()
            assert tree.growth(2000).root() == check(old_proof, trusted).checkpoint.root


def test_what_is_pruned_is_nowhere_in_the_files(journal: Journal, ears: Ears, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "journal.db")) as connection:
        proofs = connection.execute("SELECT proof FROM event WHERE seq IN (1, 2, 3)").fetchall()
    pruned(journal, ears, folder, Policy(), day(1000), 2**62)
    journal.close()
    content = b"".join(path.read_bytes() for path in folder.glob("journal.db*"))
    assert b'"secret":"s-1999"' in content
    assert b'"secret":"s-2"' not in content
    assert not any(proof[:16] in content for (proof,) in proofs), "the salts go, too"


def test_the_record_opens_and_grows_after_pruning(
    journal: Journal, ears: Ears, folder: Path
) -> None:
    pruned(journal, ears, folder, Policy(quota=1), day(1000), 2**62)
    journal.close()
    with Journal.open(
        folder, committed=ears.committed, failed=ears.failed, origin="armoury/test"
    ) as again:
        head = again.head
        again.submit(batch(1, 2), 9)
    verdict = verify(folder, keys.public(folder))
    assert verdict.findings == ()
    assert verdict.events == verdict.covered == head + 2


def test_dropped_is_not_pruned(journal: Journal, ears: Ears, folder: Path) -> None:
    pruned(journal, ears, folder, Policy(), day(300), 2**62)
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as connection:
        for seq in (500, 501):
            leaf = prove_leaf(folder, seq)
            connection.execute("DELETE FROM event WHERE seq = ?", (seq,))
            connection.execute("INSERT INTO event(seq, proof) VALUES (?, ?)", (seq, leaf))
    (finding,) = verify(folder, keys.public(folder)).findings
    assert (finding.first, finding.last) == (500, 501)
    assert "no pruning of it was recorded" in finding.what


def prove_leaf(folder: Path, seq: int) -> bytes:
    with Reader(folder) as reader, reader.tree() as tree:
        return tree.subtree(seq - 1, seq)


@pytest.mark.parametrize(
    "said", [None, [[1, 4]], [[1, 5], [7, 7]]], ids=["no event", "other ranges", "more ranges"]
)
def test_no_pruning_goes_unsaid(journal: Journal, said: list[list[int]] | None) -> None:
    entries = []
    if said is not None:
        data = {"ranges": said}
        entries.append(Entry(Event(PRUNED, "journal", Severity.INFO, day(1), data=data)))  # type: ignore[arg-type]
    with pytest.raises(JournalMisused, match=r"needs one system\.pruned"):
        journal.submit(Batch(tuple(entries), prune=Ranges.of([(1, 5)])), 5)


def test_the_event_of_a_pruning_says_what_went(journal: Journal, ears: Ears, folder: Path) -> None:
    gone = pruned(journal, ears, folder, Policy(), day(400), 2**62)
    said = [json.loads(row.body)["data"] for row in journal.query(kind=PRUNED)]
    named = [n for data in said for first, last in data["ranges"] for n in range(first, last + 1)]
    assert named == gone
    assert sum(data["events"] for data in said) == len(gone)
    assert journal.read(0, 10, lane=Lane.REST)[0].seq > 0
