"""What holds for every test."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from tests.turns import Turns, put_in_turn

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Have all that runs compiled once, and have Ctrl-C mean what it means.

    Where the environment forbids Python to write bytecode, each of the hundreds of processes that
    tests start would compile all of it again, which doubles a daemon's start. And a shell's
    background job (`make test &`) would hand on to all of them that SIGINT is to be ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage neither while tests are collected nor ever among them: they all stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    put_in_turn(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Turns:
    config.option.loadscopereorder = False
    return Turns(config, log)
