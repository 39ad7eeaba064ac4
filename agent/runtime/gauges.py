"""What the machine says of itself: memory, heat, supply, load, disk. Blocking, so a worker's.

Whatever a machine does not have is left out; nothing here ever fails.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

DATABASE = "journal.db*"


class Places(Struct, frozen=True):
    """Where the machine shows it; a test has places of its own."""

    meminfo: Path = Path("/proc/meminfo")
    rollup: Path = Path("/proc/self/smaps_rollup")
    thermal: Path = Path("/sys/class/thermal")
    hwmon: Path = Path("/sys/class/hwmon")


def read(folder: Path, places: Places | None = None) -> dict[str, Any]:
    """Return everything that this machine shows.

    Args:
        folder: of the record.
        places: where to look.
    """
    given = places or Places()
    return {
        "disk": _disk(folder),
        "memory": _memory(given),
        "milli_celsius": dict(_heat(given.thermal)),
        "power": _power(given.hwmon),
        "load_pct": [round(load * 100) for load in os.getloadavg()],
    }


def _memory(places: Places) -> dict[str, int]:
    mine, all_of_it = _kib(places.rollup), _kib(places.meminfo)
    found = {
        "pss_kib": mine.get("Pss"),
        "rss_kib": mine.get("Rss"),
        "available_kib": all_of_it.get("MemAvailable"),
        "total_kib": all_of_it.get("MemTotal"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _kib(path: Path) -> Mapping[str, int]:
    """Read lines like "Pss:    1234 kB"."""
    words = (line.split() for line in _text(path).splitlines())
    return {
        row[0].removesuffix(":"): int(row[1])
        for row in words
        if len(row) == 3 and row[1].isdecimal() and row[2] == "kB"
    }


def _heat(folder: Path) -> list[tuple[str, int]]:
    found = []
    for zone in sorted(folder.glob("thermal_zone*")):
        with contextlib.suppress(ValueError):
            found.append((_text(zone / "type").strip() or zone.name, int(_text(zone / "temp"))))
    return found


def _power(folder: Path) -> dict[str, Any] | None:
    """Return what a Raspberry Pi's firmware says of its supply (driver raspberrypi-hwmon)."""
    for monitor in sorted(folder.glob("hwmon*")):
        if _text(monitor / "name").strip() == "rpi_volt":
            low = _text(monitor / "in0_lcrit_alarm").strip() == "1"
            return {"undervoltage": low} | ({"trouble": "the supply is too weak"} if low else {})
    return None


def _disk(folder: Path) -> dict[str, int]:
    try:
        disk = os.statvfs(folder)
        record = sum(path.stat().st_size for path in folder.glob(DATABASE))
    except OSError:
        return {}
    taken = disk.f_blocks - disk.f_bfree
    return {
        "free_bytes": disk.f_bavail * disk.f_frsize,
        "total_bytes": disk.f_blocks * disk.f_frsize,
        "used_pct": taken * 100 // max(1, taken + disk.f_bavail),
        "record_bytes": record,
    }


def _text(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="ascii")
    return ""
