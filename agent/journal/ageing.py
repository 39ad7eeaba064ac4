"""By what time things are old: one wrong answer of a time server must not make everything so.

A clock that was sent years ahead is as trusted as ever. What it shows counts only once events
that are a day old by it are there: age is counted from the newest such event, and a day more.
Where something happens every day this lags by a few hours. It needs no state, and holds over
restarts: the record itself says how long the clock has shown such times.
"""

from __future__ import annotations

from typing import Final

from agent.journal.query import Fits, spans
from agent.journal.reading import Reader
from agent.site.moment import Moment
from agent.site.value import replace

STOOD_US: Final = 86_400_000_000

# The newest by number: what a wrong clock dated before it was set right again does not count twice.
_NEWEST = """SELECT at_us FROM event WHERE kept AND trusted = ',"trusted":true}'
    AND seq BETWEEN ? AND ? AND at_us <= ? ORDER BY seq DESC LIMIT 1"""


def settled(reader: Reader, now: Moment) -> Moment:
    """Return the present as far as age may be counted by it; untrusted: nothing is old.

    Args:
        reader: of the record.
        now: the present.
    """
    until_us = now.utc_us - STOOD_US
    places = spans(reader.ask, Fits(until_us=until_us), 0) if now.trusted else ()
    for first, last in sorted(places, reverse=True):
        if found := reader.ask(_NEWEST, (first, last, until_us)):
            return replace(now, utc_us=found[0][0] + STOOD_US)
    return replace(now, trusted=False)
