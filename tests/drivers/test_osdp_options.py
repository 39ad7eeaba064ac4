"""The OSDP reader's options: bounds, mistakes, and what reading them loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from drivers.osdp.options import Options

ROOT = Path(__file__).parents[2]
ADAPTER = TypeAdapter(Options)
GIVEN = {"port": "/dev/ttyUSB0", "key_file": "/etc/armoury/keys/keypad.key"}


def test_a_port_and_a_key_are_enough() -> None:
    options = ADAPTER.validate_python(GIVEN)
    assert (options.baud, options.address, options.install, options.pin_s) == (9600, 0, False, 10)
    assert not list(options.mistakes())
    assert options.offers().readers == {"card", "pin"}
    assert options.offers().points == {"tamper", "supply"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": ""},
        {"key_file": ""},
        {"baud": 4800},
        {"address": 127},
        {"address": -1},
        {"install": "yes please"},
        {"pin_s": 2},
        {"pin_s": 31},
        {"reads": ["finger"]},
        {"speed": 9600},
    ],
)
def test_what_is_out_of_bounds_or_unknown_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        ADAPTER.validate_python(GIVEN | wrong)
    assert [error["loc"][0] for error in refused.value.errors()] == list(wrong)


@pytest.mark.parametrize("missing", list(GIVEN))
def test_what_must_be_there(missing: str) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python({key: GIVEN[key] for key in GIVEN if key != missing})


def test_a_reader_of_nothing_is_a_mistake() -> None:
    (mistake,) = ADAPTER.validate_python(GIVEN | {"reads": []}).mistakes()
    assert mistake.key == "reads"


def test_reading_options_loads_no_library() -> None:
    program = (
        "import sys, drivers.osdp.options\n"
        "assert not {'osdp', 'osdp_sys', 'serial'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
