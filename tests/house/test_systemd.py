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
# Which module registers the kinds of devices that the unit allows, as /proc/devices has them; those
# of None are part of Debian's and Raspberry Pi OS's kernels.
MODULES = {
    "ttyUSB": "usbserial",
    "ttyACM": "cdc_acm",
    "ttyAMA": None,
    "ttyS": None,
    "gpiochip": None,
    "spi": "spidev",
    "video4linux": "videodev",
}
LARGEST_EXPOSURE = 2.0  # standards.md, cyber baseline: systemd-analyze security

DEBIANS = {"dialout", "video"}  # base-passwd's, by numbers of its own

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


def words(key: str) -> list[str]:
    """Return what the agent's unit says under a key, on however many lines."""
    return " ".join(re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)).split()


def test_the_devices_that_it_allows_are_known_to_the_kernel_before_it_starts() -> None:
    kinds = {word.removeprefix("char-") for word in words("DeviceAllow") if "char-" in word}
    assert kinds == set(MODULES)
    # Every library opens its device to read and write; OpenCV a camera, too (cap_v4l.cpp, O_RDWR).
    assert words("DeviceAllow").count("rw") == len(kinds)
    loading = {f"modprobe@{module}.service" for module in MODULES.values() if module}
    assert {word for word in words("Wants") if "modprobe@" in word} == loading
    assert {word for word in words("After") if "modprobe@" in word} == loading


@needs_systemd
def test_every_line_of_the_unit_is_understood() -> None:
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", UNIT],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in said.stderr.splitlines() if "armoury-agent" in line]
    assert all("armoury is not executable" in line for line in complaints)


def test_every_group_of_the_unit_is_made_by_sysusers_or_debian() -> None:
    """What Debian has already is not made: systemd-sysusers would warn of it at each start."""
    groups = re.search(r"^SupplementaryGroups=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert groups
    made = (SYSTEMD / "armoury.sysusers.conf").read_text()
    made_here = set(re.findall(r"^g (\w+)", made, re.MULTILINE))
    assert sorted(groups[1].split()) == sorted(made_here | DEBIANS)
    assert not made_here & DEBIANS


def test_the_rules_go_by_what_the_kernel_says_and_are_applied_to_what_is_there() -> None:
    """What other files of rules set is not there yet: most are read after ours, by their names."""
    rules = (SYSTEMD / "60-armoury.rules").read_text()
    asked = set(re.findall(r"^[A-Z].*", rules, re.MULTILINE))
    keys = {key for rule in asked for key in re.findall(r"([A-Z]+(?:\{\w+\})?)==", rule)}
    assert keys == {"SUBSYSTEM", "SUBSYSTEMS", "KERNEL"}
    (modems,) = (rule for rule in asked if "ID_MM_DEVICE_IGNORE" in rule)
    assert modems.startswith('SUBSYSTEM=="tty", SUBSYSTEMS=="usb", ')
    install = (SYSTEMD.parent / "docs" / "install.md").read_text()
    assert "sudo udevadm control --reload && sudo udevadm trigger" in install


def test_every_file_is_installed_by_the_page_and_again_with_an_update() -> None:
    page = (SYSTEMD.parent / "docs" / "install.md").read_text()
    for file in SYSTEMD.iterdir():
        assert re.search(rf"sudo install -m 644 .*systemd/{re.escape(file.name)} ", page), file.name
    update = page.partition("## Updates")[2]
    assert "all of step 2" in update
    assert "armoury-renew.service" in update
    assert "systemctl daemon-reload && sudo systemctl restart armoury-agent" in update


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
