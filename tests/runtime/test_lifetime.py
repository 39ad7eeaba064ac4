"""No host outlives its daemon, and none that lives is ended for its age."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.runtime.spawned import Spawned, spawn
from tests.runtime.test_host import ROOT
from tests.waiting import BUSY, wait_until

SUPERVISION_S = 1

Start = Callable[[str], Spawned]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    started: list[Spawned] = []

    def start(driver: str) -> Spawned:
        host = spawn()
        started.append(host)
        host.sock.setblocking(True)
        told = {"driver": f"tests.runtime.odd_drivers:{driver}", "device": "odd", "options": {}}
        host.send(told | {"supervision_s": SUPERVISION_S})
        return host

    yield start
    for host in started:
        host.end()


def act(host: Spawned, number: int) -> None:
    host.send({"do": "act", "id": number, "verb": "on", "target": "lamp", "args": {}})


def heard(host: Spawned, is_: str) -> dict[str, Any]:
    """Return the next line of this kind."""
    host.sock.settimeout(10 * BUSY)
    with host.sock.makefile() as lines:
        return next(said for line in lines if (said := json.loads(line))["is"] == is_)


def cpu_s(host: Spawned) -> float:
    """Return the processor time that it has used so far."""
    after_name = Path(f"/proc/{host.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def test_a_host_whose_interpreter_is_kept_from_it_does_not_outlive_its_daemon(start: Start) -> None:
    host = start("Possessed")
    heard(host, "ready")
    act(host, 1)
    before_s = cpu_s(host)
    wait_until(lambda: cpu_s(host) > before_s + 0.2, 10, "it is in its library")
    host.sock.close()
    host.process.wait(10 * BUSY)


def test_a_host_that_lives_is_not_ended_for_its_age_however_much_it_is_asked(start: Start) -> None:
    host = start("Odd")
    heard(host, "ready")
    began_s = time.monotonic()
    number = 0
    while time.monotonic() - began_s < 4 * SUPERVISION_S:  # asked again before it looks around
        number += 1
        act(host, number)
        assert heard(host, "answer")["outcome"] == "done"
    time.sleep(3 * SUPERVISION_S)  # and nothing at all: a stretch of time is what is tested
    act(host, 0)
    assert heard(host, "answer")["outcome"] == "done"
