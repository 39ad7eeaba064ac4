"""kill -9 at any moment: what was told as committed is there, whole, proven, and numbered on."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest

from agent.journal import keys
from agent.journal.ranges import Ranges
from agent.journal.reading import Reader
from agent.journal.verification import verify

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None,
    reason="THE WRITES ARE NOT CUT ONE BY ONE: strace is not installed",
)


def load(folder: Path, *more: object) -> list[str]:
    return [sys.executable, "-m", "tests.journal.load", str(folder), *map(str, more)]


def strace(inject: str) -> list[str]:
    calls = "trace=pwrite64,fdatasync,fsync"
    return ["strace", "-f", "-o", "/dev/null", "-e", calls, "-e", f"inject={inject}"]


def numbers(lines: list[str]) -> list[int]:
    """Return what the load has told; its last line may be cut."""
    return [int(seq) for line in lines if line.endswith("\n") for seq in line.split()[1:]]


def run_and_kill(folder: Path, lines: int) -> list[int]:
    """Let the load run until it has told of `lines` commits, kill it, return what it told."""
    with subprocess.Popen(load(folder), stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        told = [running.stdout.readline() for _ in range(lines)]
        running.kill()
        told += running.stdout.readlines()
    return numbers(told)


def check(folder: Path, told: list[int]) -> None:
    """Hold the record against everything that was told of it so far."""
    assert told == sorted(set(told)), "a number was given twice"
    verdict = verify(folder, keys.public(folder))
    assert verdict.findings == ()
    with Reader(folder) as reader:
        rows = reader.read(0, 10**7)
        state = reader.state()
        delivered = reader.acknowledged().get(("fibre", "rest"), Ranges())
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert max(told, default=0) <= len(rows), "what was told is not there"
    assert delivered.complete_to(1) <= len(rows)
    data = [json.loads(row.body)["data"] for row in rows]
    for tag, batch in groupby(data, key=lambda said: said["tag"]):
        sizes = [said["size"] for said in batch]
        assert sizes == [sizes[0]] * sizes[0], f"the batch {tag} is not whole"
    assert state == ({"tag": b"%d" % data[-1]["tag"]} if data else {})


def kill_many(folder: Path, times: int) -> None:
    chance = random.Random(4)
    told: list[int] = []
    for _ in range(times):
        told += run_and_kill(folder, chance.randint(1, 400))
        check(folder, told)


def kill_at(folder: Path, call: str, when: int) -> None:
    """Kill the load at one system call, of all; then let it go on for a while."""
    command = [*strace(f"{call}:signal=SIGKILL:when={when}"), *load(folder)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    told = numbers(run.stdout.splitlines(keepends=True))
    if told:  # else there may be no record yet
        check(folder, told)
    told += run_and_kill(folder, 5)
    check(folder, told)


def test_a_few_kills(tmp_path: Path) -> None:
    kill_many(tmp_path, 4)


@needs_strace
@pytest.mark.parametrize(
    ("call", "when"),
    [("pwrite64", n) for n in (3, 20, 21, 22, 23, 44)] + [("fdatasync", n) for n in (1, 4, 7, 12)],
)
def test_a_kill_within_a_commit(tmp_path: Path, call: str, when: int) -> None:
    kill_at(tmp_path, call, when)


@needs_strace
@pytest.mark.parametrize("alone", [[], ["alone"]])
@pytest.mark.parametrize(
    "inject", ["pwrite64:error=EIO:when=60..64", "fdatasync:error=EIO:when=7..12"]
)
def test_io_errors_lose_nothing_and_heal(tmp_path: Path, inject: str, alone: list[str]) -> None:
    subprocess.run(load(tmp_path, 0), check=True, timeout=60)
    command = [*strace(inject), *load(tmp_path, 1500, *alone)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert "disk I/O error" in run.stderr
    assert "recording goes on by itself" in run.stderr
    told = [line.split() for line in run.stdout.splitlines()]
    assert [int(tag) for tag, *_ in told] == list(range(1500))
    check(tmp_path, numbers(run.stdout.splitlines(keepends=True)))


@pytest.mark.soak
def test_500_kills(tmp_path: Path) -> None:
    for run in range(50):  # of ten kills each, so that reading it all stays short
        kill_many(tmp_path / str(run), 10)


@pytest.mark.soak
@needs_strace
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
def test_a_kill_at_every_write_and_sync(tmp_path: Path, call: str) -> None:
    for when in range(1, 121 if call == "pwrite64" else 41):
        kill_at(tmp_path / str(when), call, when)
