"""`armoury demo` where something that it takes is missing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.cli.conftest import Armoury


def test_without_the_extras_it_says_which_and_starts_nothing(
    armoury: Armoury, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == "cv2" else find(n))
    said = armoury("demo", "--folder", tmp_path / "demo")
    assert (said.status, said.out) == (2, "")
    assert said.err.endswith(
        'device.hall.driver: found "camera"; '
        "cv2 is not installed here: pip install 'armoury-agent[camera]'\n"
    )
    assert said.err.count("\n") == 1
    assert not list((tmp_path / "demo").glob("*.log"))
