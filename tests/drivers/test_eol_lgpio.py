"""The machine's own bus, with a stand-in where the lgpio package would be.

It shows what we ask of lgpio, not what a converter makes of it: that takes a Raspberry Pi.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from drivers.contract import DeviceRefused, DeviceSilent
from drivers.eol.bus import LgpioBus, open_bus
from drivers.eol.options import Options

OPTIONS = Options(factory="lgpio", adc="mcp3008", select=1, reference=7, pull_up_ohm=4700)


class LgpioError(Exception):
    """As lgpio.error."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What lgpio is asked; every channel measures half."""
    made: list[tuple[Any, ...]] = []

    def spi_open(*asked: int) -> int:
        made.append(("open", *asked))
        return 4

    def spi_xfer(handle: int, sent: bytes) -> tuple[int, bytearray]:
        made.append(("xfer", handle, sent))
        return 3, bytearray.fromhex("fffa00")

    lgpio = SimpleNamespace(
        spi_open=spi_open,
        spi_xfer=spi_xfer,
        spi_close=lambda handle: made.append(("close", handle)),
        error=LgpioError,
    )
    monkeypatch.setitem(sys.modules, "lgpio", lgpio)
    return made


def test_the_bus_is_opened_read_and_closed(calls: list[tuple[Any, ...]]) -> None:
    with open_bus(OPTIONS, (7, 0)) as bus:
        assert bus.convert() == [512, 512]
    assert calls == [
        ("open", 0, 1, 1_000_000, 0),
        ("xfer", 4, bytes.fromhex("01f000")),
        ("xfer", 4, bytes.fromhex("018000")),
        ("close", 4),
    ]


def test_a_bus_that_is_not_there_says_what_to_do(
    calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> int:
        raise LgpioError("can not open SPI device")

    monkeypatch.setattr(sys.modules["lgpio"], "spi_open", refuse)
    with pytest.raises(DeviceRefused, match=r"dtparam=spi=on in config\.txt"):
        open_bus(OPTIONS, (7, 0))


def test_a_transfer_that_fails_is_the_device_silent(
    calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = LgpioBus(OPTIONS, (7,))

    def fail(*_: Any) -> None:
        raise LgpioError("SPI xfer/read/write failed")

    monkeypatch.setattr(sys.modules["lgpio"], "spi_xfer", fail)
    with pytest.raises(DeviceSilent, match="cannot be read"):
        bus.convert()


def test_without_the_package_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lgpio", None)
    with pytest.raises(DeviceRefused, match=r"install armoury-agent\[pi\]"):
        open_bus(OPTIONS, (7,))
