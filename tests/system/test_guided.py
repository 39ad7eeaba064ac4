"""Guided commands, as the people of the training armoury use them: counts, walks, proof tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.house import House
from tests.waiting import wait_until

TRAINING = (Path(__file__).parents[2] / "config" / "training.toml").read_text()
SERIALS = ("M4-1001", "M4-1002", "M4-1003")
WAIT_S = 30.0


@pytest.fixture
def site(make_house: Callable[[str], House]) -> House:
    """Return the training armoury with two officers."""
    made = make_house(TRAINING)
    made.start()
    for person, finger in (("p-1", "1"), ("p-2", "2")):
        finger = f"store-reader:{finger}"
        made.armoury("person", "enrol", person, "--role", "officer", "--finger", finger)
    return made


def identify(site: House, *fingers: str) -> None:
    """Lay fingers on the store's reader until each person was identified.

    A finger lies on the glass for 0.8 s; what is laid meanwhile is not read, and is laid again.
    """
    for finger in fingers:
        after = site.head()
        wait_until(lambda f=finger, a=after: laid(site, f, a), WAIT_S, f"finger {finger} is read")  # type: ignore[misc]


def laid(site: House, finger: str, after: int) -> bool:
    """Lay a finger, and return whether it was read within two seconds."""
    site.armoury("simulate", "finger", "store-reader", finger)
    until_s = time.monotonic() + 2
    while not (done := read(site, finger, after)) and time.monotonic() < until_s:
        time.sleep(0.05)
    return done


def read(site: House, finger: str, after: int) -> bool:
    """Return whether a finger was read since; that its window ended says nothing of it."""
    found = [event["data"] for event in site.events(after) if event["kind"].startswith("access.")]
    return any(
        f"p-{finger}" in (data.get("person"), *data.get("persons", ()))
        for data in found
        if data.get("reason") != "second-person-missing"
    )


class Guided:
    """A guided command that is running, and everything that it has said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.asked = ""
        self._seen = 0  # how much of it
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        while said := self.process.stderr.read(1):
            self.asked += said

    def sees(self, text: str) -> None:
        """Wait until it has said something."""
        wait_until(
            lambda: self.asked.find(text, self._seen) >= 0,
            WAIT_S,
            f"{text!r} after {self.asked[self._seen :]!r}",
        )
        self._seen = self.asked.find(text, self._seen) + len(text)

    def types(self, line: str = "") -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def ends(self) -> tuple[int, str]:
        """Wait for its end; return its exit status and what it answers."""
        assert self.process.stdout
        status = self.process.wait(WAIT_S)
        return status, self.process.stdout.read()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()


@contextmanager
def guided(site: House, *words: str) -> Iterator[Guided]:
    environment = os.environ | {"ARMOURY_SOCKET": str(site.control)}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "agent.cli.main", *words],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    running = Guided(process)
    try:
        yield running
    finally:
        running.close()


def test_a_count_from_beginning_to_end(site: House) -> None:
    with guided(site, "count", "take", "rifles", "p-1", "p-2", "--inventory") as count:
        count.sees("p-1 and p-2: identify at a reader")
        count.types()
        count.sees("not seen at a reader within two minutes; again")
        identify(site, "1", "2")
        count.types()
        for number, serial in ((1, SERIALS[0]), (2, SERIALS[0]), (2, ""), (3, "M4-9")):
            count.sees(f"board.slot-{number}:")
            count.types(serial)
        for person, finger in (("p-1", "1"), ("p-2", "2")):
            count.sees(f"{person}: identify at a reader")
            identify(site, finger)
            count.types()
        status, said = count.ends()
    assert status == 1
    assert said.splitlines() == [
        "rifles: 2 counted, 3 stood there",
        "  missing: M4-1002, M4-1003",
        "  not expected here: M4-9",
    ]
    assert any(
        alarm["cause"] == "rack.discrepancy" for alarm in site.ask("status")["view"]["alarms"]
    )


def test_a_count_in_single_steps(site: House, tmp_path: Path) -> None:
    scanned = tmp_path / "scanned"
    scanned.write_text("\n".join(SERIALS) + "\n")
    identify(site, "1", "2")
    site.armoury("count", "begin", "rifles", "p-1", "p-2", "--inventory")
    site.armoury("count", "enter", "rifles", "--list", str(scanned))
    identify(site, "1", "2")
    assert "the other one has yet to" in site.armoury("count", "agree", "rifles", "p-1")
    assert "1 of 2 agree" in site.armoury("count", "show")
    ended = json.loads(site.armoury("count", "agree", "rifles", "p-2", "--json"))
    assert (ended["agrees"], ended["count"]) == (True, 3)
    assert "no count" in site.armoury("count", "show")


def test_walks_proof_tests_and_technician_mode(site: House) -> None:
    identify(site, "1")
    with guided(site, "walk", "take", "hall") as walk:
        walk.sees("Ctrl-C ends it")
        site.armoury("simulate", "trip", "front")
        walk.sees("front heard, 1 to go")
        site.armoury("simulate", "trip", "hall-movement")
        walk.sees("hall-movement heard, that was the last one")
        assert walk.ends() == (0, "hall: 2 heard\n")
    with guided(site, "walk", "take", "hall", "--json") as walk:
        walk.sees("Ctrl-C ends it")
        walk.process.send_signal(signal.SIGINT)
        status, said = walk.ends()
        assert (status, json.loads(said)["missing"]) == (1, ["front", "hall-movement"])
    assert site.armoury("test", "siren", "siren") == "siren: passed\n"
    due = json.loads(site.armoury("test", "due", "--json"))
    assert {one["what"] for one in due} == {"zone", "panic", "siren", "inventory"}
    assert site.armoury("power").startswith("mains    there\n")
    roles = ("--role", "technician", "--finger", "store-reader:3")
    identify(site, "1", "2")
    site.armoury("person", "enrol", "p-3", *roles)
    identify(site, "1", "3")
    began = site.armoury("technician", "begin", "store", "--zone", "box")
    assert began.startswith("store: technician mode for 1 min, without box; ")
    assert site.armoury("technician", "end", "store").endswith("nothing is open\n")
