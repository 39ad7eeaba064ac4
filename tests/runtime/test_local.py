"""The record as it is shown on site: what is hidden leaves not even a gap."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from agent.journal.errors import StorageCorrupt
from agent.journal.query import LAST
from agent.journal.ranges import Ranges
from agent.journal.record import Recorded
from agent.runtime.local import KEY, LocalRecord


def row(seq: int, *, hidden: bool) -> Recorded:
    data = {"hidden": True, "person": "p-1"} if hidden else {"text": '"hidden":true'}
    body = json.dumps({"data": data, "seq": seq}, separators=(",", ":")).encode()
    return Recorded(seq, "duress.raised" if hidden else "access.granted", "alarm", body)


@given(st.lists(st.booleans(), max_size=60))
def test_shown_numbers_have_no_gaps_and_lead_back(hidden: list[bool]) -> None:
    rows = [row(seq, hidden=one) for seq, one in enumerate(hidden, 1)]
    local = LocalRecord({})
    local.note(rows)
    shown = [(one.seq, local.shown(one)) for one in rows]
    kept = [(seq, event["seq"]) for seq, event in shown if event]
    assert [number for _, number in kept] == list(range(1, len(kept) + 1))
    assert local.head == len(kept)
    assert all(local.recorded_number(number) >= seq for seq, number in kept)
    for seq, number in kept:  # what comes after a shown number is what is shown after it
        assert [n for s, n in kept if s > local.recorded_number(number)] == [
            n for s, n in kept if s > seq
        ]


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 60))
def test_a_restart_knows_what_was_saved_and_reads_the_rest(hidden: list[bool], cut: int) -> None:
    rows = [row(seq, hidden=one) for seq, one in enumerate(hidden, 1)]
    before = LocalRecord({})
    before.note(rows[:cut])
    after = LocalRecord(before.changes())
    after.note(one for one in rows if one.seq > after.upto)
    before.note(rows[cut:])
    assert after.head == before.head
    assert after.changes().get(KEY) in (None, before.changes().get(KEY))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_damage_has_the_numbers_that_are_missed(rows: list[tuple[bool, bool]]) -> None:
    local = LocalRecord({})
    local.note(row(seq, hidden=hidden) for seq, (hidden, _) in enumerate(rows, 1))
    damaged = Ranges.of((seq, seq) for seq, (_, damaged) in enumerate(rows, 1) if damaged)
    kept = [damaged for hidden, damaged in rows if not hidden]
    missed = Ranges.of((number, number) for number, damaged in enumerate(kept, 1) if damaged)
    assert local.shown_spans(damaged.spans) == missed.spans
    beyond = local.shown_spans([(len(rows) + 1, LAST)])
    assert beyond == (), "how many are hidden does not show at the end either"


def test_a_text_that_says_hidden_is_shown() -> None:
    assert LocalRecord({}).shown(row(1, hidden=False))


class Damaged:
    """A record some of whose numbers cannot be read."""

    def __init__(self, rows: list[Recorded], damaged: set[int]) -> None:
        self.head = rows[-1].seq
        self._rows = rows
        self._damaged = damaged

    def read(self, after: int, limit: int, *, upto: int) -> list[Recorded]:
        if self._damaged & {*range(after + 1, upto + 1)}:
            raise StorageCorrupt("it is damaged")
        return [row for row in self._rows if after < row.seq <= upto][:limit]


def test_a_restart_passes_over_what_is_damaged() -> None:
    rows = [row(seq, hidden=seq % 10 == 0) for seq in range(1, 2501)]
    local = LocalRecord({KEY: b'{"upto": 5, "hidden": []}'})
    local.catch_up(Damaged(rows, {*range(1201, 1231)}))  # type: ignore[arg-type]
    assert local.upto == 2500
    assert local.hidden == 250 - 3
