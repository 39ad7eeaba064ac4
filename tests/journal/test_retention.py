"""What the record gives up, when, and that nothing else goes with it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.journal import keys
from agent.journal.body import written
from agent.journal.errors import JournalMisused
from agent.journal.filing import Filing
from agent.journal.journal import Journal
from agent.journal.layout import SALT
from agent.journal.policy import Policy, RecordOptions
from agent.journal.proving import CannotProve, check, prove, submission
from agent.journal.ranges import Ranges
from agent.journal.reading import Reader
from agent.journal.record import PRUNED, Batch, Entry, Lane
from agent.journal.retention import DAY_US, MOST_ROWS, Retention, usage
from agent.journal.tree import MARK, leaf_hash
from agent.journal.verification import verify
from agent.site.inputs import Json
from agent.site.moment import Moment
from agent.site.step import Event, Severity
from tests.journal.recording import BOOT, START_US, Ears, batch, entry

DAY = 86_400
EVERYTHING = 2**62
SEVERITIES = [Severity.INFO, Severity.INFO, Severity.INFO, Severity.ACCESS, Severity.ALARM]


@pytest.fixture
def journal(ears: Ears, folder: Path) -> Iterator[Journal]:
    """A thousand days, two events each day, all delivered."""
    with Journal.open(
        folder, committed=ears.committed, failed=ears.failed, origin="armoury/test"
    ) as made:
        days = [
            entry(
                n * DAY // 2,
                f"test.{n % 5}",
                SEVERITIES[n % 5],
                data={"pad": "x" * 200, "secret": f"s-{n}"},
            )
            for n in range(2000)
        ]
        made.submit(Batch(tuple(days)), 1)
        ears.heard(1)
        made.acknowledge("fibre", "rest", [(1, 1900)])
        made.acknowledge("cellular", "alarm", [(1, 2000)])
        made.submit(Batch(()), 2)
        ears.heard(2)
        yield made


def day(number: float, trusted: bool = True) -> Moment:
    return Moment(START_US + int(number * DAY) * 1_000_000, 0, BOOT, trusted)


def carry_out(
    retention: Retention,
    journal: Journal,
    ears: Ears,
    folder: Path,
    now: Moment,
    below: int = EVERYTHING,
    quota: int = EVERYTHING,
) -> list[int]:
    """Carry a plan out, as the runtime does; return the numbers that it named."""
    with Reader(folder) as reader:
        found: list[int] = []
        for made in retention.plan(reader, now, below, quota):
            ears.commit(journal, made, 3)
            assert len(made.prune) <= MOST_ROWS
            found += [n for first, last in made.prune.spans for n in range(first, last + 1)]
    return found


def went_on(journal: Journal, ears: Ears, number: int) -> int:
    """Record an event of that day; return its number."""
    ears.commit(journal, Batch((entry(number * DAY),)), 4)
    return journal.head


def pruned(journal: Journal, ears: Ears, folder: Path, *wanted: object) -> list[int]:
    policy, now, below = wanted
    assert isinstance(policy, Policy)
    given = now, below, policy.quota
    return sorted(carry_out(Retention(policy), journal, ears, folder, *given))  # type: ignore[arg-type]


def used(folder: Path) -> int:
    with Reader(folder) as reader:
        return usage(reader, folder, Policy()).used


def left(folder: Path) -> set[int]:
    with Reader(folder) as reader:
        return {row.seq for row in reader.query() if row.kind != PRUNED}


def severity(seq: int) -> Severity:
    return SEVERITIES[(seq - 1) % 5]


def old_on(number: int) -> set[int]:
    """Return what is old on a day: two events a day, the first on day 0."""
    return {
        seq
        for seq in range(1, 2001)
        if seq < 2 * (number - (92 if severity(seq) is Severity.INFO else 731)) + 1
    }


def test_each_severity_has_its_time(journal: Journal, ears: Ears, folder: Path) -> None:
    gone = pruned(journal, ears, folder, Policy(), day(1000), 2**62)
    expected = old_on(1000)
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
    last = went_on(journal, ears, 4999)
    pruned(journal, ears, folder, Policy(), day(5000), 2**62)
    undelivered = {seq for seq in range(1901, 2001) if severity(seq) != "alarm"}
    assert left(folder) == {*undelivered, last}


def test_what_belongs_to_an_open_alarm_stays(journal: Journal, ears: Ears, folder: Path) -> None:
    last = went_on(journal, ears, 4999)
    pruned(journal, ears, folder, Policy(), day(5000), 700)
    assert left(folder) == set(range(700, last + 1))


def test_an_untrusted_clock_makes_nothing_old(journal: Journal, ears: Ears, folder: Path) -> None:
    went_on(journal, ears, 4999)
    assert pruned(journal, ears, folder, Policy(), day(5000, trusted=False), 2**62) == []


def test_a_clock_that_jumps_ahead_makes_nothing_old_until_it_stood_so_for_a_day(
    journal: Journal, ears: Ears, folder: Path
) -> None:
    wrong = went_on(journal, ears, 5000)
    for at in (5000, 5000.5, 5000.9):
        pruned(journal, ears, folder, Policy(), day(at), 2**62)
        assert left(folder) >= set(range(1, 2001)) - old_on(1001), "nothing but what was due"
    pruned(journal, ears, folder, Policy(), day(5001), 2**62)
    undelivered = {seq for seq in range(1901, 2001) if severity(seq) != "alarm"}
    assert left(folder) == {*undelivered, wrong}


def test_two_wrong_answers_are_no_more_right_than_one(
    journal: Journal, ears: Ears, folder: Path
) -> None:
    went_on(journal, ears, 5000)
    went_on(journal, ears, 1000)  # it was set right
    went_on(journal, ears, 1001)
    went_on(journal, ears, 5002)
    pruned(journal, ears, folder, Policy(), day(5002), 2**62)
    assert left(folder) >= set(range(1, 2001)) - old_on(1002)


def test_a_gateway_that_was_off_for_long_waits_for_a_day(
    journal: Journal, ears: Ears, folder: Path
) -> None:
    """Nothing tells it from one whose clock was sent ahead while it was off."""
    journal.close()
    with Journal.open(
        folder, committed=ears.committed, failed=ears.failed, origin="armoury/test"
    ) as again:
        went_on(again, ears, 1300)
        pruned(again, ears, folder, Policy(), day(1300.5), 2**62)
        assert left(folder) >= set(range(1, 2001)) - old_on(1001)
        pruned(again, ears, folder, Policy(), day(1301), 2**62)
        assert not left(folder) & old_on(1301) & set(range(1, 1901))


def test_chatter_goes_for_space_and_nothing_else(
    journal: Journal, ears: Ears, folder: Path
) -> None:
    before = used(folder)
    gone = pruned(journal, ears, folder, Policy(quota=before * 8 // 10), day(1000), 2**62)
    early = [seq for seq in gone if (1000 - (seq - 1) / 2) <= 92]
    assert {severity(seq) for seq in early} <= {Severity.INFO}
    gone = pruned(journal, ears, folder, Policy(quota=1), day(1000), 2**62)
    delivered = set(range(1, 1901))
    assert {seq for seq in left(folder) & delivered if severity(seq) is Severity.INFO} == set()
    assert {seq for seq in left(folder) if severity(seq) is Severity.ALARM} >= {
        seq for seq in range(600, 2001) if severity(seq) is Severity.ALARM
    }
    assert used(folder) < before * 3 // 4, "the space is given back"


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
            connection.execute("DELETE FROM entry WHERE seq = ?", (seq,))
            connection.execute("INSERT INTO entry(seq, proof) VALUES (?, ?)", (seq, leaf))
    (finding,) = verify(folder, keys.public(folder)).findings
    assert (finding.first, finding.last) == (500, 501)
    assert "no pruning of it was recorded" in finding.what


def forge_pruning(folder: Path, seq: int) -> int:
    """Destroy an event as somebody would who knows the layout, but has no key; return by which."""
    leaf = prove_leaf(folder, seq)
    data: dict[str, Json] = {"ranges": [[seq, seq]], "events": 1}
    said = Entry(Event(PRUNED, "journal", Severity.INFO, day(1000), data=data))
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as connection:
        connection.execute("DELETE FROM entry WHERE seq = ?", (seq,))
        connection.execute("INSERT INTO entry(seq, proof) VALUES (?, ?)", (seq, leaf))
        head = int(connection.execute("SELECT max(seq) FROM entry").fetchone()[0])
        body, columns = written(said, head + 1)
        proof = bytes(SALT) + leaf_hash(bytes(SALT) + body)[:MARK]
        Filing(connection).put([(head + 1, PRUNED, "info", columns, proof)])
    return head + 1


def test_a_pruning_is_signed_at_once_and_no_other_is_believed(
    journal: Journal, ears: Ears, folder: Path
) -> None:
    pruned(journal, ears, folder, Policy(), day(300), 2**62)
    verdict = verify(folder, keys.public(folder))
    assert (verdict.findings, verdict.covered) == ((), journal.head)
    journal.close()
    number = forge_pruning(folder, 1999)
    (finding,) = verify(folder, keys.public(folder)).findings
    assert (finding.first, finding.last) == (1999, 1999)
    assert f"the pruning that the event {number} tells of is not signed" in finding.what
    with Journal.open(
        folder, committed=ears.committed, failed=ears.failed, origin="armoury/test"
    ) as again:
        assert again.head == number, "the numbers go on in a new record"
    assert f"the event {number} of the record in {folder} says that others" in str(ears.failures)
    (aside,) = (folder / "aside").iterdir()
    assert verify(aside, keys.public(folder)).findings == (finding,)


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
    assert sorted(named) == gone
    assert sum(data["events"] for data in said) == len(gone)
    assert journal.read(0, 10, lane=Lane.REST)[0].seq > 0


def test_without_a_trusted_clock_space_is_made_all_the_same(
    journal: Journal, ears: Ears, folder: Path
) -> None:
    unsure = day(400, trusted=False)
    gone = carry_out(Retention(Policy()), journal, ears, folder, unsure, quota=used(folder) // 2)
    assert gone
    assert {severity(seq) for seq in gone} == {Severity.INFO}
    assert verify(folder, keys.public(folder)).findings == ()


def test_what_waited_is_given_up_by_a_later_plan_and_nothing_twice(
    journal: Journal, ears: Ears, folder: Path
) -> None:
    """The plan remembers up to where it has been: that must hide nothing from it."""
    retention = Retention(Policy())
    first = carry_out(retention, journal, ears, folder, day(1000), 100)
    assert carry_out(retention, journal, ears, folder, day(1000), 100) == []
    then = carry_out(retention, journal, ears, folder, day(1000))
    assert not set(first) & set(then)
    assert carry_out(retention, journal, ears, folder, day(1000)) == []
    later = carry_out(retention, journal, ears, folder, day(1100))
    everything = carry_out(Retention(Policy()), journal, ears, folder, day(1100))
    assert later
    assert everything == []
    journal.acknowledge("fibre", "rest", [(1, 2000)])
    ears.commit(journal, Batch(()), 4)
    assert carry_out(retention, journal, ears, folder, day(1200))
    assert verify(folder, keys.public(folder)).findings == ()


def test_times_out_of_order_are_judged_one_by_one(
    ears: Ears, folder: Path, journal: Journal
) -> None:
    """A clock that was set back or forward makes no event older or younger than it says."""
    far, near = (entry(n * DAY, "test.set", data={"n": n}) for n in (5000, 10))
    ears.commit(journal, Batch((far, near, entry(999 * DAY))), 5)
    journal.acknowledge("fibre", "rest", [(1, 2003)])
    ears.commit(journal, Batch(()), 6)
    gone = carry_out(Retention(Policy()), journal, ears, folder, day(1000))
    assert 2002 in gone
    assert 2001 not in gone


def test_the_disk_may_leave_less_than_the_quota(folder: Path, journal: Journal) -> None:
    with Reader(folder) as reader:
        wide = usage(reader, folder, Policy(quota=1 << 60))
        assert usage(reader, folder, Policy(quota=12345)).quota == 12345
    assert wide.used < wide.quota < 1 << 60
    assert 0 <= wide.disk_pct <= 100
    assert wide.record_pct == wide.used * 100 // wide.quota


def test_a_site_file_sets_the_times_and_the_law_some_of_them() -> None:
    policy = RecordOptions(keep_info_d=30, keep_alarm_d=1000, quota_mib=64).policy()
    assert policy.quota == 64 << 20
    assert policy.days("point.changed", "info") == 30
    assert policy.days("door.forced", "alarm") == 1000
    assert policy.days("rack.discrepancy", "alarm") == 1461
    assert policy.days(PRUNED, "info") == 3653
    assert RecordOptions().policy() == Policy()
    assert DAY_US == DAY * 1_000_000
