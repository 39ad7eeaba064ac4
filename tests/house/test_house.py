"""The house's own rules: every driver and every command is whole."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest

from agent.cli.group import armoury
from agent.config.sitefile import load

ROOT = Path(__file__).parents[2]
DRIVERS = sorted(path.parent for path in (ROOT / "drivers").glob("*/driver.py"))
# Each costs half a MiB or more, for as long as the daemon runs.
USELESS = {
    "click",
    "rich",
    "pickle",
    "logging.handlers",
    "sqlite_utils",
    "cryptography.x509",
    "cv2",
}
HEAVY = {"cv2", "numpy", "serial", "gpiozero", "pigpio", "pyfingerprint", "paho", "sqlite_utils"}


def by_name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("driver", DRIVERS, ids=by_name)
def test_every_driver_has_an_entry_point(driver: Path) -> None:
    named = {point.name: point.value for point in entry_points(group="armoury.drivers")}
    assert named[driver.name].startswith(f"drivers.{driver.name}.driver:")


@pytest.mark.parametrize("driver", DRIVERS, ids=by_name)
def test_every_readme_shows_the_sample_word_for_word_and_it_checks(
    driver: Path, tmp_path: Path
) -> None:
    sample = (driver / "sample.toml").read_text()
    assert sample.strip() in (driver / "README.md").read_text()
    tomllib.loads(sample)
    site = tmp_path / "site.toml"
    site.write_text('[site]\nid = "sample"\nname = "Sample"\n\n' + sample)
    checked = subprocess.run(
        [sys.executable, "-m", "agent.cli.main", "check", str(site)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert checked.returncode == 0, checked.stderr + checked.stdout


def test_checking_a_site_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from agent.config.sitefile import load\n"
        f"load(Path({str(ROOT / 'config' / 'reference.toml')!r}))\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert not HEAVY & set(out.split())


def test_the_daemon_loads_nothing_that_it_does_not_use() -> None:
    program = (
        "import sys\n"
        "import agent.cli.main, agent.runtime.start, agent.runtime.daemon\n"
        "import agent.uplink.uplink, agent.uplink.desk\n"
        "print(*sys.modules)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    loaded = set(out.split())
    assert "paho.mqtt.client" in loaded
    assert not loaded & USELESS


def commands(group: click.Command, path: str) -> list[tuple[str, click.Command]]:
    found = [(path, group)]
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None, f"{path} {name}"
            found += commands(command, f"{path} {name}")
    return found


@pytest.mark.parametrize(("path", "command"), commands(armoury, "armoury"), ids=lambda v: str(v))
def test_every_command_has_help_and_every_option_too(path: str, command: click.Command) -> None:
    assert command.help, path
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.name}"


@pytest.mark.parametrize("site", sorted((ROOT / "config").glob("*.toml")), ids=by_name)
def test_every_shipped_site_file_checks(site: Path) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "agent.cli.main", "check", str(site)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert checked.returncode == 0, checked.stderr + checked.stdout


@pytest.mark.parametrize("page", ["README.md", "docs/install.md"])
def test_what_the_page_installs_is_what_the_reference_armoury_needs(page: str) -> None:
    line = re.search(r"pip install -c constraints\.txt '\.\[(.*)\]'", (ROOT / page).read_text())
    assert line
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    brought = {extra: " ".join(extras[extra]) for extra in line[1].split(",")}
    for device in load(ROOT / "config" / "reference.toml").devices:
        needs = [(need.extra, need.modules) for need in device.offers.needs]
        for extra, modules in needs or [(device.driver, ())]:
            assert extra in brought, device.id
            assert all(module in brought[extra] for module in modules), device.id
