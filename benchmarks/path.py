"""From a pressed button to the monitor, beside the floor, in one run.

    python -m benchmarks.path [PRESSES]

Ours: a pin of the simulated board changes; the gpio driver in its host, the daemon's loop, the
rules, the journal, paho, mosquitto and an independent subscriber follow. The floor
(`benchmarks.floor`) sees another pin of the same board through pigpio's own client, and uses
the same broker. An event is a change that means one `point.changed`; a panic is decided on,
opens an alarm and changes what the site remembers. The pins change in turn. Times are from just
before the change to the subscriber's own clock at arrival.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import as_installed, cpu_s, head, percentile, pss_mib, row, tree
from simulators.armoury import Armoury

DEMO = Path(__file__).parents[1] / "config" / "demo.toml"
PANIC_PIN = 27
PLAIN_PIN = 5  # in it, as `in-5`: a change is one `point.changed`
FLOOR_PIN = 25  # not in the site file
BOARD_PORT = 18888  # in it
GAP_S = 0.1  # 10 events a second
IDLE_S = 20.0
SECOND_BOARD = """
[[device]]
id = "board-2"
driver = "gpio"
simulated = true
factory = "pigpio"
host = "127.0.0.1"
port = 18889
[device.inputs]
"""


class Floor:
    """The floor program and the subscriber that hears it."""

    def __init__(self, folder: Path, port: int, *wire: int) -> None:
        self._heard = folder / "floor.heard"
        command = ["mosquitto_sub", "-V", "5", "-p", str(port), "-q", "1", "-t", "floor"]
        with self._heard.open("wb") as heard:
            self._subscriber = subprocess.Popen([*command, "-F", "%U %x"], stdout=heard)
        self.began = time.time()
        words = [str(port), str(folder / "floor.db"), *map(str, wire)]
        program = [sys.executable, "-m", "benchmarks.floor", *words]
        self.process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")

    def arrivals(self) -> list[float]:
        """Return when each event arrived, in seconds UTC."""
        lines = self._heard.read_bytes().split(b"\n")[:-1]
        return [float(line.split(b" ")[0]) for line in lines]

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)
        self._subscriber.kill()
        self._subscriber.wait()


def site_text() -> str:
    """Return the demo's site with 32 inputs on two boards."""
    text = DEMO.read_text()
    first = "".join(f'in-{n} = {{ pin = {n}, pull = "up" }}\n' for n in (5, 6, 12, 13))
    second = "".join(f'in-{n} = {{ pin = {n}, pull = "up" }}\n' for n in range(4, 28))
    return text.replace("[device.inputs]\n", f"[device.inputs]\n{first}", 1) + (
        SECOND_BOARD + second
    )


def latency(house: Armoury, floor: Floor, presses: int) -> None:
    """Change three pins in turn: the floor's, one that means one event, and the panic button."""
    pressed: dict[int, list[float]] = {PLAIN_PIN: [], FLOOR_PIN: [], PANIC_PIN: []}
    for number in range(presses):
        for pin, moments in pressed.items():
            moments.append(time.time())
            house.tell("board", "set", pin=pin, level=(number + 1) % 2)
            time.sleep(GAP_S / len(pressed))
    time.sleep(1)
    floors = delays_ms(pressed[FLOOR_PIN], floor.arrivals())
    for what, pin, sign in (("an event", PLAIN_PIN, b"in-5"), ("a panic", PANIC_PIN, b"guard-")):
        heard = [
            told.at_us / 1e6
            for told in house.monitor.told()
            if "/event/" in told.topic and sign in told.payload
        ]
        ours = delays_ms(pressed[pin], heard)
        for name, share, bar in (("p50", 0.5, "<= 1.3 x"), ("p99", 0.99, "<= 25 ms, no ratio")):
            times = percentile(ours, share), percentile(floors, share)
            row(f"latency of {what}, {name}", *times, "ms", bar)


def delays_ms(moments: list[float], arrivals: list[float]) -> list[float]:
    """Return how long after each moment the first arrival is."""
    return [(min(a for a in arrivals if a >= at) - at) * 1000 for at in moments]


def memory(house: Armoury, floor: Floor) -> None:
    """Print the proportional memory of each of our processes."""
    assert house.daemon is not None
    bars = {"board": "<= 18", "store-reader": "<= 10", "hall": "<= 70"}
    daemon, floors = pss_mib(house.daemon.pid), pss_mib(floor.process.pid)
    row("memory: daemon", daemon, floors, "MiB", "<= 45 MiB")
    for device in house.ask("status")["devices"]:
        bar = f"{bars.get(device['id'], '<= 18')} MiB"
        row(f"memory: host of {device['id']}", pss_mib(device["pid"]), None, "MiB", bar)
    row("memory: whole tree", sum(map(pss_mib, tree(house.daemon.pid))), floors, "MiB", "")


def idle(house: Armoury, floor: Floor) -> None:
    """Print what doing nothing costs."""
    assert house.daemon is not None
    watched = {d["id"]: d["pid"] for d in house.ask("status")["devices"]}
    watched |= {"daemon": house.daemon.pid, "floor": floor.process.pid}
    before = {name: cpu_s(pid) for name, pid in watched.items()}
    time.sleep(IDLE_S)
    used = {name: 100 * (cpu_s(pid) - before[name]) / IDLE_S for name, pid in watched.items()}
    row("idle CPU: daemon, 32 inputs", used["daemon"], used["floor"], "%", "<= 0.5 %")
    for name in watched:
        if name not in ("daemon", "floor"):
            row(f"idle CPU: host of {name}", used[name], None, "%", "")


def start(house: Armoury) -> None:
    """Print how long a start takes, from exec."""
    house.stop_daemon()
    head_before = max(house.monitor.events())
    began = time.time()
    house.start_daemon()
    house.wait_for_devices()
    up = {d["id"]: d["since"] / 1e6 - began for d in house.ask("status")["devices"]}
    time.sleep(1.5)
    first = min(
        told.at_us / 1e6
        for told in house.monitor.told()
        if "/event/" in told.topic and told.at_us / 1e6 > began
    )
    assert max(house.monitor.events()) > head_before
    row("start to the first delivered event", first - began, None, "s", "<= 1.0 s")
    row("start to inputs watched", up["board"], None, "s", "<= 0.7 s")


def main() -> None:
    """Run all of it."""
    as_installed()
    presses = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory(prefix="armoury-bench-") as folder:
        site = Path(folder) / "given.toml"
        site.write_text(site_text())
        with Armoury(Path(folder) / "house", site) as house:
            house.start()
            floor = Floor(Path(folder), house.broker.port, house.ports[BOARD_PORT], FLOOR_PIN)
            head(f"from the wire to the monitor: {presses} changes at 10 a second")
            latency(house, floor, presses)
            memory(house, floor)
            idle(house, floor)
            floor.end()
            start(house)


if __name__ == "__main__":
    main()
