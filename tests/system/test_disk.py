"""The disk misbehaves under a real daemon: alarms go out, entry is refused, nothing is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulators.monitor import Told
from tests.system.house import House
from tests.waiting import wait_until

SIZE_KIB = 2048


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real small filesystem."""
    where = tmp_path / "disk"
    where.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_KIB}k", "tmpfs", where], capture_output=True
    )
    if made.returncode:
        pytest.skip(f"NOT TESTED: a small filesystem cannot be mounted: {made.stderr.decode()}")
    yield where
    subprocess.run(["umount", "-l", where], check=True)


def unrecorded(house: House) -> list[Told]:
    return [told for told in house.monitor.told() if told.topic.endswith("/event/unrecorded")]


def test_a_full_disk_refuses_entry_lets_alarms_out_and_heals_by_itself(
    make_house: Callable[[str], House], demo_text: str, small_disk: Path
) -> None:
    house = make_house(demo_text)
    house.data = small_disk / "data"
    house.start()
    house.enrol()
    filler = small_disk / "filler"
    fill(filler)
    house.bounce(hz=10, for_ms=3000)
    wait_until(
        lambda: house.ask("status")["journal"]["trouble"], 15, "the daemon sees the full disk"
    )
    moved = len(house.strike_history())
    house.tell("store-reader", "finger", template=1)
    house.tell("board", "press", pin=27)
    wait_until(lambda: unrecorded(house), 10, "the panic is told without its record")
    assert len(house.strike_history()) == moved  # nothing opened
    filler.unlink()
    house.wait_for(30, kind="system.storage_back")
    house.wait_for(kind="system.storage_failed")
    raised = house.wait_for(kind="panic.raised")
    assert any(raised["ref"].encode() in told.payload for told in unrecorded(house))
    denied = house.wait_for(kind="access.denied", object="store")
    assert denied["data"]["reason"] == "journal-unavailable"
    house.assert_monitor_has_the_record()


def fill(path: Path) -> None:
    """Write until nothing more goes in."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(os.urandom(4096))
        except OSError:
            return
