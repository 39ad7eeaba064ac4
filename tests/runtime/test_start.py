"""What a start leaves aside until all stands, and takes up again."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest

from agent.config.mistakes import SiteFileMistakes
from agent.runtime.notify import Notify
from agent.runtime.start import EXHAUSTED, Told, start
from tests.runtime import dark_house

SAYS = "once all stands, garbage is collected: "


def main() -> None:
    """Be `armoury run`, in a process of its own, that says whether it collects garbage."""
    Notify.ready = lambda _: sys.stderr.write(f"{SAYS}{gc.isenabled()}\n")
    dark_house.main()


def test_garbage_is_collected_again_once_all_stands(tmp_path: Path) -> None:
    done = dark_house.run(__name__, tmp_path)
    assert done.returncode == EXHAUSTED, done.stderr
    assert f"{SAYS}True" in done.stderr


def test_garbage_is_collected_again_after_a_start_that_fails(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text("[site]\n")
    with pytest.raises(SiteFileMistakes):
        start(Told.of({"site": site}))
    assert gc.isenabled()
