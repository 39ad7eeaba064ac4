"""The simulators of a whole site file, as processes of one program in the foreground.

    python -m simulators.site config/demo.toml --run run/demo

Starts one for each device with `simulated = true`, where the file says that its wire ends, with
its control socket at DIR/sim/DEVICE.sock. Says one line for each that is ready; on SIGTERM or
Ctrl-C all are stopped. A simulator that ends by itself is told of, and not started again.
"""

from __future__ import annotations

import argparse
import select
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias
from urllib.parse import urlsplit

from simulators.bound import bound
from simulators.control import SimulatorError, tell

READY_S = 45.0  # on a busy machine
STOP_S = 5.0
LOOK_EVERY_S = 0.5

Table: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Simulator:
    """One process to start: its module's words, and the requests it gets once it listens."""

    device: str
    control: Path
    words: tuple[str, ...]
    requests: tuple[tuple[str, Mapping[str, Any]], ...] = ()


def simulators(tree: Table, run: Path) -> list[Simulator]:
    """Return the simulators of a site file.

    Raises:
        SimulatorError: there is none for a device, or what it needs is not in the file.
    """
    wanted = [device for device in tree.get("device", ()) if device.get("simulated")]
    if not wanted:
        raise SimulatorError("no device of this file has simulated = true")
    return [_simulator(device, run) for device in wanted]


def _simulator(device: Table, run: Path) -> Simulator:
    name, driver = device.get("id"), str(device.get("driver"))
    if driver not in _MAKERS:
        raise SimulatorError(f"{name}: no simulator for driver {driver!r}")
    try:
        return _MAKERS[driver](device, run, run / "sim" / f"{name}.sock")
    except KeyError as error:
        raise SimulatorError(f"{name}: {error} is not in the site file") from error


def _board(device: Table, _run: Path, control: Path) -> Simulator:
    if device["factory"] != "pigpio":
        raise SimulatorError(f'{device["id"]}: a simulated board needs factory = "pigpio"')
    listen = f"{device.get('host', '127.0.0.1')}:{device.get('port', 8888)}"
    rest = {contact["pin"]: _at_rest(contact) for contact in device.get("inputs", {}).values()}
    words = ["simulators.board", "--listen", listen, "--control", str(control), "--closed"]
    words += [str(pin) for pin, level in rest.items() if level == 0]
    requests = [("set", {"pin": pin, "level": 1}) for pin, level in rest.items() if level == 1]
    return Simulator(device["id"], control, tuple(words), tuple(requests))


def _at_rest(contact: Table) -> int | None:
    """Return what ties the pin while all is well: 0 ground, 1 the 3.3 V, None its resistor."""
    closed = 0 if contact["pull"] == "up" else 1
    levels = {"closed": closed, "open": None, "low": 0, "high": 1}
    return levels[contact.get("normal", "closed")]


def _loops(device: Table, _run: Path, control: Path) -> Simulator:
    if device["factory"] != "pigpio":
        raise SimulatorError(f'{device["id"]}: a simulated converter needs factory = "pigpio"')
    listen = f"{device.get('host', '127.0.0.1')}:{device.get('port', 8888)}"
    words = ("simulators.board", "--listen", listen, "--control", str(control))
    place = {"select": device["select"], "pull_up_ohm": device["pull_up_ohm"]}
    halved = place | {"channel": device["reference"], "normal": device["pull_up_ohm"]}
    requests = [("adc", {"select": device["select"], "kind": device["adc"]})]
    for loop in device.get("inputs", {}).values():
        wired = {"channel": loop["channel"], "normal": loop["end_ohm"], "alarm": _in_alarm(loop)}
        requests.append(("wire", place | wired))
    requests.append(("wire", halved))  # last: until then whoever listens already sees nothing
    return Simulator(device["id"], control, words, tuple(requests))


def _in_alarm(loop: Table) -> float | None:
    """Return what a loop has while its contact tells an alarm; None is a cut."""
    opens, own = loop.get("contact", "nc") == "nc", loop.get("alarm_ohm")
    if own is None:
        return None if opens else 0.0
    end = loop["end_ohm"]
    return float(end + own if opens else end * own / (end + own))


