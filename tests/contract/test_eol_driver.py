"""The end-of-line driver in its host, against a converter behind pigpiod's own protocol."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pigpio
import pytest

from drivers.contract import now_us
from tests.contract import eol_site as site
from tests.contract.hosting import Simulator
from tests.waiting import wait_until

FAILED = 70
SOON_S = 5.0


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Simulator]:
    with site.wired(tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("channel", "point", "wire", "state"),
    [
        (site.PIR, "pir", "alarm", "alarm"),
        (site.PIR, "pir", "open", "open"),
        (site.PIR, "pir", "short", "short"),
        (site.PANIC, "panic", "alarm", "alarm"),
        (site.PANIC, "panic", "open", "open"),
        (site.PANIC, "panic", "short", "short"),
        (site.SHOCK, "shock", "alarm", "alarm"),
        (site.SHOCK, "shock", "short", "short"),
        (site.LID, "lid", "alarm", "alarm"),
        (site.LID, "lid", "open", "open"),
    ],
)
def test_every_state_of_every_kind_of_loop_is_told_and_its_end(
    board: Simulator, channel: int, point: str, wire: str, state: str
) -> None:
    with site.started(site.host(board)) as host:
        board.tell("loop", channel=channel, state=wire)
        told = host.expect("point")
        assert (told["point"], told["state"]) == (point, state)
        board.tell("loop", channel=channel, state="normal")
        told = host.expect("point")
        assert (told["point"], told["state"]) == (point, "normal")
        assert host.stop() == 0


@pytest.mark.parametrize("select", [0, 1])
@pytest.mark.parametrize("adc", ["mcp3008", "mcp3208"])
def test_both_converters_at_both_chip_selects(tmp_path: Path, adc: str, select: int) -> None:
    with (
        site.wired(tmp_path, adc, select) as board,
        site.started(site.host(board, adc=adc, select=select)) as host,
    ):
        board.tell("loop", select=select, channel=site.PIR, state="alarm")
        told = host.expect("point", point="pir", state="alarm")
        assert told["detail"]["ohms"] == pytest.approx(9400, rel=0.01)


def test_the_present_state_is_told_first(board: Simulator) -> None:
    board.tell("loop", channel=site.PANIC, state="open")
    with site.host(board) as host:
        assert host.expect("ready")["identity"] == {"adc": "mcp3008", "revision": "a02082"}
        assert host.expect("point", point="panic")["state"] == "open"
        assert host.expect("point", point="pir")["state"] == "normal"


def test_what_fits_no_state_is_tampering_with_its_value(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        board.tell("loop", channel=site.PIR, ohms=6500)
        told = host.expect("point", point="pir")
        assert told["state"] == "open"
        assert told["detail"]["outside"] is True
        assert told["detail"]["ohms"] == pytest.approx(6500, rel=0.02)
        board.tell("loop", channel=site.PIR, ohms=2000)
        assert host.expect("point", point="pir")["state"] == "short"


def test_what_every_loop_measures_is_shown(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        board.tell("loop", channel=site.SHOCK, ohms=4800)
        host.expect("alive")
        measured = host.expect("alive")["measured"]
        assert measured["shock_ohm"] == pytest.approx(4800, rel=0.01)
        assert measured["pir_ohm"] == pytest.approx(4700, rel=0.01)


def test_a_slow_drift_ends_as_tampering_and_flickers_nowhere(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        board.tell("loop", channel=site.PIR, drift=700, noise=0.0008)
        first = host.expect("point", 30.0, point="pir")
        assert (first["state"], first["detail"]["outside"]) == ("open", True)
        second = host.expect("point", 30.0, point="pir")
        assert second["state"] == "alarm"


def test_a_noisy_line_tells_nothing(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        for channel in site.ALARMS:
            board.tell("loop", channel=channel, noise=0.002)
        before = board.tell("loops")["conversions"]
        wait_until(lambda: board.tell("loops")["conversions"] > before + 200, 20, "40 rounds")
        assert host.gather(0, "point") == []


@pytest.mark.parametrize("to", ["low", "high", "noise"])
def test_a_converter_that_is_lost_is_one_fault_and_no_alarm_of_a_loop(
    board: Simulator, to: str
) -> None:
    with site.started(site.host(board)) as host:
        board.tell("lose", to=to)
        failed = host.expect("failed", SOON_S)
        assert failed["error"] == "DeviceConfused"
        assert "does not measure: its reference channel reads" in failed["reason"]
        assert host.exited(SOON_S) == FAILED
        assert [m for m in host.pending if m["is"] == "point"] == []


def test_what_was_cut_while_it_was_lost_is_told_when_it_is_back(board: Simulator) -> None:
    board.tell("lose", to="low")
    with site.host(board) as host:
        assert "does not measure" in host.expect("failed", SOON_S)["reason"]
    board.tell("loop", channel=site.PIR, state="open")
    board.tell("lose", to=None)
    with site.host(board) as host:
        host.expect("ready")
        assert host.expect("point", point="pir")["state"] == "open"


def test_every_loop_cut_at_once_is_every_loop_and_no_fault(board: Simulator) -> None:
    """The reference tells a cut cable from a dead converter, however many loops it had."""
    with site.started(site.host(board)) as host:
        for channel in site.ALARMS:
            board.tell("loop", channel=channel, state="open")
        told = {host.expect("point", point=name)["state"] for name in site.INPUTS}
        assert told == {"open", "alarm"}
        host.expect("alive")
        assert host.running()


@pytest.mark.parametrize("to", ["low", "high", "noise"])
def test_a_short_disturbance_of_the_bus_is_nothing(board: Simulator, to: str) -> None:
    with site.started(site.host(board)) as host:
        before = board.tell("loops")["conversions"]
        board.tell("lose", to=to, transfers=len(site.INPUTS) + 1)  # one round
        wait_until(lambda: board.tell("loops")["conversions"] > before + 20, 20, "it went on")
        assert host.gather(0, "point") == []
        assert host.running()


@pytest.mark.parametrize(
    ("misbehave", "reason"),
    [
        ("silence", "does not answer within 1.5 s"),
        ("half", "broke off in the middle of an answer"),
        ("garbage", ""),
        ("disconnect", ""),
        ("vanish", ""),
    ],
)
def test_a_pigpiod_that_misbehaves_is_a_fault_soon(
    board: Simulator, misbehave: str, reason: str
) -> None:
    with site.started(site.host(board)) as host:
        board.tell(misbehave)
        failed = host.expect("failed", SOON_S)
        assert failed["error"].startswith("Device")
        assert "MCP3008 at chip select 0, pigpiod at 127.0.0.1" in failed["reason"]
        assert reason in failed["reason"]
        assert host.exited(SOON_S) == FAILED
        assert [m for m in host.pending if m["is"] == "point"] == []


def test_a_hung_pigpiod_is_a_fault_soon(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        board.process.send_signal(signal.SIGSTOP)
        try:
            assert host.expect("failed", SOON_S)["error"] == "DeviceSilent"
        finally:
            board.process.send_signal(signal.SIGCONT)


def test_nobody_at_the_port_and_no_converter_each_say_what_to_do(board: Simulator) -> None:
    board.tell("adc", kind=None)
    with site.host(board) as host:
        reason = host.expect("failed", SOON_S)["reason"]
        assert "look at its supply, at the wires of the SPI bus" in reason
    port = board.port
    assert board.stop() == 0
    with site.host(board, port=port) as host:
        assert host.expect("failed", SOON_S)["reason"].endswith(
            "cannot be reached (Connection refused); start it, and check host and port in the "
            "site file"
        )


def test_a_handle_is_given_back(board: Simulator) -> None:
    for _ in range(3):
        with site.started(site.host(board)) as host:
            assert len(board.tell("loops")["handles"]) == 1
            assert host.stop() == 0
        wait_until(lambda: board.tell("loops")["handles"] == [], 5, "the handle is free")


def test_handles_that_others_left_behind_are_said(board: Simulator) -> None:
    """A killed program's handles stay with pigpiod: 32 of them, then nobody is let in."""
    with site.started(site.host(board)) as host:
        host.kill()
    assert board.tell("loops")["handles"] == [0]
    other = pigpio.pi("127.0.0.1", board.port)
    notifications = other._notify
    for _ in range(31):
        other.spi_open(1, 1_000_000)
    other.stop()
    notifications.join(timeout=5.0)
    with site.host(board) as host:
        assert "it has no free SPI handle; restart pigpiod" in host.expect("failed")["reason"]


def test_a_handle_that_pigpiod_knows_no_more_is_said(board: Simulator) -> None:
    """Somebody closed it, or pigpiod was restarted so fast that nobody saw: eight refusals."""
    with site.started(site.host(board)) as host:
        other = pigpio.pi("127.0.0.1", board.port)
        notifications = other._notify
        other.spi_close(0)
        other.stop()
        notifications.join(timeout=5.0)
        failed = host.expect("failed", SOON_S)
        assert failed["error"] == "DeviceRefused"
        assert failed["reason"].endswith(
            "refuses: it was restarted, and knows our SPI handle no more"
        )


def test_a_press_is_told_within_two_rounds(board: Simulator) -> None:
    with site.started(site.host(board)) as host:
        before_us = now_us()
        board.tell("loop", channel=site.PANIC, state="alarm")
        told = host.expect("point", point="panic", state="alarm")
        assert told["at"] >= before_us
