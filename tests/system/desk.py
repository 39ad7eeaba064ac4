"""A desk of a test's own: `armoury feed` as a process, and what it has said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

from tests.system.house import House
from tests.waiting import wait_until


class Desk:
    """`armoury feed --json` at a house's broker; what it says over all its runs is kept.

    Args:
        house: whose broker.
        name: of its files and of its session.
        words: more options.
    """

    def __init__(self, house: House, name: str = "desk", *words: str) -> None:
        self.state = house.folder / f"{name}.state"
        self._out = house.folder / f"{name}.said"
        self._err = house.folder / f"{name}.log"
        self._words = [sys.executable, "-m", "agent.cli.main", "feed", "--json", "--site", "demo"]
        self._words += ["--broker", f"127.0.0.1:{house.broker.port}", "--client", name]
        self._words += ["--state", str(self.state), *words]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> None:
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self._process = subprocess.Popen([*self._words, *words], stdout=out, stderr=err)

    def run(self, *words: str, timeout_s: float = 120) -> int:
        """Run until it ends by itself; return its exit status."""
        self.start(*words)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = 120) -> int:
        assert self._process is not None
        return self._process.wait(timeout_s)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        assert self._process is not None
        os.kill(self._process.pid, number)
        return self._process.wait(60)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop(signal.SIGKILL)

    def said(self, matter: str | None = None) -> list[dict[str, Any]]:
        whole = self._out.read_bytes().rpartition(b"\n")[0] if self._out.exists() else b""
        said = [json.loads(line) for line in whole.splitlines()]
        return [one for one in said if matter is None or one["is"] == matter]

    def wrong(self) -> set[str]:
        return {one["is"] for one in self.said() if one["wrong"]}

    def wait_for(self, matter: str, timeout_s: float = 60, **wanted: Any) -> dict[str, Any]:
        """Return the first thing of this kind that it has said, with these fields."""

        def found() -> dict[str, Any] | None:
            fits = (o for o in self.said(matter) if wanted.items() <= o.items())
            return next(fits, None)

        try:
            one = wait_until(found, timeout_s, f"{matter} {wanted}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it says: {self.log()}") from error
        assert one is not None
        return one

    def events(self) -> dict[int, dict[str, Any]]:
        return {one["event"]["seq"]: one["event"] for one in self.said("event")}

    def log(self) -> str:
        return self._err.read_text()[-2000:] if self._err.exists() else "nothing"
