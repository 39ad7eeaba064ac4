"""Durable events a second, from the loop's inbox to an independent subscriber, in one run.

    python -m benchmarks.rate [EVENTS]

Ours: readings are put into the daemon's own loop as fast as it takes them; rules, journal and
uplink are the production ones, the hosts are left out (one device may speak 500 times a second,
so they would be what is measured). The floor gets as many lines on its standard input. Both use
the same broker, one after the other, twice in turn.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import head, percentile, row
from benchmarks.path import Floor
from simulators.broker import Broker
from simulators.monitor import Monitor

ROUNDS = 2


def floor_rate(folder: Path, port: int, count: int) -> float:
    """Return the floor's events a second."""
    folder.mkdir()
    floor = Floor(folder, port)
    began = time.time()
    for number in range(count):
        floor.say(str(number))
    while len(floor.arrivals()) < count:
        time.sleep(0.1)
    took = max(floor.arrivals()) - began
    floor.end()
    return count / took


def our_rate(folder: Path, port: int, count: int) -> float:
    """Return our events a second."""
    folder.mkdir()
    monitor = Monitor(folder, port, folder.name)
    monitor.start()
    words = [sys.executable, "-m", "benchmarks.rate_daemon", str(port), str(folder), str(count)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as ours:
        assert ours.stdout is not None
        began = float(ours.stdout.readline())
        assert monitor.wait_for(count, 120), "not all arrived"
        ours.terminate()
    monitor.end()
    took = max(told.at_us for told in monitor.told() if "/event/" in told.topic) / 1e6 - began
    return count / took


def main() -> None:
    """Run both in turn."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    ours, floors = [], []
    with tempfile.TemporaryDirectory(prefix="armoury-bench-") as name:
        folder = Path(name)
        with Broker(folder / "broker") as broker:
            for number in range(ROUNDS):
                floors.append(floor_rate(folder / f"floor-{number}", broker.port, count))
                ours.append(our_rate(folder / f"ours-{number}", broker.port, count))
    head(f"sustained: {count} events at once, {ROUNDS} rounds, the medians")
    row("events a second", percentile(ours, 0.5), percentile(floors, 0.5), "ev/s", ">= 1.5 x")


if __name__ == "__main__":
    main()
