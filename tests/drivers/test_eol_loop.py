"""What a loop's measurements become, on a clock of the test's own."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.contract import PointReading, PointState
from drivers.eol.bands import Resistors
from drivers.eol.loop import AGAIN_US, Loop
from drivers.eol.options import Input

ROUND_US = 100_000
REST_US = 90_000
RESISTORS = Resistors("mcp3008", 4700, 1, 50)
BANDS = Input(channel=0, end_ohm=4700, alarm_ohm=4700).bands(RESISTORS)
NORMAL, ALARM, OPEN, SHORT = (
    PointState.NORMAL,
    PointState.ALARM,
    PointState.OPEN,
    PointState.SHORT,
)
CODES = {NORMAL: 512, ALARM: 683, OPEN: 1023, SHORT: 0}
OUTSIDE_ABOVE, OUTSIDE_BELOW = 590, 300


def at_rest() -> Loop:
    loop = Loop("pir", BANDS, REST_US)
    assert loop.first(CODES[NORMAL], 0) == PointReading("pir", NORMAL, 0, {"ohms": 4700})
    return loop


def told(loop: Loop, *measured: tuple[int, int]) -> list[tuple[PointState, int]]:
    readings = [loop.measured(code, at_us) for code, at_us in measured]
    return [(one.state, one.at_us) for one in readings if one is not None]


def test_a_change_is_told_when_it_is_confirmed_and_dated_when_it_began() -> None:
    loop = at_rest()
    assert told(loop, (CODES[ALARM], 100)) == []
    assert loop.again
    assert told(loop, (CODES[ALARM], 5_100)) == [(ALARM, 100)]
    assert not loop.again
    assert not loop.pending


def test_one_bad_measurement_is_nothing() -> None:
    loop = at_rest()
    assert told(loop, (0, 100), (CODES[NORMAL], 5_100), (CODES[NORMAL], 100_000)) == []
    assert not loop.pending


def test_the_third_spike_within_a_second_is_told() -> None:
    loop = at_rest()
    spikes = [(CODES[OPEN], 100), (512, 5_100), (CODES[OPEN], 100_100), (512, 105_100)]
    assert told(loop, *spikes) == []
    assert told(loop, (CODES[OPEN], 900_000)) == [(OPEN, 900_000)]


def test_spikes_far_apart_are_nothing() -> None:
    loop = at_rest()
    for second in range(1, 9):
        at_us = second * 700_000
        assert told(loop, (CODES[OPEN], at_us), (512, at_us + AGAIN_US)) == []


def test_a_return_to_normal_must_last_a_round() -> None:
    loop = at_rest()
    told(loop, (CODES[ALARM], 0), (CODES[ALARM], 5_000))
    assert told(loop, (512, 100_000)) == []
    assert not loop.again
    assert told(loop, (512, 105_000)) == []  # another loop wanted a look: it is too early
    assert told(loop, (512, 200_000)) == [(NORMAL, 200_000)]


def test_a_return_that_does_not_last_is_none() -> None:
    loop = at_rest()
    told(loop, (CODES[ALARM], 0), (CODES[ALARM], 5_000))
    assert told(loop, (512, 100_000), (CODES[ALARM], 200_000), (512, 300_000)) == []
    assert told(loop, (512, 400_000)) == [(NORMAL, 400_000)]


def test_a_cut_after_an_alarm_is_told_too() -> None:
    loop = at_rest()
    told(loop, (CODES[ALARM], 0), (CODES[ALARM], 5_000))
    assert told(loop, (CODES[OPEN], 100_000), (CODES[OPEN], 105_000)) == [(OPEN, 100_000)]


def test_what_moves_on_before_it_is_confirmed_is_told_as_what_it_became() -> None:
    loop = at_rest()
    assert told(loop, (CODES[ALARM], 100), (CODES[SHORT], 5_100)) == [(SHORT, 100)]


def test_what_fits_no_state_is_tampering_with_its_value() -> None:
    for code, state, ohms in ((OUTSIDE_ABOVE, OPEN, 6389), (OUTSIDE_BELOW, SHORT, 1947)):
        loop = at_rest()
        loop.measured(code, 100)
        reading = loop.measured(code, 5_100)
        assert reading == PointReading("pir", state, 100, {"ohms": ohms, "outside": True})


def test_a_reading_at_a_bound_does_not_flicker() -> None:
    loop = at_rest()
    normal = next(band for band in BANDS if band.state is NORMAL)
    edge = [(normal.high + 3 * (n % 2), n * ROUND_US) for n in range(100)]
    assert told(loop, *edge) == []


measurements = st.lists(
    st.tuples(st.sampled_from([*CODES.values(), OUTSIDE_ABOVE, OUTSIDE_BELOW]), st.integers(1, 30)),
    max_size=30,
)


def play(
    stretches: list[tuple[int, int]], phase_us: int = 0
) -> tuple[Loop, int, list[PointReading]]:
    """Measure as the driver does while the loop is in each code for so many tens of ms."""
    loop, readings = at_rest(), []
    due_us, begin_us = ROUND_US - phase_us, 0
    for code, lasts in stretches:
        end_us = begin_us + lasts * 10_000
        while due_us < end_us:
            if reading := loop.measured(code, due_us):
                readings.append(reading)
            due_us += AGAIN_US if loop.again else ROUND_US
        begin_us = end_us
    return loop, begin_us, readings


@given(measurements, st.integers(0, ROUND_US - 1))
def test_it_ends_with_the_true_state_whatever_happened(
    stretches: list[tuple[int, int]], phase_us: int
) -> None:
    last = stretches[-1][0] if stretches else CODES[NORMAL]
    loop, _, readings = play([*stretches, (last, 40)], phase_us)
    assert loop.told is BANDS.state(last, BANDS.of(last, None))
    states = [NORMAL, *(one.state for one in readings)]
    assert all(before is not after for before, after in pairwise(states))
    dates = [one.at_us for one in readings]
    assert dates == sorted(dates)


@given(st.sampled_from([ALARM, OPEN, SHORT]), st.integers(0, ROUND_US - 1), st.integers(401, 2_000))
def test_an_input_of_more_than_400_ms_passes_every_debouncing(
    state: PointState, phase_us: int, lasts_ms: int
) -> None:
    loop, readings = at_rest(), []
    begin_us, end_us = 300_000, 300_000 + lasts_ms * 1000
    due_us = ROUND_US - phase_us
    while due_us < end_us + 4 * ROUND_US:
        code = CODES[state] if begin_us <= due_us < end_us else CODES[NORMAL]
        if reading := loop.measured(code, due_us):
            readings.append(reading)
        due_us += AGAIN_US if loop.again else ROUND_US
    began, ended = readings
    assert (began.state, ended.state) == (state, NORMAL)
    assert ended.at_us - began.at_us > 300_000  # the longest debouncing of a zone
    assert began.at_us - begin_us <= ROUND_US


@given(st.integers(1, 50))
def test_no_rhythm_hides_a_loop(rest: int) -> None:
    """Spikes of one measurement each, at any rhythm of up to two a second: the third is told."""
    loop, at_us = at_rest(), 0
    readings: list[PointReading] = []
    for _ in range(3):
        for code, wait_us in ((CODES[OPEN], AGAIN_US), (512, rest * 9_000)):
            if reading := loop.measured(code, at_us):
                readings.append(reading)
            at_us += wait_us
    assert [one.state for one in readings][:1] == [OPEN]
