"""What a start leaves aside until all stands, and takes up again."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.config.mistakes import SiteFileMistakes
from agent.runtime.notify import Notify
from agent.runtime.start import EXHAUSTED, Told, start
from tests.runtime import test_exhausted
from tests.runtime.test_exhausted import ROOT

SAYS = "once all stands, garbage is collected: "


def main() -> None:
    """Be `armoury run`, in a process of its own, that says whether it collects garbage."""
    Notify.ready = lambda _: sys.stderr.write(f"{SAYS}{gc.isenabled()}\n")
    test_exhausted.main()


def test_garbage_is_collected_again_once_all_stands(tmp_path: Path) -> None:
    program = "from tests.runtime.test_start import main; main()"
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
    assert f"{SAYS}True" in done.stderr


def test_garbage_is_collected_again_after_a_start_that_fails(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text("[site]\n")
    with pytest.raises(SiteFileMistakes):
        start(Told.of({"site": site}))
    assert gc.isenabled()
