"""A whole armoury of a test's own, with words for what tests wait for."""

from __future__ import annotations

import functools
import subprocess
import sys
import tomllib
from typing import Any
from unittest.mock import patch

from click.testing import CliRunner

from agent.cli.main import main
from simulators.armoury import READY_S, Armoury
from simulators.night import Event, NightError, any_like
from simulators.site import Running, simulators
from tests.waiting import wait_until
from tests.warm import Warm

YOUNG_S = 10  # a gateway that has just started refuses what may be older than its start

# Inputs that mean nothing to the site: each change is a `point.changed` of its own, which makes
# them the load of these tests. They are wired to the demo's board.
LOAD_PINS = (5, 6, 12, 13)
LOAD = "".join(f'load-{pin} = {{ pin = {pin}, pull = "up" }}\n' for pin in LOAD_PINS)


class House(Armoury):
    """An armoury with words for what tests wait for.

    Attributes:
        has_strangers: somebody else publishes in its name; what is heard is not all ours.
    """

    has_strangers = False
    _running: tuple[Running, ...] = ()

    def start(self, *, heard: bool = True) -> None:
        """Start all of it and wait until every device is there, and the monitor hears of it.

        Args:
            heard: False where the line to the monitor cannot stand.
        """
        super().start()
        if heard:
            self.wait_for_line()

    def wait_for_line(self) -> None:
        """Wait until the line stands and the monitor has what was recorded so far.

        The inputs are watched before there is a line: every device may be there, and it not.
        """
        head = self.head()
        line = lambda: self.ask("status")["paths"][0]["condition"]  # noqa: E731
        wait_until(lambda: line() == "ready", 20, "a line to the monitor")
        wait_until(lambda: head in self.monitor.events(), 20, f"event {head} at the monitor")

    def wait_until_not_young(self) -> None:
        """Wait until no command is refused any more because it may be older than the start.

        Who judges them is made with the line, which may be later than the daemon's own start.
        """
        line = lambda: self.ask("status")["paths"][0]  # noqa: E731
        wait_until(lambda: line()["since_s"] > YOUNG_S, 30, f"a line for {YOUNG_S} s")

    def armoury(self, *words: str) -> str:
        done = self.command(*words)
        if done.returncode:
            said = f"{done.stderr.strip()} {done.stdout.strip()}"
            raise NightError(f"armoury {' '.join(words)}: {said.strip()}")
        return done.stdout

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command `armoury` in this process: only what it costs to start is left out."""
        isolated = CliRunner(env=self.environment()).isolation()
        with patch.object(sys, "argv", ["armoury", *words]), isolated as (out, err, _):
            status = main()
            sys.stdout.flush()
            sys.stderr.flush()
        said = out.getvalue().decode(), err.getvalue().decode()
        return subprocess.CompletedProcess(["armoury", *words], status, *said)

    def wait_for(self, timeout_s: float = 10.0, *, after: int = 0, **wanted: object) -> Event:
        """Return the first recorded event with these fields."""

        def found() -> Event | None:
            return next((e for e in self.events(after) if any_like(wanted, [e])), None)

        event = wait_until(found, timeout_s, f"recorded: {wanted}")
        assert event is not None
        return event

    def enrol(self, person: str = "p-1", finger: int = 1) -> None:
        """Make an officer known whose finger is on the store's reader."""
        credentials = [{"kind": "finger", "reference": f"store-reader:{finger}"}]
        params = {"person": person, "roles": ["officer"], "credentials": credentials}
        self.ask("command", name="person.enrol", params=params)

    def bounce(self, hz: int, for_ms: int) -> None:
        """Load the daemon: every load input changes at `hz` for a while."""
        for pin in LOAD_PINS:
            self.tell("board", "bounce", pin=pin, hz=hz, for_ms=for_ms)

    def strike_history(self) -> list[tuple[int, int]]:
        """Return when the store's strike was switched: (microseconds, level)."""
        return [(at, level) for at, level in self.pin(23)["history"]]

    def pin(self, number: int) -> dict[str, Any]:
        pins = self.tell("board", "pins")
        found: dict[str, Any] = pins[str(number)]
        return found

    def assert_monitor_has_the_record(self, timeout_s: float = 30.0) -> None:
        """Fail unless the record has no gaps and the monitor has every event of it, as it is."""
        recorded = self.record()
        head = max(recorded)
        assert sorted(recorded) == list(range(1, head + 1))
        assert self.monitor.wait_for(head, timeout_s), self.said("daemon")
        told = self.monitor.events()
        assert {seq: told[seq] for seq in range(1, head + 1)} == {
            seq: recorded[seq] for seq in range(1, head + 1)
        }

    def kill_wires(self) -> None:
        """End every simulator as a power cut would."""
        for running in self._running:
            running.process.kill()

    # Warm, one by one: how `simulators.site` starts them is tested with `armoury simulate start`.

    def _begin_wires(self) -> None:
        wanted = simulators(tomllib.loads(self.site_file.read_text()), self.folder)
        with self._log("wires").open("ab") as log:
            start = functools.partial(Warm, err=log.fileno())
            self._running = tuple(Running(one, start) for one in wanted)

    def _wait_for_wires(self) -> None:
        for running in self._running:
            running.wait_ready(READY_S)

    def _end_wires(self) -> None:
        for running in self._running:
            running.stop()
        for running in self._running:
            running.__exit__()
        self._running = ()
