"""Drivers for the tests of the site file: a third party's package, installed like any other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.config import drivers
from agent.config.mistakes import SiteFileMistakes
from agent.config.sitefile import load

OPTIONS = """
from dataclasses import dataclass, field
from typing import Annotated, Literal

from drivers.contract import Mistake, Offers, Within


@dataclass(frozen=True, kw_only=True)
class Part:
    pin: Annotated[int, Within(0, 27)]
    pull: Literal["up", "down"] = "up"


@dataclass(frozen=True, kw_only=True)
class Options:
    port: Annotated[str, Within(1, 20)]
    share: Annotated[float, Within(0, 1)] = 0.5
    reads: tuple[str, ...] = ()
    picture: bool = False
    inputs: dict[str, Part] = field(default_factory=dict)
    outputs: dict[str, Part] = field(default_factory=dict)

    def offers(self):
        return Offers(
            frozenset(self.inputs), frozenset(self.outputs), frozenset(self.reads), self.picture
        )

    def mistakes(self):
        used = {}
        for table in ("inputs", "outputs"):
            for name, part in getattr(self, table).items():
                if part.pin in used:
                    found = f"pin {part.pin}, which {used[part.pin]} uses"
                    yield Mistake(f"{table}.{name}.pin", found, "give it a pin of its own")
                used.setdefault(part.pin, name)
"""
PACKAGES = {
    "acme": OPTIONS,
    "needy": 'LIBRARIES = ("no_such_library", "json")\n' + OPTIONS,
    "nameless": "",
    "crashing": "import no_such_module\n",
}


@pytest.fixture(scope="session")
def acme_drivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install the drivers `acme`, `needy`, `nameless` and `crashing`; loading one fails."""
    site = tmp_path_factory.mktemp("site-packages")
    for name, options in PACKAGES.items():
        package = site / f"{name}_driver"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "options.py").write_text(options)
        (package / "driver.py").write_text("raise AssertionError('check loads no driver')\n")
    info = site / "acme_drivers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-drivers\nVersion: 1.0\n")
    points = "".join(f"{name} = {name}_driver.driver:Driver\n" for name in PACKAGES)
    (info / "entry_points.txt").write_text(f"[armoury.drivers]\n{points}")
    sys.path.insert(0, str(site))
    drivers._entries.cache_clear()
    yield site
    sys.path.remove(str(site))
    drivers._entries.cache_clear()


@pytest.fixture
def mistakes(tmp_path: Path, acme_drivers: Path) -> Callable[[str], list[str]]:
    """Return what is wrong with a site file of this text, each line without the file's name."""

    def found(text: str) -> list[str]:
        path = tmp_path / "site.toml"
        path.write_text(text)
        try:
            load(path)
        except SiteFileMistakes as error:
            return [line.removeprefix(f"{path}:") for line in str(error).split("\n")]
        return []

    return found
