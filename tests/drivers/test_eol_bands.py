"""Whether a loop's states can be told apart: whatever `check` accepts, at its tolerances."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from drivers.contract import PointState
from drivers.eol.bands import BITS, ERROR, HYSTERESIS, LEAK_OHM, Band, Resistors
from drivers.eol.options import Input, Options

NORMAL, ALARM, OPEN, SHORT = (
    PointState.NORMAL,
    PointState.ALARM,
    PointState.OPEN,
    PointState.SHORT,
)
INFINITE = float("inf")

ohms = st.integers(100, 50_000)
inputs = st.builds(
    Input,
    channel=st.just(0),
    end_ohm=ohms,
    alarm_ohm=st.none() | ohms,
    contact=st.sampled_from(["nc", "no"]),
)
boards = st.builds(
    Options,
    factory=st.just("pigpio"),
    adc=st.sampled_from(["mcp3008", "mcp3208"]),
    select=st.just(0),
    reference=st.just(7),
    pull_up_ohm=st.integers(1000, 20_000),
    tolerance_pct=st.integers(1, 10),
    cable_ohm=st.integers(0, 500),
)
shares = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)  # the ends of each range, and between


def physical(loop: Input, state: PointState, end: float, alarm: float | None) -> float:
    """Return what the loop's two wires have between them at the detector, by Ohm's law."""
    closed = (loop.contact == "nc") == (state is NORMAL)  # the alarm contact
    if state is OPEN:
        return INFINITE
    if state is SHORT:
        return 0.0
    if loop.contact == "nc":
        return end if closed else end + (INFINITE if alarm is None else alarm)
    if not closed:
        return end
    return 0.0 if alarm is None else 1 / (1 / end + 1 / alarm)


def states(loop: Input) -> list[PointState]:
    if loop.alarm_ohm is not None:
        return [NORMAL, ALARM, OPEN, SHORT]
    return [NORMAL, ALARM, SHORT if loop.contact == "nc" else OPEN]


@given(boards, inputs, st.data())
def test_whatever_check_accepts_tells_its_states_apart(
    board: Options, loop: Input, data: st.DataObject
) -> None:
    board = replace(board, inputs={"loop": loop})
    assume(not list(board.mistakes()))
    state = data.draw(st.sampled_from(states(loop)))

    def real(nominal: float) -> float:
        return nominal * (1 + board.tolerance_pct / 100 * (2 * data.draw(shares) - 1))

    alarm = None if loop.alarm_ohm is None else real(loop.alarm_ohm)
    at_detector = physical(loop, state, real(loop.end_ohm), alarm)
    leak = LEAK_OHM / max(1e-9, data.draw(shares))
    wet = leak if at_detector == INFINITE else at_detector * leak / (at_detector + leak)
    whole = wet + (0 if wet == leak else board.cable_ohm * data.draw(shares))
    full = 1 << BITS[board.adc]
    error = data.draw(st.integers(1 - ERROR[board.adc], ERROR[board.adc] - 1))
    code = int(whole / (whole + real(board.pull_up_ohm)) * full) + error
    code = min(full - 1, max(0, code))

    bands = loop.bands(board.resistors)
    assert bands.state(code, bands.of(code, None)) is state
    for before in bands:  # whatever it was before
        assert bands.state(code, bands.of(code, before)) is state


@given(boards, inputs, st.integers(0, 4095))
def test_every_code_means_something_and_the_bounds_have_hysteresis(
    board: Options, loop: Input, code: int
) -> None:
    board = replace(board, inputs={"loop": loop})
    assume(not list(board.mistakes()))
    code %= 1 << BITS[board.adc]
    bands = loop.bands(board.resistors)
    band = bands.of(code, None)
    assert bands.state(code, band) is not PointState.UNKNOWN
    if band is None:
        assert bands.state(code, None) in (OPEN, SHORT)
        return
    for near in range(band.low - HYSTERESIS[board.adc], band.high + HYSTERESIS[board.adc] + 1):
        assert bands.of(near, band) is band
        assert near in bands.keeps(band)


def board(**changes: Any) -> Options:
    table: dict[str, Any] = {
        "factory": "pigpio",
        "adc": "mcp3008",
        "select": 0,
        "reference": 7,
        "pull_up_ohm": 4700,
    }
    return Options(**table | changes)


USUAL = [
    (1000, Input(channel=0, end_ohm=1000, alarm_ohm=1000)),
    (2200, Input(channel=0, end_ohm=2200, alarm_ohm=4700)),
    (4700, Input(channel=0, end_ohm=4700, alarm_ohm=4700)),
    (4700, Input(channel=0, end_ohm=4700, alarm_ohm=4700, contact="no")),
    (5600, Input(channel=0, end_ohm=5600, alarm_ohm=5600)),
    (10_000, Input(channel=0, end_ohm=10_000, alarm_ohm=10_000)),
    (4700, Input(channel=0, end_ohm=4700)),
    (4700, Input(channel=0, end_ohm=4700, contact="no")),
]


@pytest.mark.parametrize(("pull_up_ohm", "loop"), USUAL)
def test_the_resistors_of_the_trade_are_accepted(pull_up_ohm: int, loop: Input) -> None:
    for adc in ("mcp3008", "mcp3208"):
        usual = board(adc=adc, pull_up_ohm=pull_up_ohm, inputs={"loop": loop})
        assert list(usual.mistakes()) == []


@pytest.mark.parametrize(
    ("loop", "changes", "states"),
    [
        (Input(channel=0, end_ohm=4700, alarm_ohm=100), {}, "normal and alarm"),
        (Input(channel=0, end_ohm=100, alarm_ohm=4700), {"cable_ohm": 500}, "short and normal"),
        (Input(channel=0, end_ohm=50_000, alarm_ohm=50_000), {}, "normal and alarm"),
        (
            Input(channel=0, end_ohm=4700, alarm_ohm=50_000, contact="no"),
            {"tolerance_pct": 10},
            "alarm and normal",
        ),
        (Input(channel=0, end_ohm=50_000), {"pull_up_ohm": 1000}, "normal and alarm"),
    ],
)
def test_what_is_too_close_is_named(loop: Input, changes: dict[str, Any], states: str) -> None:
    (mistake,) = board(inputs={"loop": loop}, **changes).mistakes()
    assert mistake.key == ("inputs.loop.alarm_ohm" if loop.alarm_ohm else "inputs.loop.end_ohm")
    assert states in mistake.found
    assert "take resistors like the pull-up's value" in mistake.remedy


def test_a_code_says_ohms() -> None:
    resistors = Resistors("mcp3008", 4700, 1, 50)
    assert resistors.ohms(512) == 4700
    assert resistors.ohms(0) == 0
    assert resistors.ohms(1023) == 999_999
    assert Resistors("mcp3208", 4700, 1, 50).ohms(2048) == 4700


def test_bands_stand_by_what_they_measure() -> None:
    bands = Input(channel=0, end_ohm=4700, alarm_ohm=4700, contact="no").bands(
        Resistors("mcp3008", 4700, 1, 50)
    )
    assert [band.state for band in bands] == [SHORT, ALARM, NORMAL, OPEN]
    assert bands.of(512, None) == Band(NORMAL, *Resistors("mcp3008", 4700, 1, 50).resistor(4700))
