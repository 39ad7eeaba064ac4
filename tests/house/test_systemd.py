"""The shipped unit is as closed as we say, and speaks of things that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "armoury-agent.service"
RENEW = SYSTEMD / "armoury-renew.service"
LARGEST_EXPOSURE = 2.0  # standards.md, cyber baseline: systemd-analyze security

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@needs_systemd
@pytest.mark.parametrize("unit", [UNIT, RENEW], ids=lambda unit: unit.stem)
def test_the_sandbox_leaves_at_most_the_allowed_exposure(unit: Path) -> None:
    out = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
        capture_output=True,
        text=True,
        timeout=60,
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


@needs_systemd
def test_what_renews_certificates_is_started_by_its_timer_as_the_page_says() -> None:
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", RENEW, RENEW.with_suffix(".timer")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in said.stderr.splitlines() if "armoury-renew" in line]
    assert all("/etc/armoury/renew is not executable" in line for line in complaints)
    install = (SYSTEMD.parent / "docs" / "install.md").read_text()
    program = re.search(r"^ExecStart=(\S+)$", RENEW.read_text(), re.MULTILINE)
    folder = re.search(r"^ReadWritePaths=(\S+)$", RENEW.read_text(), re.MULTILINE)
    assert program
    assert folder
    assert f"sudo install -m 755 my-renewal {program[1]}\n" in install
    assert f"{folder[1]}/" in install


def test_hosts_are_not_killed_before_they_have_put_their_outputs_into_the_fail_state() -> None:
    """Hosts ignore what tells them to end (`tests/contract/test_gpio_life.py`), and end with it."""
    unit = UNIT.read_text().splitlines()
    assert "KillMode=control-group" in unit
