"""The record as people on site see it: nothing of what is hidden, and no gap where it is.

An event under duress is for the monitor alone. On site its number would give it away as much as
its text, so events are numbered here by their place among those that are shown. Which ones are
hidden is kept with the site's state, so that a start need not read the whole record.
"""

from __future__ import annotations

import contextlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

from agent.journal.canonical import encode
from agent.journal.errors import StorageCorrupt
from agent.journal.journal import Journal
from agent.journal.ranges import Ranges, Span
from agent.journal.record import Recorded

KEY = "local/hidden"
# No text can hold these bytes: JSON escapes the quotes inside one.
MARK = b'"hidden":true'
SAVED_EVERY = 1000  # events, at the least: a start reads so many
CATCH_UP_ROWS = 1000


class LocalRecord:
    """Numbers as they are on site.

    Args:
        saved: the site's saved state.
    """

    def __init__(self, saved: Mapping[str, bytes]) -> None:
        known: dict[str, Any] = json.loads(saved.get(KEY, b'{"upto": 0, "hidden": []}'))
        self.upto: int = known["upto"]
        self._hidden: list[int] = list(known["hidden"])
        self._saved_upto = self.upto
        self._news = False

    def note(self, rows: Iterable[Recorded]) -> None:
        """Take in rows that are on the disk now, in order."""
        for row in rows:
            self.upto = row.seq
            if MARK in row.body:
                self._hidden.append(row.seq)
                self._news = True

    def catch_up(self, journal: Journal) -> None:
        """Read what was recorded since it was saved; what is damaged is passed over.

        Of the damage the journal itself tells.

        Raises:
            JournalError: the disk does not give it.
        """
        head = journal.head
        for before in range(self.upto, head, CATCH_UP_ROWS):
            last = min(before + CATCH_UP_ROWS, head)
            try:
                self.note(journal.read(before, CATCH_UP_ROWS, upto=last))
            except StorageCorrupt:
                for number in range(before, last):
                    with contextlib.suppress(StorageCorrupt):
                        self.note(journal.read(number, 1, upto=number + 1))

    def changes(self) -> dict[str, bytes | None]:
        """Return what is to be saved with the next commit."""
        if not self._news and self.upto - self._saved_upto < SAVED_EVERY:
            return {}
        self._news, self._saved_upto = False, self.upto
        return {KEY: encode({"upto": self.upto, "hidden": self._hidden})}

    @property
    def hidden(self) -> int:
        """Return how many events are not shown."""
        return len(self._hidden)

    @property
    def head(self) -> int:
        """Return how many events are shown."""
        return self.upto - len(self._hidden)

    def shown(self, row: Recorded) -> dict[str, Any] | None:
        """Return the event as it is shown; None when it is not."""
        if MARK in row.body:
            return None
        event: dict[str, Any] = json.loads(row.body)
        event["seq"] = self.shown_number(row.seq)
        return event

    def shown_number(self, number: int) -> int:
        """Return under which number what has this number in the record is shown."""
        return number - bisect_left(self._hidden, number)

    def shown_spans(self, spans: Iterable[Span]) -> tuple[Span, ...]:
        """Return under which numbers what has these in the record is shown.

        What is hidden is not among them, nor does it part them: damage cannot show where it is.
        """
        numbers = (
            (self.shown_number(first), last - bisect_right(self._hidden, last))
            for first, last in spans
        )
        known = ((first, min(last, self.head)) for first, last in numbers)
        return Ranges.of(span for span in known if span[0] <= span[1]).spans

    def recorded_number(self, shown: int) -> int:
        """Return the record's own number of what is shown under `shown`."""
        number = shown
        for hidden in self._hidden:
            if hidden > number:
                break
            number += 1
        return number
