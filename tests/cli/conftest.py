"""The command line, as a shell runs it, and a daemon to talk to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.cli.main import main
from tests.cli.daemon import Daemon


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


Armoury = Callable[..., Said]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path / "control.sock") as running:
        yield running


@pytest.fixture
def armoury(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Armoury:
    """Run `armoury` with these words, in this process; the socket is the test's own."""
    monkeypatch.setenv("ARMOURY_SOCKET", str(tmp_path / "control.sock"))
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("ARMOURY_SITE", "ARMOURY_RUN"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["armoury", *map(str, words)])
        capsys.readouterr()
        status = main()
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return run
