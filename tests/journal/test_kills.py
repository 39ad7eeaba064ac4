"""kill -9 at any moment: what was told as committed is there, whole, and numbered on."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest

from agent.journal.ranges import Ranges
from agent.journal.reading import Reader
from agent.journal.record import Recorded


def run_and_kill(folder: Path, lines: int) -> list[int]:
    """Let the load run until it has told of `lines` commits, kill it, return what it told."""
    command = [sys.executable, "-m", "tests.journal.load", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
        assert load.stdout
        told = [load.stdout.readline() for _ in range(lines)]
        load.kill()
        told += load.stdout.readlines()
    whole = [line.split() for line in told if line.endswith("\n")]
    return [int(seq) for _, *rows in whole for seq in rows]


def check(rows: list[Recorded], state: object, told: list[int]) -> None:
    numbers = [row.seq for row in rows]
    assert numbers == list(range(1, len(rows) + 1))
    assert set(told) <= set(numbers)
    data = [json.loads(row.body)["data"] for row in rows]
    for tag, batch in groupby(data, key=lambda said: said["tag"]):
        sizes = [said["size"] for said in batch]
        assert sizes == [sizes[0]] * sizes[0], f"the batch {tag} is not whole"
    assert state == {"tag": data[-1]["tag"]}


def kill_many(folder: Path, times: int) -> None:
    chance = random.Random(4)
    told: list[int] = []
    for _ in range(times):
        told += run_and_kill(folder, chance.randint(1, 400))
        assert told == sorted(set(told)), "a number was given twice"
        with Reader(folder) as reader:
            check(reader.read(0, 10**7), reader.state(), told)
            delivered = reader.acknowledged().get(("fibre", "rest"), Ranges())
            assert delivered.complete_to(1) <= reader.head


def test_a_few_kills(tmp_path: Path) -> None:
    kill_many(tmp_path, 5)


@pytest.mark.soak
def test_500_kills(tmp_path: Path) -> None:
    for run in range(50):  # of ten kills each, so that reading it all stays short
        kill_many(tmp_path / str(run), 10)
