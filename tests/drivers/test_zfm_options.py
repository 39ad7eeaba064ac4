"""The fingerprint reader's options: bounds, mistakes, and what reading them loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from drivers.zfm.options import Options

ROOT = Path(__file__).parents[2]
ADAPTER = TypeAdapter(Options)


def test_a_port_is_enough() -> None:
    options = ADAPTER.validate_python({"port": "/dev/serial/by-id/x"})
    assert (options.baud, options.address, options.password) == (57600, 0xFFFFFFFF, 0)
    assert not list(options.mistakes())
    assert options.offers().readers == {"finger"}
    assert options.offers().points == {"window"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": ""},
        {"baud": 4800},
        {"baud": 230400},
        {"address": -1},
        {"address": 1 << 32},
        {"password": 1 << 32},
        {"security": 0},
        {"security": 6},
        {"poll_ms": 5},
        {"covered_s": 0},
        {"threshold": -1},
        {"speed": 57600},
    ],
)
def test_what_is_out_of_bounds_or_unknown_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        ADAPTER.validate_python({"port": "/dev/ttyUSB0"} | wrong)
    assert [error["loc"] for error in refused.value.errors()] == [tuple(wrong)]


@pytest.mark.parametrize(("baud", "near"), [(14400, "9600"), (56000, "57600"), (115000, "115200")])
def test_a_baud_rate_that_the_module_does_not_have_is_a_mistake(baud: int, near: str) -> None:
    (mistake,) = Options(port="/dev/ttyUSB0", baud=baud).mistakes()
    assert (mistake.key, mistake.found) == ("baud", str(baud))
    assert near in mistake.remedy


def test_the_password_does_not_show() -> None:
    assert "4711" not in repr(Options(port="/dev/ttyUSB0", password=4711))


def test_reading_options_loads_no_library() -> None:
    program = "import sys, drivers.zfm.options; print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert not {"serial", "PIL", "pyfingerprint", "pydantic"} & set(out.stdout.split())
