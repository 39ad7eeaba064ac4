"""An event's body against the rfc8785 package and the standard library's parser."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from agent.journal.body import body, written
from agent.journal.canonical import MAX_INT
from agent.journal.errors import JournalMisused, StorageCorrupt
from agent.journal.filing import Filing, split
from agent.journal.record import Entry, happened_us
from agent.journal.schema import TABLES
from agent.site.moment import Moment
from agent.site.step import Event, Severity

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
INTEGERS = st.integers(-MAX_INT, MAX_INT)
KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
DATA = st.dictionaries(KEYS, TEXTS | INTEGERS | st.booleans() | st.none(), max_size=5)
EVENTS = st.builds(
    Event,
    TEXTS.filter(bool),
    TEXTS,
    st.sampled_from(Severity),
    st.builds(Moment, INTEGERS, INTEGERS, TEXTS, st.booleans()),
    TEXTS,
    DATA,
)


@given(EVENTS, st.none() | TEXTS, st.none() | st.integers(1, MAX_INT))
def test_a_body_is_canonical_and_whole(event: Event, ref: str | None, seq: int | None) -> None:
    written = body(Entry(event, ref), seq)
    said = json.loads(written)
    assert written == rfc8785.dumps(said)
    assert happened_us(written) == event.at.utc_us
    expected = {
        "at": event.at.utc_us,
        "boot": event.at.boot,
        "data": event.data,
        "device": event.device or None,
        "kind": event.kind,
        "mono": event.at.mono_us,
        "object": event.object,
        "ref": ref,
        "seq": seq,
        "severity": event.severity.value,
        "trusted": event.at.trusted,
    }
    assert said == {key: value for key, value in expected.items() if value is not None}


@given(EVENTS, st.none() | TEXTS, st.integers(1, MAX_INT))
def test_a_body_comes_back_from_its_columns(event: Event, ref: str | None, seq: int) -> None:
    said, columns = written(Entry(event, ref), seq)
    assert split(said) == (event.kind, event.severity.value, columns)
    with closing(sqlite3.connect(":memory:")) as connection:
        for sql in TABLES:
            connection.execute(sql)
        Filing(connection).put([(seq, event.kind, event.severity.value, columns, b"")])
        rows = connection.execute("SELECT seq, CAST(body AS BLOB), kept FROM event").fetchall()
    assert rows == [(seq, said, True)]


@given(st.binary(max_size=60))
def test_what_is_no_body_is_not_split(garbage: bytes) -> None:
    with pytest.raises(StorageCorrupt):
        split(garbage)


GOOD = Moment(1, 2, "boot", True)
WRONG = {
    "a time of another type": Event("k", "o", Severity.INFO, Moment("1", 2, "b", True)),  # type: ignore[arg-type]
    "a time with a fraction": Event("k", "o", Severity.INFO, Moment(1, 2.5, "b", True)),  # type: ignore[arg-type]
    "a time too large": Event("k", "o", Severity.INFO, Moment(2**53, 2, "b", True)),
    "an object of another type": Event("k", None, Severity.INFO, GOOD),  # type: ignore[arg-type]
    "a kind of another type": Event(7, "o", Severity.INFO, GOOD),  # type: ignore[arg-type]
    "data of another type": Event("k", "o", Severity.INFO, GOOD, "", 7),  # type: ignore[arg-type]
    "a boot of half a character": Event("k", "o", Severity.INFO, Moment(1, 2, "\udfff", True)),
}


@pytest.mark.parametrize("event", WRONG.values(), ids=WRONG)
def test_a_field_of_the_wrong_type_is_refused(event: Event) -> None:
    with pytest.raises(JournalMisused):
        body(Entry(event), 1)
