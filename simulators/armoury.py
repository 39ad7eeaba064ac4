"""A whole simulated armoury in one folder: broker, wires, the real daemon, the monitor.

What the demo, the benchmarks and the system tests stand on. Everything is a process of its
own and everything is on loopback:

    FOLDER/site.toml      the site file, its ports and paths replaced by free ones
    FOLDER/control.sock   the daemon's control socket
    FOLDER/sim/           the simulators' control sockets, one a device
    FOLDER/data/          the record
    FOLDER/*.log          what each process says
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from simulators.bound import bound
from simulators.broker import Broker, free_port
from simulators.control import SimulatorError, tell
from simulators.monitor import Monitor
from simulators.night import NightError

READY_S = 60.0  # on a busy machine; a limit ends only what has failed
STOP_S = 15.0
COMMAND_S = 30.0
CLOSING_S = 90.0  # at least half a minute from now, when it is cut to the minute
PAGE = 5000
PORT = re.compile(r"(?<=127\.0\.0\.1:)\d+|(?<=^port = )\d+", re.MULTILINE)
RUN_FOLDER = "run/demo/"  # as the shipped demo site has it


class Armoury:
    """One simulated armoury; leaving the context ends every process of it.

    Args:
        folder: made if need be; what it holds of an earlier run stays.
        site_file: an all-simulated site file, with loopback addresses only.
        extra_broker: more lines of the broker's configuration.

    Attributes:
        synchronised: the file that says that the clock is set; None: the machine's own.
    """

    def __init__(self, folder: Path, site_file: Path, extra_broker: Sequence[str] = ()) -> None:
        self.folder = folder
        self.site_file = folder / "site.toml"
        self.control = folder / "control.sock"
        self.data = folder / "data"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sim").mkdir(exist_ok=True)
        text, ports = relocate(site_file.read_text(encoding="utf-8"), folder)
        self.site_file.write_text(text, encoding="utf-8")
        site = tomllib.loads(text)
        self.broker = Broker(
            folder / "broker", persistent=True, port=site["path"][0]["port"], extra=(*extra_broker,)
        )
        self.monitor = Monitor(folder, self.broker.port, site["site"]["id"])
        self.daemon: subprocess.Popen[bytes] | None = None
        self._wires: subprocess.Popen[bytes] | None = None
        self._head = 0
        self._started_us = 0  # by the machine's monotonic clock, as events bear it
        self.ports = ports
        self.synchronised: Path | None = None

    def __enter__(self) -> Armoury:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def start(self) -> None:
        """Start all of it and wait until the daemon answers and every device is there."""
        self._begin_wires()
        self.broker.start()
        self.monitor.start()
        self._wait_for_wires()
        self.start_daemon()
        self.wait_for_devices()

    def close_soon(self) -> None:
        """Have the opening hours of the site file end soon, by a clock that is set.

        Hours are of whole minutes: they end at the next one that leaves time for a start. The
        site file's own end at midnight, UTC.
        """
        closing = time.gmtime(time.time() + CLOSING_S)
        minute = f"{closing.tm_hour:02}:{closing.tm_min or 1:02}"  # 00:00 would end no day
        text = self.site_file.read_text()
        self.site_file.write_text(text.replace('"00:00-24:00"', f'"00:00-{minute}"'))
        self.synchronised = self.folder / "synchronised"
        self.synchronised.touch()

    def employ(self, operators: Sequence[str]) -> None:
        """Have the site file know operators, each with every right; they need a set clock."""
        if not operators:
            return
        tables = []
        for name in operators:
            words = ["operator", "keygen", name, "--right", "*"]
            tables.append(self.armoury(*words, "--key", str(self._operator_key(name))))
        with self.site_file.open("a", encoding="utf-8") as site:
            site.write("\n" + "\n".join(tables))
        self.synchronised = self.folder / "synchronised"
        self.synchronised.touch()

    def _operator_key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def end(self) -> None:
        """End every process, the daemon in order."""
        self.stop_daemon()
        self.monitor.end()
        self.broker.kill()
        self._end_wires()

    def start_wires(self) -> None:
        """Start the simulators of every device; returns when each listens."""
        self._begin_wires()
        self._wait_for_wires()

    def _begin_wires(self) -> None:
        self._log("wires").unlink(missing_ok=True)  # a start says anew which are ready
        words = ["simulators.site", str(self.site_file), "--run", str(self.folder)]
        self._wires = self._start("wires", words)

    def _wait_for_wires(self) -> None:
        wanted = {device["id"] for device in self._devices()}

        def ready() -> bool:
            ended = self._wires is None or self._wires.poll() is not None
            there = wanted <= self._ready_wires()
            if ended and not there:
                raise NightError(self._no_wires())
            return there

        _until(ready, READY_S, self._no_wires)

    def _no_wires(self) -> str:
        said = self.said("wires").strip().splitlines() or ["they say nothing"]
        return f"the simulators did not start: {said[-1]}; {self._log('wires')} has more"

    def _end_wires(self) -> None:
        _terminate(self._wires, STOP_S)
        self._wires = None

    def _ready_wires(self) -> set[str]:
        said = self._log("wires").read_text().splitlines()
        return {line.partition(":")[0] for line in said if ": listening on " in line}

    def start_daemon(self) -> None:
        """Start the daemon; returns at once."""
        words = ["agent.cli.main", "run", "--site", str(self.site_file)]
        words += ["--data", str(self.data), "--socket", str(self.control)]
        if self.synchronised is not None:
            words += ["--synchronised", str(self.synchronised)]
        self._started_us = time.monotonic_ns() // 1000
        self.daemon = self._start("daemon", words)

    def wait_for_devices(self) -> None:
        """Wait until the daemon answers and has seen every device."""
        _until(self._all_there, READY_S, lambda: f"not ready: {self.said('daemon')}")

    def stop_daemon(self) -> None:
        """Stop the daemon in order, as systemd does."""
        _terminate(self.daemon, STOP_S)
        self.daemon = None

    def kill_daemon(self) -> None:
        """End the daemon as a power cut would: SIGKILL, no word."""
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait(5)
            self.daemon = None

    def said(self, process: str) -> str:
        """Return the last of what a process of this armoury logged."""
        log = self._log(process)
        return log.read_text(errors="replace")[-2000:] if log.exists() else "nothing"

    def tell(self, device: str, do: str, **params: Any) -> Any:
        """Tell one simulator to do something."""
        return tell(self.folder / "sim" / f"{device}.sock", do, **params)

    def ask(self, do: str, **params: Any) -> Any:
        """Ask the daemon over its control socket."""
        return tell(self.control, do, **params)

    def environment(self) -> dict[str, str]:
        """Return what tells the command `armoury` which armoury it is about."""
        return {
            "ARMOURY_SITE": str(self.site_file),
            "ARMOURY_SOCKET": str(self.control),
            "ARMOURY_RUN": str(self.folder),
        }

    # What a night needs (simulators.night.House)

    def armoury(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "agent.cli.main", *words],
            env=os.environ | self.environment(),
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        if done.returncode:
            said = f"{done.stderr.strip()} {done.stdout.strip()}"
            raise NightError(f"armoury {' '.join(words)}: {said.strip()}")
        return done.stdout

    def central_does(self, words: Sequence[str], by: Sequence[str]) -> None:
        keys = [word for name in by for word in ("--key", str(self._operator_key(name)))]
        site = tomllib.loads(self.site_file.read_text(encoding="utf-8"))["site"]["id"]
        signed = self.folder / "signed.json"
        envelope = self.armoury("operator", "sign", *words, "--site", site, *keys)
        signed.write_text(envelope, encoding="utf-8")
        self.armoury("operator", "send", str(signed), "--broker", f"127.0.0.1:{self.broker.port}")

    def edit(self, before: str, after: str) -> None:
        text = self.site_file.read_text(encoding="utf-8")
        if before not in text:
            raise NightError(f"the site file does not say {before!r}")
        self.site_file.write_text(text.replace(before, after), encoding="utf-8")

    def broker_do(self, what: str) -> None:
        {"stop": self.broker.stop, "start": self.broker.start, "kill": self.broker.kill}[what]()

    def daemon_do(self, what: str) -> None:
        {"stop": self.stop_daemon, "start": self._restart, "kill": self.kill_daemon}[what]()

    def _restart(self) -> None:
        self.start_daemon()
        self.wait_for_devices()

    def head(self) -> int:
        if self.daemon is not None:
            self._head = int(self.ask("status")["journal"]["head"])
        return self._head

    def record(self) -> dict[int, dict[str, Any]]:
        """Return every recorded event by number, as the folder holds it, hidden ones too."""
        lines = self.armoury("journal", "export", "--data", str(self.data)).splitlines()
        return {event["seq"]: event for event in map(json.loads, lines)}

    def heard(self) -> list[dict[str, Any]]:
        return self.monitor.heard()

    def events(self, after: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        if self.daemon is None:
            return found
        while page := self.ask("events", after=after, limit=PAGE):
            found += page
            after = page[-1]["seq"]
        return found

    def _devices(self) -> list[dict[str, Any]]:
        devices: list[dict[str, Any]] = tomllib.loads(self.site_file.read_text())["device"]
        return devices

    def _all_there(self) -> bool:
        if self.daemon is None or self.daemon.poll() is not None:
            raise NightError(f"the daemon ended: {self.said('daemon')}")
        with contextlib.suppress(SimulatorError):
            ready = all(d["condition"] == "ready" for d in self.ask("status")["devices"])
            return ready and self._start_is_recorded()
        return False

    def _start_is_recorded(self) -> bool:
        """Say whether the record has this start: devices may be ready before it is on the disk."""
        newest = self.ask("events", kind="system.started", newest_first=True, limit=1)
        return bool(newest) and newest[0]["mono"] >= self._started_us

    def _log(self, process: str) -> Path:
        return self.folder / f"{process}.log"

    def _start(self, name: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
        with self._log(name).open("ab") as log:
            return subprocess.Popen(
                bound([sys.executable, "-m", *words]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def relocate(text: str, folder: Path) -> tuple[str, dict[int, int]]:
    """Give a shipped site file free ports, and paths in `folder`.

    Returns:
        the new text, and each old port with its new one.
    """
    ports: dict[int, int] = {}
    for found in sorted(set(PORT.findall(text))):
        while (port := free_port()) in ports.values():  # free still, and promised already
            pass
        ports[int(found)] = port
    text = PORT.sub(lambda found: str(ports[int(found[0])]), text)
    return text.replace(RUN_FOLDER, f"{folder}/"), ports


def _terminate(process: subprocess.Popen[bytes] | None, timeout_s: float) -> None:
    if process is None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def _until(condition: Any, timeout_s: float, otherwise: Any) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise NightError(otherwise())
        time.sleep(0.02)
