"""Sets of numbers kept as ranges: what has been delivered of a record that only grows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from msgspec import Struct

Span = tuple[int, int]  # first and last, both included


class Ranges(Struct, frozen=True):
    """An immutable set of integers.

    Attributes:
        spans: ascending, disjoint, never adjacent; both ends included.
    """

    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, spans: Iterable[Iterable[int]]) -> Ranges:
        """Build from any spans, in any order, overlapping or not.

        Raises:
            ValueError: a span is not two numbers, or ends before it begins.
        """
        merged: list[Span] = []
        for first, last in sorted(tuple(span) for span in spans):
            if last < first:
                raise ValueError(f"a range cannot end before it begins: {first}-{last}")
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        return cls(tuple(merged))

    def __or__(self, other: Ranges) -> Ranges:
        if self.spans and len(other.spans) == 1:  # more of a record that grows, as a rule
            (first, last), (begin, end) = self.spans[-1], other.spans[0]
            if first <= begin <= last + 1:
                return Ranges((*self.spans[:-1], (first, max(last, end))))
        return Ranges.of(self.spans + other.spans)

    def __sub__(self, other: Ranges) -> Ranges:
        left: list[Span] = []
        for first, last in self.spans:
            begin = bisect_left(other.spans, first, key=lambda span: span[1])
            end = bisect_right(other.spans, last, key=lambda span: span[0])
            left += Ranges(other.spans[begin:end]).gaps(first, last)
        return Ranges(tuple(left))

    def __and__(self, other: Ranges) -> Ranges:
        return self - (self - other)

    def __contains__(self, number: int) -> bool:
        return self.complete_to(number) >= number

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.spans)

    def upto(self, last: int) -> Ranges:
        """Return what of it is not above a number."""
        return Ranges(tuple((first, min(end, last)) for first, end in self.spans if first <= last))

    def complete_to(self, first: int) -> int:
        """Return the last number up to which nothing from `first` on is missing.

        It is `first` - 1 when `first` itself is missing.
        """
        at = bisect_right(self.spans, first, key=lambda span: span[0]) - 1
        return max(first - 1, self.spans[at][1]) if at >= 0 else first - 1

    def gaps(self, first: int, last: int) -> Iterator[Span]:
        """Yield, ascending, what of `first`..`last` is missing."""
        for begin, end in self.spans:
            if begin > last:
                break
            if begin > first:
                yield first, begin - 1
            first = max(first, end + 1)
        if first <= last:
            yield first, last
