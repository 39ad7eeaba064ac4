"""Ranges against the plain set they stand for."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.journal.ranges import Ranges

NUMBERS = st.integers(min_value=1, max_value=60)


class RangesAsSet(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ranges = Ranges()
        self.model: set[int] = set()

    @rule(spans=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4))
    def add(self, spans: list[tuple[int, int]]) -> None:
        ordered = [(min(span), max(span)) for span in spans]
        self.ranges |= Ranges.of(ordered)
        for first, last in ordered:
            self.model |= set(range(first, last + 1))

    @rule(spans=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4), only=st.booleans())
    def take_away(self, spans: list[tuple[int, int]], only: bool) -> None:
        other = Ranges.of((min(span), max(span)) for span in spans)
        numbers = {n for first, last in other.spans for n in range(first, last + 1)}
        self.ranges = self.ranges & other if only else self.ranges - other
        self.model = self.model & numbers if only else self.model - numbers

    @rule(number=NUMBERS)
    def contains(self, number: int) -> None:
        assert (number in self.ranges) == (number in self.model)

    @rule(first=NUMBERS)
    def complete_to(self, first: int) -> None:
        last = first - 1
        while last + 1 in self.model:
            last += 1
        assert self.ranges.complete_to(first) == last

    @rule(ends=st.tuples(NUMBERS, NUMBERS))
    def gaps(self, ends: tuple[int, int]) -> None:
        first, last = min(ends), max(ends)
        missing = [n for a, b in self.ranges.gaps(first, last) for n in range(a, b + 1)]
        assert missing == sorted(set(range(first, last + 1)) - self.model)

    @invariant()
    def is_the_set(self) -> None:
        assert [n for a, b in self.ranges.spans for n in range(a, b + 1)] == sorted(self.model)
        assert len(self.ranges) == len(self.model)

    @invariant()
    def is_as_short_as_can_be(self) -> None:
        pairs = zip(self.ranges.spans, self.ranges.spans[1:], strict=False)
        assert all(left[1] + 1 < right[0] for left, right in pairs)


TestRanges = RangesAsSet.TestCase


def test_a_backward_range_is_refused() -> None:
    with pytest.raises(ValueError, match="before it begins: 5-4"):
        Ranges.of([(5, 4)])
