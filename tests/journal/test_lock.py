"""One daemon per data folder, whatever becomes of the file that names it; with real processes."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.journal.errors import JournalLocked
from agent.journal.journal import Journal
from agent.journal.lock import NAME, FolderLock

Open = Callable[..., Journal]

OPEN = (
    "import sys; from pathlib import Path; from agent.journal.journal import Journal\n"
    "Journal.open(Path(sys.argv[1]), committed=print, failed=print)"
)
# Takes the lock so many times, deletes the file while it holds it and while it does not, and
# fails where somebody else is inside at the same time.
CONTEND = """
import os, sys
from pathlib import Path
from agent.journal.errors import JournalLocked
from agent.journal.lock import FolderLock
folder, inside = Path(sys.argv[1]), Path(sys.argv[2])
took = 0
while took < 100:
    try:
        lock = FolderLock(folder)
    except JournalLocked:
        (folder / "journal.lock").unlink(missing_ok=True)
        continue
    os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
    (folder / "journal.lock").unlink(missing_ok=True)
    inside.unlink()
    lock.release()
    took += 1
"""


def started(code: str, *words: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("then", ["gone", "empty", "another's"])
def test_a_second_daemon_is_refused_whatever_became_of_the_file(
    opened: Open, folder: Path, then: str
) -> None:
    first = opened()
    (folder / NAME).unlink()
    if then != "gone":
        (folder / NAME).write_text("" if then == "empty" else "4711\n")
    _, said = started(OPEN, folder).communicate(timeout=60)
    holder = "4711" if then == "another's" else "unknown"
    assert f"{folder} is in use by the process {holder}; one daemon per data folder" in said
    first.close()
    assert opened().head == 0, "whoever was refused left nothing locked"


def test_of_many_that_try_one_is_inside_at_a_time(tmp_path: Path) -> None:
    (folder := tmp_path / "data").mkdir()
    racing = [started(CONTEND, folder, tmp_path / "inside") for _ in range(3)]
    assert [(one.communicate(timeout=300)[1], one.returncode) for one in racing] == [("", 0)] * 3


def test_a_daemon_of_before_which_locks_the_file_alone_is_not_joined(tmp_path: Path) -> None:
    with (tmp_path / NAME).open("w") as held:
        held.write("4711\n")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(JournalLocked, match="process 4711"):
            FolderLock(tmp_path)
    FolderLock(tmp_path).release()


def test_it_is_let_go_of_with_the_process(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from agent.journal.lock import FolderLock\n"
        "lock = FolderLock(Path(sys.argv[1])); print(); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(JournalLocked, match=f"process {holder.pid}"):
            FolderLock(tmp_path)
        holder.kill()
    lock = FolderLock(tmp_path)
    assert (tmp_path / NAME).read_text() == f"{os.getpid()}\n"
    lock.release()
