"""What an unsure clock dated is corrected afterwards, and nothing is rewritten."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cli.journal import journal as cli
from agent.cli.journal_lines import really_at
from agent.journal.clocks import Clocks, Corrected, corrected
from agent.journal.journal import Journal
from agent.journal.reading import Reader
from agent.journal.record import Batch, Entry
from agent.site.moment import Moment
from agent.site.step import Event, Severity
from tests.journal.recording import Ears

TRUE_US = 1_780_000_000_000_000  # what a right clock shows when boot "a" begins
SECOND = 1_000_000


def event(boot: str, mono_s: int, shown_us: int, trusted: bool) -> Entry:
    moment = Moment(shown_us, mono_s * SECOND, boot, trusted)
    return Entry(Event("point.changed", "store", Severity.INFO, moment, "board", {"n": 1}))


def wrong(boot: str, mono_s: int, off_us: int = 0) -> Entry:
    """Return an event as a clock shows it that began at the epoch and was set by hand."""
    return event(boot, mono_s, mono_s * SECOND + off_us, False)


def right(boot: str, mono_s: int, began_us: int = TRUE_US) -> Entry:
    return event(boot, mono_s, began_us + mono_s * SECOND, True)


@pytest.fixture
def reader(folder: Path, ears: Ears) -> Iterator[Reader]:
    """Boot a: synchronised after 60 s; b: never; c: lost in the middle and never again."""
    events = [
        *(wrong("a", second) for second in (5, 10)),
        wrong("a", 20, 86_400 * SECOND),  # set by hand, wrongly
        right("a", 60),
        right("a", 70),
        *(wrong("b", second) for second in (3, 4)),
        right("c", 9, TRUE_US + 500 * SECOND),
        wrong("c", 11),
    ]
    with Journal.open(folder, committed=ears.committed, failed=ears.failed) as journal:
        journal.submit(Batch(tuple(events)), 1)
        ears.heard(1)
        with Reader(folder) as made:
            yield made


def found(reader: Reader) -> list[Corrected | None]:
    clocks = Clocks(reader)
    return [clocks.of(row) for row in reader.query()]


def at(us: int) -> Corrected:
    return Corrected(us, us, us)


def test_each_boot_is_dated_by_what_it_knew_itself(reader: Reader) -> None:
    bounds = Corrected(None, TRUE_US + 70 * SECOND, TRUE_US + 509 * SECOND)
    assert found(reader) == [
        at(TRUE_US + 5 * SECOND),
        at(TRUE_US + 10 * SECOND),
        at(TRUE_US + 20 * SECOND),
        None,
        None,
        bounds,
        bounds,
        None,
        at(TRUE_US + 511 * SECOND),
    ]


def test_in_whatever_order_it_is_asked(reader: Reader) -> None:
    rows = list(reader.query())
    clocks = Clocks(reader)
    backwards = [clocks.of(row) for row in reversed(rows)]
    assert backwards[::-1] == found(reader)


def test_an_export_says_both(reader: Reader, folder: Path, tmp_path: Path) -> None:
    rows = list(reader.query())
    said = [json.loads(row.body) for row in corrected(reader, rows)]
    assert said[3] == json.loads(rows[3].body)
    assert said[0].pop("corrected") == TRUE_US + 5 * SECOND
    assert said[0] == json.loads(rows[0].body)
    assert said[5]["corrected_from"] == TRUE_US + 70 * SECOND
    words = ["export", "--data", str(folder), "--corrected"]
    table = list(csv.DictReader(io.StringIO(CliRunner().invoke(cli, [*words, "--csv"]).output)))
    assert table[0]["time"] == "1970-01-01T00:00:05.000000Z"
    assert table[0]["corrected"] == "2026-05-28T20:26:45.000000Z"
    assert table[3]["corrected"] == ""
    assert table[5]["corrected_to"] == "2026-05-28T20:35:09.000000Z"
    plain = CliRunner().invoke(cli, words[:-1]).output.splitlines()
    assert [line.encode() for line in plain] == [row.body for row in rows], "as it was recorded"
    flat = CliRunner().invoke(cli, [*words, "--sqlite", str(tmp_path / "out.db")])
    assert flat.exit_code == 0, flat.output


def test_show_says_so(reader: Reader, folder: Path) -> None:
    shown = CliRunner().invoke(cli, ["show", "1", "--data", str(folder)]).output
    assert "the clock was not set yet; really at 2026-05-28" in shown
    shown = CliRunner().invoke(cli, ["show", "6", "--data", str(folder)]).output
    assert "really between 2026-05-28" in shown
    assert "clock" not in CliRunner().invoke(cli, ["show", "4", "--data", str(folder)]).output


@pytest.mark.parametrize(
    ("from_us", "to_us", "said"),
    [
        (None, None, "nobody knows when it really was"),
        (TRUE_US, None, "really after 2026-05-28"),
        (None, TRUE_US, "really before 2026-05-28"),
        (TRUE_US, TRUE_US + SECOND, "really between 2026-05-28"),
    ],
)
def test_what_is_known_of_the_time_is_said_and_no_more(
    from_us: int | None, to_us: int | None, said: str
) -> None:
    assert really_at(Corrected(None, from_us, to_us)).startswith(said)


@settings(max_examples=40, deadline=None)
@given(
    boots=st.lists(
        st.lists(st.tuples(st.integers(0, 50), st.integers(-(10**12), 10**12)), max_size=6),
        max_size=6,
    ),
    synchronised=st.data(),
)
def test_a_boot_that_was_ever_synchronised_is_dated_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    boots: list[list[tuple[int, int]]],
    synchronised: st.DataObject,
) -> None:
    """However far the clock was off before, and wherever in the boot it was synchronised."""
    events: list[Entry] = []
    true: list[int | None] = []
    for number, steps in enumerate(boots):
        began_us = TRUE_US + number * 10_000 * SECOND
        since = synchronised.draw(st.integers(0, len(steps)))
        mono_s = 0
        for place, (passed_s, off_us) in enumerate(steps):
            mono_s += passed_s
            if place >= since:
                events.append(right(f"boot-{number}", mono_s, began_us))
            else:
                shown = began_us + mono_s * SECOND + off_us
                events.append(event(f"boot-{number}", mono_s, shown, False))
            true.append(began_us + mono_s * SECOND if since < len(steps) else None)
    folder = tmp_path_factory.mktemp("clocks")
    ears = Ears()
    with Journal.open(folder, committed=ears.committed, failed=ears.failed) as journal:
        journal.submit(Batch(tuple(events)), 1)
        ears.heard(1)
        with Reader(folder) as made:
            for row, was_us in zip(made.query(), true, strict=True):
                said = Clocks(made).of(row)
                if said is not None:
                    assert said.at_us == was_us
