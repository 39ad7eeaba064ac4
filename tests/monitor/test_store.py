"""Where a desk keeps what it must not forget."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.cli.group import armoury
from agent.journal.note import Signer
from agent.monitor.store import Store
from tests.monitor.gateway import ORIGIN, SIGNER


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


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ({"version": 0}, "not what this version of the software keeps: move it away"),
        ({"version": 1, "sites": {"quito-07": 5}}, "quito-07 is damaged .*: move it away"),
        (
            {"version": 1, "sites": {"quito-07": {"keys": [[1, str(SIGNER.verifier)]]}}},
            "signed with another key until now than the one that is given: see which",
        ),
    ],
)
def test_what_cannot_be_used_is_named_with_what_to_do(
    tmp_path: Path, kept: dict[str, Any], said: str
) -> None:
    state = tmp_path / "desk.json"
    state.write_text(json.dumps(kept))
    key = str(Signer(ORIGIN, bytes(32)).verifier)
    asked = ["feed", "--state", str(state), "--site", "quito-07", "--key", key]
    told = CliRunner().invoke(armoury, asked)
    assert told.exit_code == 1
    assert re.search(f"^Error: {re.escape(str(state))}: .*{said}", told.output)
