"""What a site file may say about a GPIO board, validated as the daemon does it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from drivers.contract import Claim, Need, Offers
from drivers.gpio import options
from drivers.gpio.options import Input, Options, Output
from drivers.host import build

FOLDER = Path(options.__file__).parent
CONTACT = {"pin": 17, "pull": "up"}
STRIKE = {"pin": 23, "fail_state": "off", "kind": "strike"}


def load(**table: Any) -> Options:
    return TypeAdapter(Options).validate_json(json.dumps(table), strict=True)


def site(**changes: Any) -> dict[str, Any]:
    table = {"factory": "pigpio", "inputs": {"contact": CONTACT}, "outputs": {"strike": STRIKE}}
    return table | changes


def found(**changes: Any) -> dict[str, str]:
    return {mistake.key: mistake.found for mistake in load(**site(**changes)).mistakes()}


def test_the_sample_is_in_the_readme_word_for_word_and_loads() -> None:
    sample = (FOLDER / "sample.toml").read_text()
    assert sample in (FOLDER / "README.md").read_text()
    (device,) = tomllib.loads(sample)["device"]
    assert device.pop("driver") == "gpio"
    assert device.pop("id")
    assert list(load(**device).mistakes()) == []


def test_the_readme_names_every_option() -> None:
    readme = (FOLDER / "README.md").read_text()
    for shape in (Input, Output, Options):
        for option in fields(shape):
            assert re.search(rf"`([a-z]+\.\*\.)?{option.name}(\.\*\.[a-z]+)?`", readme), option.name


def test_it_offers_what_is_wired() -> None:
    reached = ("factory", "host", "port")
    assert load(**site()).offers() == Offers(
        points=frozenset({"contact"}),
        outputs=frozenset({"strike"}),
        longest_s={"strike": 60},
        needs=(Need("factory", ("gpiozero", "pigpio"), "gpio"),),
        loops={"contact": "nc"},
        claims=(
            Claim("GPIO 17 of this machine", "inputs.contact.pin", by=reached),
            Claim("GPIO 23 of this machine", "outputs.strike.pin", by=reached),
        ),
    )
    assert load(**site(outputs={"strike": STRIKE | {"fail_state": "on"}})).offers().fails_on == {
        "strike"
    }


def test_the_host_builds_what_the_daemon_validated() -> None:
    table = site(host="10.0.0.7", port=8889)
    assert build(Options, table) == load(**table)


def test_pigpiod_is_looked_for_at_home_where_nothing_is_written() -> None:
    assert load(**site()).address == ("127.0.0.1", 8888)
    assert load(**site(host="10.0.0.7", port=8889)).address == ("10.0.0.7", 8889)


@pytest.mark.parametrize(
    ("pull", "normal", "level"),
    [
        ("up", "closed", False),
        ("up", "open", True),
        ("down", "closed", True),
        ("down", "open", False),
        ("up", "high", True),
        ("down", "low", False),
        ("floating", "low", False),
        ("floating", "high", True),
    ],
)
def test_what_is_normal(pull: Any, normal: Any, level: bool) -> None:
    assert Input(pin=17, pull=pull, normal=normal).normal_level is level


def test_a_contact_to_ground_is_normally_closed() -> None:
    assert load(**site()).inputs["contact"].normal_level is False


@pytest.mark.parametrize(("active", "on"), [("high", True), ("low", False)])
def test_the_level_that_switches_on(active: Any, on: bool) -> None:
    output = Output(pin=23, fail_state="off", active=active)
    assert output.level(True) is on
    assert output.level(False) is not on


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"factory": "mock"}, ("factory",)),
        ({"factory": None}, ("factory",)),
        ({"colour": "red"}, ("colour",)),
        ({"port": 0}, ("port",)),
        ({"port": "8888"}, ("port",)),
        ({"inputs": {"a": {"pin": 28, "pull": "up"}}}, ("inputs", "a", "pin")),
        ({"inputs": {"a": {"pin": 17}}}, ("inputs", "a", "pull")),
        ({"inputs": {"a": CONTACT | {"debounce": 1}}}, ("inputs", "a", "debounce")),
        ({"outputs": {"a": {"pin": 23}}}, ("outputs", "a", "fail_state")),
        ({"outputs": {"a": STRIKE | {"max_on_s": 0}}}, ("outputs", "a", "max_on_s")),
        ({"outputs": {"a": STRIKE | {"kind": "door"}}}, ("outputs", "a", "kind")),
    ],
)
def test_a_field_out_of_bounds_is_refused_at_the_field(changes: Any, where: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        load(**site(**changes))
    assert [error["loc"] for error in refused.value.errors()] == [where]


def test_the_factory_must_be_stated() -> None:
    with pytest.raises(ValidationError, match="factory"):
        load(inputs={"contact": CONTACT})


@pytest.mark.parametrize(
    ("changes", "key", "text"),
    [
        ({"outputs": {"strike": STRIKE | {"pin": 17}}}, "outputs.strike.pin", "inputs.contact"),
        ({"inputs": {"a": CONTACT, "b": CONTACT}}, "inputs.b.pin", "inputs.a"),
        ({"outputs": {"a": STRIKE | {"pin": 8}}}, "outputs.a.pin", "pulled up at boot"),
        ({"outputs": {"a": STRIKE | {"pin": 0, "kind": "lock"}}}, "outputs.a.pin", "at boot"),
        ({"outputs": {"a": {"pin": 4, "fail_state": "off"}}}, "outputs.a.pin", "relay"),
        ({"factory": "lgpio", "host": "10.0.0.7"}, "host", "10.0.0.7 beside factory lgpio"),
        ({"factory": "lgpio", "port": 8888}, "port", "8888 beside factory lgpio"),
        ({"inputs": {"a": {"pin": 5, "pull": "floating"}}}, "inputs.a.normal", "floating"),
        ({"inputs": {"a": {"pin": 2, "pull": "down"}}}, "inputs.a.pull", "pulled up on the board"),
        ({"inputs": {"a.b": CONTACT}}, "inputs.a.b", "'a.b'"),
        ({"inputs": {"strike": CONTACT}}, "outputs.strike", "same name"),
        ({"inputs": {}, "outputs": {}}, "inputs", "neither"),
    ],
)
def test_a_mistake_is_named_with_its_key(changes: Any, key: str, text: str) -> None:
    mistakes = found(**changes)
    assert list(mistakes) == [key]
    assert text in mistakes[key]


@pytest.mark.parametrize(
    "output",
    [
        {"pin": 9, "fail_state": "off", "kind": "strike"},
        {"pin": 8, "fail_state": "off", "kind": "strike", "active": "low"},
        {"pin": 8, "fail_state": "off", "kind": "led"},
    ],
)
def test_what_does_not_open_at_boot_is_no_mistake(output: dict[str, Any]) -> None:
    assert found(outputs={"a": output}) == {}


def test_all_mistakes_are_found_at_once() -> None:
    mistakes = found(
        factory="lgpio",
        host="x",
        inputs={"a": {"pin": 2, "pull": "down"}, "b": {"pin": 2, "pull": "up"}},
        outputs={"a": {"pin": 3, "fail_state": "off"}},
    )
    assert set(mistakes) == {"host", "inputs.a.pull", "inputs.b.pin", "outputs.a", "outputs.a.pin"}


def test_the_options_import_no_hardware_library() -> None:
    program = (
        "import sys, drivers.gpio.options;"
        "sys.exit(','.join({'gpiozero', 'pigpio', 'pydantic'} & set(sys.modules)) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=FOLDER.parents[1], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
