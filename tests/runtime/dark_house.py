"""A gateway whose battery runs out as soon as it has started, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from agent.cli.main import main as command
from agent.config import sitefile
from agent.config.devices import DeviceSpec
from agent.config.document import Document
from agent.config.sitefile import SiteFile
from agent.runtime import start
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
    """Be `armoury run` for the site above."""
    start.read = lambda path: Document("", {})
    sitefile.checked = lambda path, document: site()
    sys.argv[1:1] = ["run"]
    sys.exit(command())


def run(module: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a module's `main`, and return how it ended: systemd goes by that."""
    program = f"from {module} import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "--data", folder / "data", "--socket", folder / "socket"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
