"""The shipped unit is as closed as we say, and speaks of things that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "armoury-agent.service"
LARGEST_EXPOSURE = 2.0  # standards.md, cyber baseline: systemd-analyze security

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@needs_systemd
def test_the_sandbox_leaves_at_most_the_allowed_exposure() -> None:
    out = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", out)
    assert found, out
    assert float(found[1]) <= LARGEST_EXPOSURE


def test_the_unit_waits_for_readiness_and_feeds_a_watchdog() -> None:
    unit = UNIT.read_text()
    assert "Type=notify" in unit
    assert re.search(r"^WatchdogSec=\d+", unit, re.MULTILINE)
    assert "Restart=always" in unit


def test_every_group_of_the_unit_is_made_by_sysusers() -> None:
    groups = re.search(r"^SupplementaryGroups=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert groups
    made = (SYSTEMD / "armoury.sysusers.conf").read_text()
    for group in groups[1].split():
        assert re.search(rf"^g {group}\b", made, re.MULTILINE), group
