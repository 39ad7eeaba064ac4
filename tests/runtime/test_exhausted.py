"""The last of the battery: the daemon says so, and ends in order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from agent.cli.main import main as command
from agent.config import sitefile
from agent.config.devices import DeviceSpec
from agent.config.document import Document
from agent.config.sitefile import SiteFile
from agent.journal.journal import Journal
from agent.runtime import start
from agent.runtime.start import EXHAUSTED
from agent.site.plan import Plan
from drivers.contract import Offers

ROOT = Path(__file__).parents[2]


def site() -> SiteFile:
    plan = {
        "site": {"id": "dark", "name": "Dark"},
        "device": [{"id": "ups"}],
        "power": {"mains": "ups.mains", "battery": "ups.battery", "mains_report_s": 0},
    }
    offers = Offers(points=frozenset({"mains", "battery"}))
    entry = "tests.runtime.ups_driver:Ups"
    device = DeviceSpec("ups", "ups", entry, {}, offers, simulated=False, supervision_s=10)
    return SiteFile(Plan.model_validate(plan), (device,), ())


def main() -> None:
    """Be `armoury run` for the site above, in a process of its own."""
    start.read = lambda path: Document("", {})
    sitefile.checked = lambda path, document: site()
    sys.argv[1:1] = ["run"]
    sys.exit(command())


def test_it_stops_by_itself_and_its_last_words_are_recorded(tmp_path: Path) -> None:
    # The work is done in another process: its exit status is what systemd goes by.
    program = "from tests.runtime.test_exhausted import main; main()"
    where = ["--data", tmp_path / "data", "--socket", tmp_path / "socket"]
    done = subprocess.run(
        [sys.executable, "-c", program, *where],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
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
    unit = (ROOT / "systemd" / "armoury-agent.service").read_text()
    assert f"RestartPreventExitStatus={EXHAUSTED}" in unit
    assert f'test "$$EXIT_STATUS" != {EXHAUSTED} || systemctl' in unit
