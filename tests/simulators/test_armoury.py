"""What an armoury makes of a shipped site file."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators import armoury
from simulators.armoury import Armoury
from simulators.night import NightError

DEMO = Path(__file__).parents[2] / "config" / "demo.toml"


def test_no_two_wires_are_given_one_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([20_001, 20_001, 20_002, 20_001, 20_003])
    monkeypatch.setattr(armoury, "free_port", lambda: next(drawn))
    text = 'port = 1\nurl = "127.0.0.1:2"\nother = "127.0.0.1:3"\n'
    given, ports = armoury.relocate(text, tmp_path)
    assert ports == {1: 20_001, 2: 20_002, 3: 20_003}
    assert given == 'port = 20001\nurl = "127.0.0.1:20002"\nother = "127.0.0.1:20003"\n'


def test_simulators_that_end_are_not_waited_for(tmp_path: Path) -> None:
    site = tmp_path / "given.toml"
    site.write_text(DEMO.read_text().replace('driver = "camera"', 'driver = "radar"'))
    with Armoury(tmp_path / "house", site) as house:
        with pytest.raises(NightError) as failed:
            house.start_wires()
        log = tmp_path / "house" / "wires.log"
        assert str(failed.value) == (
            f"the simulators did not start: {house.site_file}: hall: no simulator for driver "
            f"'radar'; {log} has more"
        )