def _reader(device: Table, run: Path, control: Path) -> Simulator:
    # The module's flash outlives the process, as the templates in a real one do.
    flash = run / "sim" / f"{device['id']}.flash"
    words = ["simulators.zfm", "--link", device["port"], "--control", str(control)]
    words += ["--store", str(flash), "--password", str(device.get("password", 0))]
    return Simulator(device["id"], control, tuple(words))


def _keypad(device: Table, run: Path, control: Path) -> Simulator:
    flash = run / "sim" / f"{device['id']}.flash"
    words = ["simulators.osdp", "--link", device["port"], "--control", str(control)]
    words += ["--address", str(device.get("address", 0)), "--baud", str(device.get("baud", 9600))]
    words += ["--store", str(flash)]
    words += [] if device.get("install") else ["--key", device["key_file"]]
    return Simulator(device["id"], control, tuple(words))


def _camera(device: Table, _run: Path, control: Path) -> Simulator:
    url = urlsplit(device["url"])
    if url.scheme != "http" or url.hostname is None:
        raise SimulatorError(f"{device['id']}: a simulated camera needs an http:// url")
    listen = f"{url.hostname}:{url.port or 80}"
    words = ("simulators.camera", "--listen", listen, "--control", str(control))
    return Simulator(device["id"], control, words)


_MAKERS: Mapping[str, Callable[[Table, Path, Path], Simulator]] = {
    "gpio": _board,
    "eol": _loops,
    "zfm": _reader,
    "osdp": _keypad,
    "camera": _camera,
}


class Process(Protocol):
    """What is needed of `subprocess.Popen`."""

    stdout: IO[bytes] | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


def started(words: Sequence[str]) -> Process:
    """Start a simulator that ends with this process."""
    return subprocess.Popen(bound([sys.executable, "-m", *words]), stdout=subprocess.PIPE)


class Running:
    """A simulator's process; leaving the context waits for its end.

    Args:
        simulator: what to start ...
        start: ... and how; its standard output is a pipe.
    """

    def __init__(
        self, simulator: Simulator, start: Callable[[Sequence[str]], Process] = started
    ) -> None:
        self.simulator = simulator
        self.process = start(simulator.words)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def stop(self) -> None:
        """Ask it to end; returns at once."""
        self.process.terminate()

    @property
    def status(self) -> int | None:
        """How it ended; None while it runs."""
        return self.process.poll()

    def wait_ready(self, timeout_s: float) -> str:
        """Wait until it listens; return what it says.

        Raises:
            SimulatorError: it ended, or says nothing in time.
        """
        out = self.process.stdout
        if out is None or not select.select([out], [], [], timeout_s)[0]:
            raise SimulatorError(f"{self.simulator.device}: not ready within {READY_S:.0f} s")
        said = out.readline().decode().strip()
        if not said:
            raise SimulatorError(f"{self.simulator.device}: its simulator did not start")
        for do, params in self.simulator.requests:
            tell(self.simulator.control, do, **params)
        return said


def run(wanted: list[Simulator]) -> int:
    """Run them all until SIGTERM or Ctrl-C; return the exit status."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with ExitStack() as ends:
        running = [ends.enter_context(Running(one)) for one in wanted]
        ends.callback(_stop, running)  # all at once; then each end is waited for
        deadline = time.monotonic() + READY_S
        for one in running:
            _say(f"{one.simulator.device}: {one.wait_ready(max(0.0, deadline - time.monotonic()))}")
        while running and not stopped.wait(LOOK_EVERY_S):
            for one in [one for one in running if one.status is not None]:
                running.remove(one)
                _say(f"{one.simulator.device}: its simulator ended with status {one.status}")
    return 0 if stopped.is_set() else 1


def _stop(running: list[Running]) -> None:
    for one in running:
        one.stop()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Read the file and run its simulators."""
    parser = argparse.ArgumentParser(prog="simulators.site", description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path, help="the site file")
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="for the sockets")
    asked = parser.parse_args()
    try:
        wanted = simulators(tomllib.loads(asked.file.read_text(encoding="utf-8")), asked.run)
        (asked.run / "sim").mkdir(parents=True, exist_ok=True)
        return run(wanted)
    except (SimulatorError, OSError, tomllib.TOMLDecodeError) as error:
        sys.stderr.write(f"{asked.file}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
