"""Which evidence is given up, and which never is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.journal.surplus import DAY_US, Item, old, oldest
from agent.site.moment import Moment

NOW = Moment(1000 * DAY_US, 0, "boot", trusted=True)
KEEP_D = {"hall": 90, "yard": 7}


def item(seq: int, age_d: int = 0, size: int = 10, camera: str = "hall", *alarms: str) -> Item:
    data = {"camera": camera, "alarms": list(alarms)}
    return Item(seq, NOW.utc_us - age_d * DAY_US, f"{seq:064x}", size, data)


def test_each_camera_has_its_own_days() -> None:
    items = [item(1, 91), item(2, 90), item(3, 8, 10, "yard"), item(4, 900, 10, "gone")]
    assert [one.seq for one in old(items, KEEP_D, frozenset(), NOW)] == [1, 3]


def test_what_is_of_an_open_alarm_stays_however_old_it_is() -> None:
    items = [item(1, 91, 10, "hall", "7", "8"), item(2, 91, 10, "hall", "9")]
    assert [one.seq for one in old(items, KEEP_D, frozenset({"8"}), NOW)] == [2]
    assert [one.seq for one in oldest(items, frozenset({"8"}), 100)] == [2]


def test_a_clock_that_nobody_trusts_makes_nothing_old() -> None:
    doubted = Moment(NOW.utc_us, 0, "boot", trusted=False)
    assert old([item(1, 900)], KEEP_D, frozenset(), doubted) == []


items = st.lists(st.tuples(st.integers(0, 100), st.sampled_from(["", "1", "2"])), max_size=20)


@given(items, st.integers(-10, 500))
def test_no_more_goes_than_must_and_the_oldest_first(
    found: list[tuple[int, str]], size: int
) -> None:
    all_of_them = [
        item(seq, 0, size, "hall", *filter(None, [alarm]))
        for seq, (size, alarm) in enumerate(found)
    ]
    needed = frozenset({"1"})
    free = [one for one in all_of_them if not one.is_of(needed)]
    gone = oldest(all_of_them, needed, size)
    assert gone == free[: len(gone)]
    assert sum(one.size for one in gone[:-1]) < max(1, size)
    assert len(gone) == len(free) or sum(one.size for one in gone) >= size
