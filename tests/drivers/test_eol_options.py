"""What a site file may say about a converter and its loops."""

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

from drivers.contract import Claim, Offers
from drivers.eol import options
from drivers.eol.options import Input, Options
from drivers.host import build

FOLDER = Path(options.__file__).parent
FOUR = {"channel": 0, "end_ohm": 4700, "alarm_ohm": 4700}


def load(**table: Any) -> Options:
    return TypeAdapter(Options).validate_json(json.dumps(table), strict=True)


def site(**changes: Any) -> dict[str, Any]:
    return {
        "factory": "pigpio",
        "adc": "mcp3008",
        "select": 0,
        "reference": 7,
        "pull_up_ohm": 4700,
        "inputs": {"pir": FOUR},
    } | changes


def found(**changes: Any) -> dict[str, str]:
    return {mistake.key: mistake.found for mistake in load(**site(**changes)).mistakes()}


def test_the_sample_is_right() -> None:
    (device,) = tomllib.loads((FOLDER / "sample.toml").read_text())["device"]
    assert device.pop("driver") == "eol"
    assert device.pop("id")
    assert list(load(**device).mistakes()) == []


def test_the_readme_names_every_option() -> None:
    readme = (FOLDER / "README.md").read_text()
    for shape in (Input, Options):
        for option in fields(shape):
            assert re.search(rf"`(inputs\.\*\.)?{option.name}(\.\*\.[a-z]+)?`", readme), option.name


def test_it_offers_its_loops_and_what_a_cut_shows() -> None:
    reached = ("factory", "host", "port")
    three = {"end_ohm": 4700}
    wired = load(
        **site(
            inputs={
                "four": FOUR,
                "opens": three | {"channel": 1},
                "closes": three | {"channel": 2, "contact": "no"},
            }
        )
    )
    assert wired.offers() == Offers(
        points=frozenset({"four", "opens", "closes"}),
        loops={"four": "eol", "opens": "nc", "closes": "eol"},
        claims=(
            Claim("GPIO 8 of this machine", "select", by=reached),
            *(
                Claim(f"GPIO {pin} of this machine", "factory", "SPI", reached)
                for pin in (9, 10, 11)
            ),
        ),
    )


def test_the_host_builds_what_the_daemon_validated() -> None:
    assert build(Options, site()) == load(**site())


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"factory": "mock"}, ("factory",)),
        ({"adc": "ads1115"}, ("adc",)),
        ({"select": 2}, ("select",)),
        ({"reference": 8}, ("reference",)),
        ({"pull_up_ohm": 10}, ("pull_up_ohm",)),
        ({"tolerance_pct": 0}, ("tolerance_pct",)),
        ({"sample_ms": 250}, ("sample_ms",)),
        ({"colour": "red"}, ("colour",)),
        ({"inputs": {"a": FOUR | {"end_ohm": 99}}}, ("inputs", "a", "end_ohm")),
        ({"inputs": {"a": {"channel": 0}}}, ("inputs", "a", "end_ohm")),
        ({"inputs": {"a": FOUR | {"contact": "closed"}}}, ("inputs", "a", "contact")),
    ],
)
def test_a_field_out_of_bounds_is_refused_at_the_field(changes: Any, where: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        load(**site(**changes))
    assert [error["loc"] for error in refused.value.errors()] == [where]


@pytest.mark.parametrize(
    ("changes", "key", "text"),
    [
        ({"inputs": {"a": FOUR | {"channel": 7}}}, "inputs.a.channel", "which reference uses"),
        ({"inputs": {"a": FOUR, "b": FOUR}}, "inputs.b.channel", "which inputs.a uses"),
        ({"inputs": {"A b": FOUR}}, "inputs.A b", "the name 'A b'"),
        ({"inputs": {}}, "inputs", "no inputs"),
        ({"factory": "lgpio", "host": "10.0.0.7"}, "host", "beside factory lgpio"),
        ({"factory": "lgpio", "port": 8888}, "port", "beside factory lgpio"),
        (
            {"inputs": {"a": FOUR | {"alarm_ohm": 100}}},
            "inputs.a.alarm_ohm",
            "normal and alarm too close to be told apart (of 1024: ",
        ),
    ],
)
def test_a_mistake_is_named_with_its_key(changes: Any, key: str, text: str) -> None:
    mistakes = found(**changes)
    assert list(mistakes) == [key]
    assert text in mistakes[key]


def test_all_mistakes_are_found_at_once() -> None:
    mistakes = found(factory="lgpio", host="x", inputs={"a": FOUR | {"alarm_ohm": 100}, "b": FOUR})
    assert set(mistakes) == {"host", "inputs.a.alarm_ohm", "inputs.b.channel"}


def test_options_and_driver_load_nothing_that_is_heavy() -> None:
    program = (
        "import sys, drivers.eol.options, drivers.eol.driver;"
        "sys.exit(','.join({'gpiozero', 'pigpio', 'lgpio', 'pydantic'} & set(sys.modules)) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=FOLDER.parents[1], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
