"""What must be installed for a device, as it is wired: named with the extra that brings it."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from agent.config.devices import check_devices

GPIO = {"id": "a", "driver": "gpio", "inputs": {"contact": {"pin": 17, "pull": "up"}}}
LOOP = {"channel": 0, "end_ohm": 4700, "alarm_ohm": 4700}
EOL = {"id": "a", "driver": "eol", "adc": "mcp3008", "select": 0, "reference": 7}
EOL |= {"pull_up_ohm": 4700, "inputs": {"loop": LOOP}}
READER = {"id": "a", "driver": "zfm", "port": "/dev/ttyAMA0"}

BARE = {"gpiozero", "lgpio", "pigpio", "pyfingerprint", "serial"}
CASES = {
    "the pins of this machine": (GPIO | {"factory": "lgpio"}, {"lgpio"}, "factory", "lgpio", "pi"),
    "a pigpiod's": (GPIO | {"factory": "pigpio"}, {"pigpio"}, "factory", "pigpio", "gpio"),
    "pins, with nothing installed": (
        GPIO | {"factory": "lgpio"}, BARE, "factory", "gpiozero and lgpio", "pi",
    ),
    "a converter at this machine": (EOL | {"factory": "lgpio"}, BARE, "factory", "lgpio", "pi"),
    "a driver that always takes the same": (
        READER, BARE, "driver", "pyfingerprint and serial", "zfm",
    ),
}  # fmt: skip


def found(
    monkeypatch: pytest.MonkeyPatch, table: dict[str, Any], absent: set[str], *, mistakes: bool
) -> list[str]:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in absent else find(name)
    )
    (device,) = check_devices([table])
    said = device.findings if mistakes else device.warnings
    assert not (device.warnings if mistakes else device.findings)
    assert mistakes or device.spec, "it is run all the same, and told to be faulted"
    return [f"{one.path[-1]}: {one.remedy}" for one in said]


@pytest.mark.parametrize(("table", "absent", "key", "modules", "extra"), CASES.values(), ids=CASES)
def test_what_is_missing_is_told_with_its_extra(
    monkeypatch: pytest.MonkeyPatch,
    table: dict[str, Any],
    absent: set[str],
    key: str,
    modules: str,
    extra: str,
) -> None:
    how = f"pip install 'armoury-agent[{extra}]'"
    said = found(monkeypatch, table, absent, mistakes=key == "driver")
    assert said == [f"{key}: {modules} is not installed here: {how}"]


def test_a_converter_behind_a_pigpiod_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not found(monkeypatch, EOL | {"factory": "pigpio"}, BARE, mistakes=False)


def test_a_mistaken_factory_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    (mistake,) = found(monkeypatch, GPIO | {"factory": "lgpoi"}, BARE, mistakes=True)
    assert mistake == 'factory: write "lgpio" or "pigpio"'
