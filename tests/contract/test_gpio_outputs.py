"""Strikes and sirens: what the simulated board's history says they did."""

from __future__ import annotations

import time
from typing import Any

import pigpio
import pytest

from tests.contract import gpio_site as site
from tests.contract.hosting import Host, Simulator
from tests.waiting import wait_until


def lasts(board: Simulator, pin: int, changes: int) -> None:
    wait_until(lambda: len(site.driven(board, pin)) == changes, 5.0, f"{changes} levels of {pin}")


def test_starting_moves_nothing_but_into_the_fail_state(board: Simulator) -> None:
    with site.started(site.host(board)):
        assert site.driven(board, site.STRIKE) == [0]
        assert site.driven(board, site.SIREN) == [1]
        assert site.driven(board, site.HOLD) == [1]


def done_in_ms(host: Host, verb: str, target: str, **args: Any) -> float:
    """Have it done; return how long that took.

    A time counts from when it is asked for, so what the board sees of it may be as much shorter.
    """
    asked_s = time.monotonic()
    assert host.outcome(verb, target, **args) == "done"
    return (time.monotonic() - asked_s) * 1000


def test_a_pulse_ends_by_itself_in_time(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        late_ms = done_in_ms(host, "pulse", "strike", for_ms=300)
        lasts(board, site.STRIKE, 3)
        assert site.driven(board, site.STRIKE) == [0, 1, 0]
        assert 290 - late_ms <= site.times_ms(board, site.STRIKE)[1] <= 1_300


def test_a_second_pulse_restarts_the_time(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        late_ms = done_in_ms(host, "pulse", "strike", for_ms=400)
        host.gather(0.2)
        host.outcome("pulse", "strike", for_ms=400)
        lasts(board, site.STRIKE, 3)
        assert 590 - late_ms <= site.times_ms(board, site.STRIKE)[1] <= 1_750


def test_off_ends_a_pulse(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        host.outcome("pulse", "strike", for_ms=60_000)
        assert host.outcome("off", "strike") == "done"
        assert site.driven(board, site.STRIKE) == [0, 1, 0]
        assert site.times_ms(board, site.STRIKE)[1] < 50_000


def test_on_ends_when_it_may_last_no_longer(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        host.outcome("off", "hold")
        late_ms = done_in_ms(host, "on", "hold")
        lasts(board, site.HOLD, 4)
        assert site.driven(board, site.HOLD) == [1, 0, 1, 0]
        assert 990 - late_ms <= site.times_ms(board, site.HOLD)[2] <= 2_000


def test_no_pulse_upon_pulse_is_longer_than_it_may_be(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        host.outcome("off", "hold")
        late_ms = done_in_ms(host, "pulse", "hold", for_ms=900)
        for _ in range(5):
            host.gather(0.3)  # the last one alone would end 2400 ms after the first began
            host.outcome("pulse", "hold", for_ms=900)
        wait_until(lambda: len(site.driven(board, site.HOLD)) >= 4, 5.0, "an end of it")
        assert 990 - late_ms <= site.times_ms(board, site.HOLD)[2] <= 2_000


def test_active_low_is_on_when_low(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        host.outcome("pulse", "siren", for_ms=50)
        lasts(board, site.SIREN, 3)
        assert site.driven(board, site.SIREN) == [1, 0, 1]


@pytest.mark.parametrize(
    ("verb", "target", "args", "reason"),
    [
        ("pulse", "gate", {"for_ms": 1}, "there is no output gate"),
        ("open", "strike", {}, "an output cannot open"),
        ("pulse", "strike", {}, "a pulse needs for_ms"),
        ("pulse", "hold", {"for_ms": 1_001}, "for_ms 1001: hold may be on for 1 to 1000 ms"),
    ],
)
def test_what_is_refused_moves_nothing(
    board: Simulator, verb: str, target: str, args: dict[str, Any], reason: str
) -> None:
    with site.started(site.host(board)) as host:
        number = host.act(verb, target, **args)
        answer = host.expect("answer", id=number)
        assert answer["outcome"] == "refused"
        assert answer["reason"].startswith(reason)
        assert site.driven(board, site.STRIKE) == [0]
        assert site.driven(board, site.HOLD) == [1]


def test_what_the_board_does_not_confirm_is_unknown_and_what_had_no_turn_is_refused(
    board: Simulator,
) -> None:
    with site.started(site.host(board)) as host:
        host.expect("alive")
        board.tell("silence")
        first, second = (host.act("pulse", name, for_ms=1_000) for name in ("strike", "siren"))
        assert host.expect("answer", id=first)["outcome"] == "unknown"
        assert host.expect("answer", id=second)["outcome"] == "refused"
        assert host.expect("failed")["error"] == "DeviceSilent"


def test_an_output_that_somebody_else_moves_is_a_fault(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        intruder = pigpio.pi("127.0.0.1", board.port)
        intruder.write(site.STRIKE, 1)
        notifications = intruder._notify
        intruder.stop()
        notifications.join(timeout=5.0)
        failed = host.expect("failed")
        assert "pin 23 (strike) is not as it was switched" in failed["reason"]
        assert host.exited(60) == 70
    assert site.driven(board, site.STRIKE) == [0, 1, 0]
