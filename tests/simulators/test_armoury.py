"""What an armoury makes of a shipped site file."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators import armoury


def test_no_two_wires_are_given_one_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([20_001, 20_001, 20_002, 20_001, 20_003])
    monkeypatch.setattr(armoury, "free_port", lambda: next(drawn))
    text = 'port = 1\nurl = "127.0.0.1:2"\nother = "127.0.0.1:3"\n'
    given, ports = armoury.relocate(text, tmp_path)
    assert ports == {1: 20_001, 2: 20_002, 3: 20_003}
    assert given == 'port = 20001\nurl = "127.0.0.1:20002"\nother = "127.0.0.1:20003"\n'
