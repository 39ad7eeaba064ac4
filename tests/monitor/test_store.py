"""Where a desk keeps what it must not forget."""

from __future__ import annotations

from pathlib import Path

from agent.monitor.store import Store


def test_a_desk_keeps_a_name_that_nobody_can_guess(tmp_path: Path) -> None:
    with Store(tmp_path / "desk.json") as store:
        own = store.own()
    with Store(tmp_path / "desk.json") as again, Store(tmp_path / "other.json") as other:
        assert again.own() == own
        assert other.own() != own
    assert len(own) == 16
    assert (tmp_path / "desk.json.id").stat().st_mode & 0o777 == 0o600


def test_a_name_that_a_power_cut_took_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "desk.json.id").touch()
    with Store(tmp_path / "desk.json") as store:
        assert store.own()
