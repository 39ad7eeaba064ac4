"""Old checkpoints go but the last of each day; nothing that they proved goes with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.journal import keys
from agent.journal.info import look
from agent.journal.journal import Journal
from agent.journal.policy import Policy
from agent.journal.proving import check, prove, submission
from agent.journal.reading import Reader
from agent.journal.record import Batch
from agent.journal.retention import MOST_ROWS, Retention
from agent.journal.thinning import WHOLE_D
from agent.journal.verification import verify
from agent.site.moment import Moment
from tests.journal.recording import BOOT, START_US, Ears, entry

DAY_S = 86_400
DAYS = WHOLE_D + 10
A_DAY = 3  # checkpoints, of 100 events each
POLICY = Policy(dict.fromkeys(Policy().keep_d, 10_000))  # no event is old


def moment(day: int, *, trusted: bool = True) -> Moment:
    return Moment(START_US + day * DAY_S * 1_000_000, 1, BOOT, trusted)


class Record:
    """A signed record of many days, with all checkpoints that it ever had."""

    def __init__(self, folder: Path, ears: Ears) -> None:
        self.folder, self.ears = folder, ears
        self.journal = Journal.open(
            folder, committed=ears.committed, failed=ears.failed, origin="armoury/test"
        )
        self.retention = Retention(POLICY)

    def submit(self, batch: Batch) -> None:
        self.ears.commit(self.journal, batch, 1)

    def days(self, first: int, last: int) -> None:
        for group in range(first * A_DAY, last * A_DAY):
            day, nth = divmod(group, A_DAY)
            begin = day * DAY_S + nth * 100
            self.submit(Batch(tuple(entry(begin + n) for n in range(100))))

    def notes(self) -> dict[int, str]:
        with Reader(self.folder) as reader, reader.tree() as tree:
            return dict(tree.checkpoints())

    def thin(self, now: Moment) -> int:
        """Carry a plan out; return how many batches it had."""
        with Reader(self.folder) as reader:
            count = 0
            for batch in self.retention.plan(reader, now, 2**62, 2**62):
                assert not batch.entries
                assert len(batch.thin) <= MOST_ROWS
                self.submit(batch)
                count += 1
        return count


@pytest.fixture
def record(folder: Path, ears: Ears) -> Iterator[Record]:
    made = Record(folder, ears)
    yield made
    made.journal.close()


def of_day(day: int) -> set[int]:
    return {(day * A_DAY + nth + 1) * 100 for nth in range(A_DAY)}


def test_of_an_old_day_only_the_last_stays(record: Record, folder: Path) -> None:
    record.days(0, DAYS)
    before = record.notes()
    assert set(before) == {size for day in range(DAYS) for size in of_day(day)}
    start = START_US // 1_000_000 % DAY_S  # into its day: the last group may fall into the next
    assert start < DAY_S - A_DAY * 100
    record.thin(moment(DAYS - 1))
    old = range(DAYS - 1 - WHOLE_D)
    expected = {min(of_day(0))} | {max(of_day(day)) for day in old}
    expected |= {size for day in range(DAYS - 1 - WHOLE_D, DAYS) for size in of_day(day)}
    after = record.notes()
    assert set(after) == expected
    assert look(folder).checkpoints == len(expected)
    assert record.thin(moment(DAYS - 1)) == 0, "nothing is given up twice"

    gone = [note for size, note in before.items() if size not in after]
    verdict = verify(folder, keys.public(folder), gone)
    assert verdict.findings == (), "what others keep of them still holds"
    assert verdict.checkpoints == len(before)
    with Reader(folder) as reader:
        proved = check(prove(reader, 50), keys.public(folder))
        assert proved.checkpoint.size == 100
        assert check(prove(reader, 450), keys.public(folder)).checkpoint.size == 600
        assert submission(reader, 400), "a witness of one that is gone can go on"


def test_every_key_keeps_its_first_and_its_last(record: Record, folder: Path) -> None:
    record.days(0, 2)
    keys.make_next(folder)
    change = record.journal.key_change(moment(2))
    assert change
    record.submit(change)
    record.days(2, 4)
    record.thin(moment(100))
    last, first = 2 * A_DAY * 100, 2 * A_DAY * 100 + 1
    assert {last, first} <= set(record.notes())
    assert verify(folder, keys.public(folder)).findings == ()


def test_an_untrusted_clock_thins_nothing(record: Record) -> None:
    record.days(0, 3)
    before = record.notes()
    assert record.thin(moment(1000, trusted=False)) == 0
    assert record.notes() == before
