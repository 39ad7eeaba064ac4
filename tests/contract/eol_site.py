"""The converter that the end-of-line driver's contract tests are wired to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.contract.hosting import Host, Simulator

DRIVER = "drivers.eol.driver:EolDriver"
PIR, PANIC, SHOCK, LID = 0, 1, 2, 3
REFERENCE = 7
OHM = 4700

INPUTS: dict[str, dict[str, Any]] = {
    "pir": {"channel": PIR, "end_ohm": OHM, "alarm_ohm": OHM},
    "panic": {"channel": PANIC, "end_ohm": OHM, "alarm_ohm": OHM, "contact": "no"},
    "shock": {"channel": SHOCK, "end_ohm": OHM},
    "lid": {"channel": LID, "end_ohm": OHM, "contact": "no"},
}
# What each loop has while its contact tells an alarm; None is a cut.
ALARMS: dict[int, float | None] = {PIR: 2 * OHM, PANIC: OHM / 2, SHOCK: None, LID: 0}


def options(board: Simulator, **changes: Any) -> dict[str, Any]:
    return {
        "factory": "pigpio",
        "port": board.port,
        "adc": "mcp3008",
        "select": 0,
        "reference": REFERENCE,
        "pull_up_ohm": OHM,
        "inputs": INPUTS,
    } | changes


@contextmanager
def wired(tmp_path: Path, adc: str = "mcp3008", select: int = 0) -> Iterator[Simulator]:
    """A board with a converter, its reference channel, and the four loops at rest."""
    control = tmp_path / "loops.sock"
    with Simulator("simulators.board", control, "--listen", "127.0.0.1:0") as board:
        board.tell("adc", kind=adc, select=select)
        for channel in (*ALARMS, REFERENCE):
            board.tell(
                "wire",
                select=select,
                channel=channel,
                pull_up_ohm=OHM,
                normal=OHM,
                alarm=ALARMS.get(channel),
            )
        yield board


def host(board: Simulator, **changes: Any) -> Host:
    """Return a host that is still starting."""
    return Host(DRIVER, "loops", options(board, **changes))


def started(running: Host) -> Host:
    """Wait until it is ready and has told every point."""
    running.expect("ready")
    for name in INPUTS:
        running.expect("point", point=name, state="normal")
    return running
