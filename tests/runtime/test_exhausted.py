"""The last of the battery: the daemon says so, and ends in order."""

from __future__ import annotations

import json
from pathlib import Path

from agent.journal.journal import Journal
from agent.runtime.start import EXHAUSTED
from tests.runtime import dark_house


def test_it_stops_by_itself_and_its_last_words_are_recorded(tmp_path: Path) -> None:
    done = dark_house.run("tests.runtime.dark_house", tmp_path)
    assert done.returncode == EXHAUSTED, done.stderr
    journal = Journal.open(tmp_path / "data", committed=lambda _: None, failed=lambda _: None)
    try:
        rows = list(journal.query())
    finally:
        journal.close()
    kinds = [row.kind for row in rows]
    assert "power.mains_lost" in kinds
    assert kinds[-1] == "system.stopped"
    low = [json.loads(row.body)["data"] for row in rows if row.kind == "power.battery_low"]
    assert low == [{"pct": 12}, {"pct": 10, "stopping": True}]
    assert json.loads(rows[-1].body)["data"]["reason"] == "battery"


def test_the_unit_switches_the_machine_off_then_and_starts_nothing_again() -> None:
    unit = (dark_house.ROOT / "systemd" / "armoury-agent.service").read_text()
    assert f"RestartPreventExitStatus={EXHAUSTED}" in unit
    assert f'test "$$EXIT_STATUS" != {EXHAUSTED} || systemctl' in unit
