"""Figures of processes and of samples, and how they are printed."""

from __future__ import annotations

import compileall
import os
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PACKAGES = ("agent", "drivers", "simulators", "benchmarks")


def as_installed() -> None:
    """Leave what is measured as it is on a gateway: installed, and started with the machine.

    pip compiles what it installs. A tree that was just changed or set up, or an environment that
    forbids Python to write bytecode, would have every process compile all of it again: 0.2 s of a
    daemon's start, and more. What was just written also lies in the page cache in pieces of
    megabytes, of which Linux 6.18 maps the whole where a process touches a page: 33 MiB more of
    OpenCV. What a machine reads after its boot lies in smaller ones.
    """
    ours = [Path(__file__).parents[1] / package for package in PACKAGES]
    libraries = {Path(sysconfig.get_path(which)) for which in ("purelib", "platlib")}
    for folder in (*ours, *libraries):
        compileall.compile_dir(folder, quiet=2)  # some libraries carry files of other Pythons
    os.sync()
    for folder in libraries:
        for path in filter(Path.is_file, folder.rglob("*")):
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the sample below which `share` of them lie."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def tree(pid: int) -> Iterator[int]:
    """Yield a process and all that descend from it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from tree(int(child))


def pss_mib(pid: int) -> float:
    """Return a process's proportional share of memory."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(row.split()[1]) for row in rollup.splitlines() if row.startswith("Pss:")) / 1024


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def row(name: str, ours: float, floor: float | None, unit: str, bar: str) -> None:
    """Print one figure beside its floor."""
    ratio = f"{ours / floor:6.2f} x" if floor else "        "
    beside = f"{floor:9.2f}" if floor is not None else "        -"
    print(f"{name:<44} {ours:9.2f} {beside} {unit:<6} {ratio}  {bar}")


def head(title: str) -> None:
    """Print a table's head."""
    print(f"\n{title}\n{'':<44} {'ours':>9} {'floor':>9} {'':<6} {'ratio':>8}  bar")
