"""Hosts that are started before anybody has checked the site file."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.config.sitefile import load
from agent.runtime import ahead as agent_ahead
from agent.runtime.ahead import Ahead
from agent.runtime.host import Host, HostSpec
from agent.runtime.spawned import spawn
from agent.site.inputs import Condition, DeviceNews, Input
from simulators.broker import free_port
from tests.waiting import BUSY, wait_until

ROOT = Path(__file__).parents[2]
GPIO = "drivers.gpio.driver:GpioDriver"
BOARD = {"id": "board", "driver": "gpio"}
SLOW = [{"id": name, "driver": "slow"} for name in ("one", "two", "three")]


async def first_news(host: Host, told: asyncio.Queue[Input]) -> DeviceNews:
    running = asyncio.create_task(host.run())
    try:
        async with asyncio.timeout(10 * BUSY):
            while not isinstance(what := await told.get(), DeviceNews):
                pass
            return what
    finally:
        host.stop()
        await running


async def test_a_host_that_was_started_ahead_is_its_devices_first() -> None:
    with Ahead({"device": [BOARD]}) as ahead:
        spawned = ahead.take("board", GPIO)
        assert spawned is not None
        assert ahead.take("board", GPIO) is None
    assert spawned.process.poll() is None
    options = {"factory": "pigpio", "port": free_port(), "inputs": {"a": {"pin": 4, "pull": "up"}}}
    spec = HostSpec("board", GPIO, options, 10.0, frozenset({"a"}), frozenset())
    told: asyncio.Queue[Input] = asyncio.Queue()
    host = Host(spec, told.put_nowait, random.Random(1), spawned)
    host.launch()
    assert host.pid == spawned.process.pid
    news = await first_news(host, told)
    assert news.condition is Condition.LOST
    assert "pigpiod at 127.0.0.1" in news.reason  # it has what it needs, and says what lacks


async def test_what_cannot_be_loaded_ahead_is_told_of_by_the_real_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    spawned = spawn()
    spawned.send({"load": "tests.runtime.nowhere:Driver"})
    spec = HostSpec("odd", "tests.runtime.nowhere:Driver", {}, 10.0, frozenset(), frozenset())
    told: asyncio.Queue[Input] = asyncio.Queue()
    news = await first_news(Host(spec, told.put_nowait, random.Random(1), spawned), told)
    assert news.condition is Condition.FAULTED
    assert "No module named 'tests.runtime.nowhere'" in news.reason


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the driver `slow`; return the pipe that its library is read from, to its end."""
    pipe, package = tmp_path / "pipe", tmp_path / "slow"
    os.mkfifo(pipe)
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "options.py").touch()
    (package / "driver.py").write_text(f"open({str(pipe)!r}).read()\n\n\nclass Driver: ...\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    slow = SimpleNamespace(value="slow.driver:Driver", behind=False)
    monkeypatch.setattr(agent_ahead, "installed", lambda: {"slow": slow})
    return pipe


def pids(ahead: Ahead) -> dict[str, int]:
    return {device: host.process.pid for device, (_, host) in list(ahead._hosts.items())}


def test_hosts_load_in_turn_and_the_daemon_has_a_processor_of_its_own(library: Path) -> None:
    with Ahead({"device": SLOW}, at_once=1) as ahead:
        assert set(pids(ahead)) == {"one"}
        library.write_bytes(b"loaded")  # returns once somebody reads it
        wait_until(lambda: len(pids(ahead)) == 2, 10.0, "the next is started")
        assert set(pids(ahead)) == {"one", "two"}
    with Ahead({"device": SLOW}, at_once=2) as ahead:
        assert set(pids(ahead)) == {"one", "two"}


def test_a_host_that_ends_over_its_library_does_not_keep_the_next_waiting(library: Path) -> None:
    assert library.exists()
    with Ahead({"device": SLOW}, at_once=1) as ahead:
        ahead._hosts["one"][1].process.kill()
        wait_until(lambda: "two" in pids(ahead), 10.0, "the next is started")


def test_whose_turn_has_not_come_is_left_to_the_daemon(library: Path) -> None:
    with Ahead({"device": SLOW}, at_once=1) as ahead:
        assert ahead.take("two", "slow.driver:Driver") is None
        library.write_bytes(b"loaded")
        wait_until(lambda: len(pids(ahead)) == 2, 10.0, "the next is started")
        assert set(pids(ahead)) == {"one", "three"}


def test_nobody_is_started_once_the_rest_is_ended(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    with Ahead({"device": SLOW}, at_once=1) as ahead:
        turns = [thread for thread in threading.enumerate() if thread.name == "hosts ahead"]
        one = ahead.take("one", "slow.driver:Driver")
        assert one is not None
        monkeypatch.setattr(agent_ahead, "spawn", lambda **how: started.append(how))
    one.end()
    assert library.exists()
    for turn in turns:
        turn.join(10.0 * BUSY)
    assert not started
    assert not ahead._hosts


def test_whom_the_checked_file_has_no_use_for_is_ended() -> None:
    with Ahead({"device": [BOARD, {"id": "board-2", "driver": "gpio"}]}, at_once=2) as ahead:
        assert ahead.take("board", "drivers.zfm.driver:ZfmDriver") is None
        other = ahead.take("board-2", GPIO)
        assert other is not None
        left = pids(ahead).values()
        assert left
    assert not any(Path(f"/proc/{pid}").exists() for pid in left)
    assert other.process.poll() is None
    other.end()
    assert not Path(f"/proc/{other.process.pid}").exists()


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"device": {"id": "board", "driver": "gpio"}},
        {"device": [1, "gpio", [], {"id": ["board"], "driver": "gpio"}]},
        {"device": [{"id": "board"}, {"id": "board", "driver": {"gpio": 1}}, {"driver": "gpio"}]},
        {"device": [{"id": "board", "driver": "gpoi"}]},
        {"device": [{"id": "hall", "driver": "camera"}]},  # it lets all others go first
    ],
)
def test_nobody_is_started_for_what_makes_no_sense(tree: dict[str, Any]) -> None:
    with Ahead(tree) as ahead:
        assert not ahead._hosts


def test_a_device_that_is_there_twice_has_one_host() -> None:
    with Ahead({"device": [BOARD, BOARD]}) as ahead:
        assert len(ahead._hosts) == 1


def test_a_camera_lets_all_others_go_first() -> None:
    behind = {spec.id: spec.behind for spec in load(ROOT / "config" / "demo.toml").devices}
    assert behind == {"board": False, "store-reader": False, "hall": True}
