"""The pins of the machine itself, with gpiozero's own mock factory where the chip would be.

It shows what we ask of gpiozero, not what a chip makes of it: that takes a Raspberry Pi.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory

from drivers.contract import DeviceRefused
from drivers.gpio.board import LgpioBoard
from drivers.gpio.options import Options

OPTIONS = Options(factory="lgpio")


class MockLgpioBoard(LgpioBoard):
    def _load(self) -> Any:
        return MockFactory

    def _open(self, kind: Any) -> Any:
        factory = kind()
        factory._handle = 7
        return factory


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """The calls of lgpio.gpio_claim_output(handle, pin, level)."""
    made: list[tuple[int, int, int]] = []
    lgpio = SimpleNamespace(gpio_claim_output=lambda *claim: made.append(claim), error=OSError)
    monkeypatch.setitem(sys.modules, "lgpio", lgpio)
    return made


@pytest.fixture
def board(claims: list[tuple[int, int, int]]) -> Iterator[LgpioBoard]:
    opened = MockLgpioBoard(OPTIONS)
    yield opened
    opened._factory.close()


def test_an_input_is_pulled_read_and_told_of(board: LgpioBoard) -> None:
    told: list[tuple[int, bool]] = []
    board.add_input(17, "up")
    pin = board._factory.pin(17)
    assert pin.pull == "up"
    assert board.read(17) is True
    board.watch(lambda number, level, _at_us: told.append((number, level)), lost=pytest.fail)
    pin.drive_low()
    pin.drive_high()
    assert told == [(17, False), (17, True)]
    assert board.prove() == {17: True}


@pytest.mark.parametrize("level", [False, True])
def test_an_output_is_claimed_with_the_level_it_shall_have(
    board: LgpioBoard, claims: list[tuple[int, int, int]], level: bool
) -> None:
    board.add_output(23, level)
    assert claims == [(7, 23, int(level))]


def test_an_output_is_driven_and_read_back(board: LgpioBoard) -> None:
    board.add_output(23, level=False)
    board._factory.pin(23).function = "output"  # what the claim does on a chip
    board.write(23, level=True)
    assert board.prove() == {23: True}


def test_what_gpiozero_refuses_is_a_sentence(board: LgpioBoard) -> None:
    with pytest.raises(DeviceRefused, match=r"the GPIO chip of this machine refuses \(.*GPIO2"):
        board.add_input(2, "down")


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    with pytest.raises(DeviceRefused, match="lgpio is not installed; install armoury-agent"):
        LgpioBoard(OPTIONS)
