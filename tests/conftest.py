"""What holds for every test."""

from __future__ import annotations

import compileall
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Compile once what the tests start hundreds of times, as pip does on a gateway.

    Where the environment forbids Python to write bytecode, each of those processes would compile
    all of it again, which doubles a daemon's start.
    """
    if not hasattr(config, "workerinput"):  # one process compiles for all of pytest-xdist's
        for package in ("agent", "drivers", "simulators"):
            compileall.compile_dir(Path(__file__).parents[1] / package, quiet=1)
