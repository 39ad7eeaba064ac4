"""No two devices on one wire: each that has it already is named, on the line of the second."""

from __future__ import annotations

from typing import Any

import pytest

from agent.config.devices import check_devices

Table = dict[str, Any]


def board(name: str, pin: int, **more: Any) -> Table:
    given: Table = {"factory": "lgpio", "inputs": {"contact": {"pin": pin, "pull": "up"}}}
    return {"id": name, "driver": "gpio"} | given | more


def converter(name: str, select: int, **more: Any) -> Table:
    loop = {"channel": 0, "end_ohm": 4700, "alarm_ohm": 4700}
    given: Table = {"factory": "lgpio", "adc": "mcp3008", "select": select, "reference": 7}
    given |= {"pull_up_ohm": 4700, "inputs": {"loop": loop}}
    return {"id": name, "driver": "eol"} | given | more


def finger_reader(name: str, port: str) -> Table:
    return {"id": name, "driver": "zfm", "port": port}


def card_reader(name: str, port: str) -> Table:
    return {"id": name, "driver": "osdp", "port": port, "key_file": "key"}


def pigpiod(port: int = 8888, host: str = "127.0.0.1") -> Table:
    return {"factory": "pigpio", "host": host, "port": port}


CLASHES = {
    "a pin": ([board("a", 17), board("b", 17)], "device.1.inputs.contact.pin", "GPIO 17"),
    "a pin, through a pigpiod of this machine": (
        [board("a", 17), board("b", 17, **pigpiod())], "device.1.inputs.contact.pin", "GPIO 17",
    ),
    "a pin behind another machine's pigpiod": (
        [board(name, 17, **pigpiod(host="10.0.0.7")) for name in ("a", "b")],
        "device.1.inputs.contact.pin", "pigpiod at 10.0.0.7:8888",
    ),
    "a converter's place": ([converter("a", 1), converter("b", 1)], "device.1.select", "GPIO 7"),
    "an input on the SPI bus": (
        [board("a", 9), converter("b", 0)], "device.1.factory", "GPIO 9",
    ),
    "a converter on an input's pin": (
        [converter("a", 0), board("b", 8)], "device.1.inputs.contact.pin", "GPIO 8",
    ),
    "a port": (
        [finger_reader("a", "/dev/ttyAMA0"), card_reader("b", "/dev/ttyAMA0")],
        "device.1.port", "/dev/ttyAMA0",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("tables", "key", "wire"), CLASHES.values(), ids=CLASHES)
def test_who_has_a_wire_already_is_named(tables: list[Table], key: str, wire: str) -> None:
    first, second = check_devices(tables)
    assert not first.findings
    assert first.spec is not None
    (finding,) = second.findings
    assert ".".join(map(str, finding.path)) == key
    assert wire in finding.found
    assert "which a uses" in finding.found
    assert second.spec is None


ALRIGHT = {
    "other pins": [board("a", 17), board("b", 18)],
    "the same pin of other machines": [
        board("a", 17), board("b", 17, **pigpiod(host="10.0.0.7")), board("c", 17, **pigpiod(8889)),
    ],
    "two converters on one bus": [converter("a", 0), converter("b", 1)],
    "other ports": [finger_reader("a", "/dev/ttyAMA0"), card_reader("b", "/dev/ttyUSB0")],
}  # fmt: skip


@pytest.mark.parametrize("tables", ALRIGHT.values(), ids=ALRIGHT)
def test_what_does_not_meet_is_no_mistake(tables: list[Table]) -> None:
    assert [device.findings for device in check_devices(tables)] == [()] * len(tables)


def test_a_pin_that_cannot_be_one_takes_none() -> None:
    _, second, third = check_devices([board("a", 0), board("b", -3), board("c", -3)])
    for device in (second, third):
        assert [finding.path[-1] for finding in device.findings] == ["pin"]
        assert "uses" not in device.findings[0].found
    second, third = check_devices([board("b", -3), board("c", 0)])
    assert (len(second.findings), third.findings) == (1, ())
