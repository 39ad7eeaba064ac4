"""The board that the GPIO driver's contract tests are wired to."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tests.contract.hosting import Host, Simulator

DRIVER = "drivers.gpio.driver:GpioDriver"
CONTACT, PANIC, HATCH, STRIKE, SIREN, HOLD = 17, 27, 22, 23, 24, 25

INPUTS = {
    "contact": {"pin": CONTACT, "pull": "up"},
    "panic": {"pin": PANIC, "pull": "up"},
    "hatch": {"pin": HATCH, "pull": "up"},
}
OUTPUTS = {
    "strike": {"pin": STRIKE, "fail_state": "off", "kind": "strike"},
    "siren": {"pin": SIREN, "fail_state": "off", "kind": "siren", "active": "low"},
    "hold": {"pin": HOLD, "fail_state": "on", "max_on_s": 1},
}


def options(board: Simulator, **changes: Any) -> dict[str, Any]:
    return {
        "factory": "pigpio",
        "port": board.port,
        "inputs": INPUTS,
        "outputs": OUTPUTS,
    } | changes


def host(board: Simulator, **changes: Any) -> Host:
    """Return a host that is still starting."""
    return Host(DRIVER, "board", options(board, **changes))


def started(running: Host) -> Host:
    """Wait until it is ready and has reported every point."""
    running.expect("ready")
    for name in INPUTS:
        running.expect("point", point=name)
    return running


def driven(board: Simulator, pin: int) -> list[int | None]:
    """Return what a pin was driven to, in order; None as an input."""
    return [level for _, level in board.tell("pins")[str(pin)]["history"]]


def times_ms(board: Simulator, pin: int) -> list[float]:
    """Return how long each but the last of its levels lasted, in milliseconds."""
    at_us = [at for at, _ in board.tell("pins")[str(pin)]["history"]]
    return [(later - earlier) / 1000 for earlier, later in pairwise(at_us)]
