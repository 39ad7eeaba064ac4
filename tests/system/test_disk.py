"""The disk misbehaves under a real daemon: alarms go out, entry is refused, nothing is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from agent.journal import keys
from agent.journal.verification import verify
from tests.system.house import House
from tests.system.operator import Desk, Operator
from tests.waiting import wait_until

SIZE_KIB = 2048
GUARD_PANIC = 27  # the button's pin on the demo's board


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


def unrecorded(house: House) -> bytes:
    """Return all that the monitor was told without a number."""
    told = [one for one in house.monitor.told() if one.topic.endswith("/event/unrecorded")]
    return b"\n".join(one.payload for one in told)


@contextlib.contextmanager
def full(house: House, disk: Path) -> Iterator[str]:
    """Leave no space."""
    filler = disk / "filler"
    fill(filler)
    yield "no space is left"
    filler.unlink()


@contextlib.contextmanager
def read_only(house: House, disk: Path) -> Iterator[str]:
    """Let nothing be opened for writing; what holds the database open is made to let go of it."""
    with closing(sqlite3.connect(house.data / "journal.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        subprocess.run(["mount", "--bind", disk, disk], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", disk], check=True)
        wait_until(lambda: trouble(house), 20, "the daemon sees the lock")
    yield "make it writable"
    subprocess.run(["umount", disk], check=True)


@contextlib.contextmanager
def failing(house: House, disk: Path) -> Iterator[str]:
    """Have every write and sync of the daemon answered with EIO."""
    assert house.daemon is not None
    calls = "pwrite64,fdatasync,fsync"
    command = ["strace", "-f", "-p", str(house.daemon.pid), "-o", "/dev/null"]
    inject = ["-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO"]
    with subprocess.Popen([*command, *inject], stderr=subprocess.DEVNULL) as strace:
        wait_until(lambda: traced(house), 20, "strace has got hold of every thread")
        yield "disk I/O error"
        strace.terminate()


def traced(house: House) -> bool:
    """Return whether somebody traces every thread of the daemon."""
    assert house.daemon is not None
    threads = [path.read_text() for path in Path(f"/proc/{house.daemon.pid}/task").glob("*/status")]
    return not any("TracerPid:\t0\n" in status for status in threads)


def trouble(house: House) -> str:
    return str(house.ask("status")["journal"]["trouble"])


@pytest.mark.parametrize("ailment", [full, read_only, failing])
def test_an_ailing_disk_refuses_entry_lets_alarms_out_and_heals_by_itself(
    make_house: Callable[[str], House],
    blind_text: str,
    small_disk: Path,
    ailment: Callable[[House, Path], AbstractContextManager[str]],
) -> None:
    if ailment is failing and shutil.which("strace") is None:
        pytest.skip("NOT TESTED: strace is not installed")
    house = make_house(blind_text)
    house.data = small_disk / "data"
    house.start()
    house.enrol()
    house.bounce(hz=10, for_ms=20_000)
    with ailment(house, small_disk) as reason:
        wait_until(lambda: reason in trouble(house), 30, f"the daemon sees: {reason}")
        moved = len(house.strike_history())
        house.tell("store-reader", "finger", template=1)
        house.tell("board", "press", pin=GUARD_PANIC)
        wait_until(lambda: b"panic.raised" in unrecorded(house), 20, "the panic, unrecorded")
        assert len(house.strike_history()) == moved  # nothing opened
    house.wait_for(30, kind="system.storage_back")
    house.wait_for(kind="system.storage_failed")
    raised = house.wait_for(kind="panic.raised")
    assert raised["ref"].encode() in unrecorded(house)
    denied = house.wait_for(kind="access.denied", object="store")
    assert denied["data"]["reason"] == "journal-unavailable"
    house.assert_monitor_has_the_record()
    assert verify(house.data, keys.public(house.data)).findings == ()


@pytest.mark.skipif(shutil.which("strace") is None, reason="NOT TESTED: strace is not installed")
def test_no_signed_command_opens_anything_without_a_record(
    make_house: Callable[[str], House], blind_text: str, tmp_path: Path
) -> None:
    ana, ben = Operator("ana", "*"), Operator("ben", "*")
    text = blind_text.replace("people = 1\n", 'people = 1\nremote_open = "assist"\n', 1)
    house = make_house(text + ana.table() + ben.table())
    house.synchronised = tmp_path / "synchronised"
    house.synchronised.touch()
    house.start()
    house.enrol()
    house.wait_until_not_young()
    with Desk(house.broker.port, "demo") as desk:
        with failing(house, tmp_path) as reason:
            house.tell("board", "press", pin=GUARD_PANIC)
            wait_until(lambda: reason in trouble(house), 60, f"the daemon sees: {reason}")
            answers = desk.ask("door.assist", ana, ben, door="store")
            assert answers == [("accepted", ""), ("refused", "journal-unavailable")]
        house.wait_for(60, kind="system.storage_back")
    assert house.wait_for(kind="command.refused", reason="journal-unavailable")


def fill(path: Path) -> None:
    """Write until nothing more goes in."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(os.urandom(4096))
        except OSError:
            return


def test_a_daemon_whose_wal_is_taken_away_begins_anew_and_tells(house: House) -> None:
    known = house.head()
    (house.data / "journal.db-wal").unlink()
    assert house.daemon is not None
    assert house.daemon.wait(60) == 1, "it ends, so that systemd starts it anew"
    assert "journal.db was taken away or replaced" in house.said("daemon")
    house.start_daemon()
    house.wait_for_devices()
    assert house.head() > known
    told = house.wait_for(kind="system.storage_failed")
    assert "see who writes in" in told["data"]["reason"]
    assert verify(house.data, keys.public(house.data)).findings == ()
