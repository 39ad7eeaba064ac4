"""End-of-line loops: what a converter's host costs while nothing happens, and how soon it tells.

One converter with seven loops, measured ten times a second over pigpiod's protocol, in the real
host. The floor sleeps as long and asks pigpiod one thing; the peer reads the same eight channels
with gpiozero's own class. Processor time is the scheduler's, to the nanosecond: what runs for a
tenth of a millisecond at a time is seldom there when the ticks are counted.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from benchmarks.measure import as_installed, head, percentile, pss_mib, row
from simulators.broker import free_port
from simulators.control import tell

IDLE_S = 15.0
PRESSES = 40
OHM = 4700
LOOPS, REFERENCE = range(7), 7
EVERY_S = 0.1
ASKING = """
import socket, struct, sys, time
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as sock:
    print("ready", flush=True)
    while True:
        time.sleep(0.1)
        sock.sendall(struct.pack("<4I", 16, 0, 0, 0))
        sock.recv(16)
"""
GPIOZERO = """
import sys, time
from gpiozero import MCP3008
from gpiozero.pins.pigpio import PiGPIOFactory
factory = PiGPIOFactory("127.0.0.1", int(sys.argv[1]))
channels = [MCP3008(channel, pin_factory=factory) for channel in range(8)]
print("ready", flush=True)
while True:
    time.sleep(0.1)
    [channel.raw_value for channel in channels]
"""


def used_s(pid: int) -> float:
    """Return the processor time of all threads of a process."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(one.read_text().split()[0]) for one in threads) / 1e9


def idle_pct(pid: int) -> float:
    """Return what a process uses while nothing happens, in % of a core."""
    before_s = used_s(pid)
    time.sleep(IDLE_S)
    return 100 * (used_s(pid) - before_s) / IDLE_S


@contextmanager
def running(*words: str, **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python program for a while."""
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, **how)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@contextmanager
def ready(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run it from when it has said its first line."""
    with running(*words) as process:
        assert process.stdout
        assert process.stdout.readline()
        yield process


@contextmanager
def host(port: int) -> Iterator[tuple[int, TextIO]]:
    """Run the driver in its host; yield the process, and what it says once every loop is told."""
    inputs = {f"l{n}": {"channel": n, "end_ohm": OHM, "alarm_ohm": OHM} for n in LOOPS}
    options = {"factory": "pigpio", "port": port, "adc": "mcp3008", "select": 0}
    options |= {"reference": REFERENCE, "pull_up_ohm": OHM, "inputs": inputs}
    ours, theirs = socket.socketpair()
    words = ("-m", "drivers.host", str(theirs.fileno()))
    with ours, theirs, running(*words, pass_fds=[theirs.fileno()]) as process:
        start: dict[str, object] = {"driver": "drivers.eol.driver:EolDriver", "device": "loops"}
        start |= {"options": options, "supervision_s": 10}
        ours.sendall(json.dumps(start).encode() + b"\n")
        with ours.makefile() as lines:
            points(lines, len(LOOPS))
            yield process.pid, lines


def points(lines: TextIO, number: int) -> None:
    """Wait for so many points to be told."""
    while number:
        number -= json.loads(lines.readline())["is"] == "point"


def presses(control: Path, lines: TextIO) -> Sequence[float]:
    """Return how long each of many alarms took to be told, in ms."""
    took = []
    for number in range(PRESSES):
        time.sleep(0.13 + number * 0.007)  # at every moment between two rounds
        began_s = time.monotonic()
        tell(control, "loop", channel=number % len(LOOPS), state="alarm")
        points(lines, 1)
        took.append(1000 * (time.monotonic() - began_s))
        tell(control, "loop", channel=number % len(LOOPS), state="normal")
        points(lines, 1)
    return took


def main() -> None:
    """Measure, and print."""
    as_installed()
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        control, port = folder / "board.sock", free_port()
        words = ("--listen", f"127.0.0.1:{port}", "--control", str(control))
        ends.enter_context(ready("-m", "simulators.board", *words))
        tell(control, "adc", kind="mcp3008")
        for n in (*LOOPS, REFERENCE):
            tell(control, "wire", channel=n, pull_up_ohm=OHM, normal=OHM, alarm=2 * OHM)
        with ready("-c", ASKING, str(port)) as asking:
            floor = idle_pct(asking.pid)
        with ready("-c", GPIOZERO, str(port)) as peer:
            theirs, theirs_mib = idle_pct(peer.pid), pss_mib(peer.pid)
        with host(port) as (pid, lines):
            ours, ours_mib = idle_pct(pid), pss_mib(pid)
            took = presses(control, lines)
    head("end-of-line loops: one converter, seven loops, ten rounds a second")
    row("idle CPU: the host", ours, floor, "%", "")
    row("idle CPU: the same with gpiozero", theirs, floor, "%", "")
    row("memory: the host", ours_mib, None, "MiB", "<= 10")
    row("memory: the same with gpiozero, bare", theirs_mib, None, "MiB", "")
    row("an alarm is told, p50", percentile(took, 0.5), None, "ms", "")
    row("an alarm is told, p99", percentile(took, 0.99), None, "ms", "<= 150")


if __name__ == "__main__":
    main()
