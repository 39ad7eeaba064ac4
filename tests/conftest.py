"""What holds for every test."""

from __future__ import annotations

import compileall
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from tests.turns import Turns, put_in_turn

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Compile once what the tests start hundreds of times, and have Ctrl-C mean what it means.

    Where the environment forbids Python to write bytecode, each of those processes would compile
    all of it again, which doubles a daemon's start. And a shell's background job (`make test &`)
    would hand on to all of them that SIGINT is to be ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):  # one process compiles for all of pytest-xdist's
        for package in ("agent", "drivers", "simulators"):
            compileall.compile_dir(Path(__file__).parents[1] / package, quiet=1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    put_in_turn(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Turns:
    config.option.loadscopereorder = False
    return Turns(config, log)
