"""What a machine shows of itself; of whatever it does not show, nothing is said."""

from __future__ import annotations

from pathlib import Path

from agent.runtime import gauges
from agent.runtime.gauges import Places


def places(root: Path) -> Places:
    return Places(root / "meminfo", root / "rollup", root / "thermal", root / "hwmon")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_raspberry_pi(tmp_path: Path) -> None:
    write(tmp_path / "meminfo", "MemTotal:  3884412 kB\nMemFree: 1 kB\nMemAvailable: 3000000 kB\n")
    write(
        tmp_path / "rollup",
        "55b69bb3c000-7fff ---p 00000000 00:00 0 [rollup]\nRss: 40000 kB\nPss: 35000 kB\n",
    )
    write(tmp_path / "thermal/thermal_zone0/type", "cpu-thermal\n")
    write(tmp_path / "thermal/thermal_zone0/temp", "48123\n")
    write(tmp_path / "hwmon/hwmon0/name", "cpu_thermal\n")
    write(tmp_path / "hwmon/hwmon1/name", "rpi_volt\n")
    write(tmp_path / "hwmon/hwmon1/in0_lcrit_alarm", "1\n")
    write(tmp_path / "data/journal.db", "x" * 5000)
    found = gauges.read(tmp_path / "data", places(tmp_path))
    assert found["memory"] == {
        "pss_kib": 35_000,
        "rss_kib": 40_000,
        "available_kib": 3_000_000,
        "total_kib": 3_884_412,
    }
    assert found["milli_celsius"] == {"cpu-thermal": 48_123}
    assert found["power"] == {"undervoltage": True, "trouble": "the supply is too weak"}
    assert found["disk"]["record_bytes"] == 5000
    assert 0 <= found["disk"]["used_pct"] <= 100
    write(tmp_path / "hwmon/hwmon1/in0_lcrit_alarm", "0\n")
    assert gauges.read(tmp_path, places(tmp_path))["power"] == {"undervoltage": False}


def test_a_machine_that_shows_nothing(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    found = gauges.read(nowhere, places(nowhere))
    assert (found["disk"], found["memory"], found["milli_celsius"]) == ({}, {}, {})
    assert found["power"] is None


def test_nonsense_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "meminfo", "MemTotal: many kB\nMemAvailable:\n\xff")
    write(tmp_path / "thermal/thermal_zone0/temp", "hot")
    write(tmp_path / "thermal/thermal_zone1/type", "")
    write(tmp_path / "thermal/thermal_zone1/temp", "-2000")
    found = gauges.read(tmp_path, places(tmp_path))
    assert found["memory"] == {}
    assert found["milli_celsius"] == {"thermal_zone1": -2000}
