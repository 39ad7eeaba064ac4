"""What an action makes of an output: on a clock of the test's own."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.contract import Action
from drivers.gpio.options import Output
from drivers.gpio.switch import LONGEST_PULSE_MS, ActionRefused, Switch


def strike(**options: Any) -> Switch:
    return Switch("strike", Output(pin=23, **{"fail_state": "off"} | options), on=False)


def act(verb: str, **args: Any) -> Action:
    return Action(1, verb, "strike", args)


def test_a_pulse_has_an_end() -> None:
    switch = strike()
    switch.asked(act("pulse", for_ms=5_000), 1_000)
    assert (switch.on, switch.due_us) == (True, 5_001_000)
    switch.ended()
    assert (switch.on, switch.due_us) == (False, None)


def test_a_second_pulse_restarts_the_time() -> None:
    switch = strike()
    switch.asked(act("pulse", for_ms=5_000), 0)
    switch.asked(act("pulse", for_ms=1_000), 2_000_000)
    assert switch.due_us == 3_000_000


def test_off_ends_a_pulse() -> None:
    switch = strike()
    switch.asked(act("pulse", for_ms=5_000), 0)
    switch.asked(act("off"), 1)
    assert (switch.on, switch.due_us) == (False, None)


def test_on_lasts_until_off_or_as_long_as_it_may() -> None:
    for longest_s, due_us in ((None, None), (7, 7_000_000)):
        switch = strike(max_on_s=longest_s)
        switch.asked(act("on"), 0)
        assert (switch.on, switch.due_us) == (True, due_us)


def test_however_often_it_is_asked_it_is_on_no_longer_at_a_stretch_than_it_may() -> None:
    switch = strike(max_on_s=7)
    for at_s in range(7):
        switch.asked(act("pulse", for_ms=5_000), at_s * 1_000_000)
    assert switch.due_us == 7_000_000
    switch.ended()
    switch.asked(act("pulse", for_ms=5_000), 7_000_000)
    assert switch.due_us == 12_000_000


@pytest.mark.parametrize(("kind", "longest_s"), [("strike", 60), ("lock", 60), ("siren", 900)])
def test_what_opens_or_makes_noise_has_an_end_also_where_none_is_written(
    kind: str, longest_s: int
) -> None:
    switch = strike(kind=kind)
    switch.asked(act("on"), 0)
    assert switch.due_us == longest_s * 1_000_000


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (act("open"), "cannot open; it can pulse, on and off"),
        (act("pulse"), "needs for_ms, a whole number; there was None"),
        (act("pulse", for_ms="1"), "needs for_ms"),
        (act("pulse", for_ms=True), "needs for_ms"),
        (act("pulse", for_ms=0), "may be on for 1 to 3600000 ms"),
        (act("pulse", for_ms=LONGEST_PULSE_MS + 1), "may be on for 1 to"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_moves_nothing(action: Action, sentence: str) -> None:
    switch = strike()
    switch.asked(act("pulse", for_ms=5_000), 0)
    with pytest.raises(ActionRefused, match=sentence):
        switch.asked(action, 1)
    assert (switch.on, switch.due_us) == (True, 5_000_000)


def test_a_pulse_longer_than_it_may_be_on_is_refused() -> None:
    switch = strike(max_on_s=5)
    switch.asked(act("pulse", for_ms=5_000), 0)
    with pytest.raises(ActionRefused, match="strike may be on for 1 to 5000 ms"):
        switch.asked(act("pulse", for_ms=5_001), 0)


@pytest.mark.parametrize(
    ("active", "fail_state", "level"),
    [("high", "off", False), ("high", "on", True), ("low", "off", True), ("low", "on", False)],
)
def test_the_fail_state_as_a_level(active: str, fail_state: str, level: bool) -> None:
    assert strike(active=active, fail_state=fail_state).fail_level is level
