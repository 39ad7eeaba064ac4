"""`armoury feed`: the keys that it is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.group import armoury
from agent.journal.note import Signer

OLD, NEW = (str(Signer("armoury/quito-07", bytes([n] * 32)).verifier) for n in (1, 2))


@pytest.mark.parametrize("given", ["twice", "in one file", "one of each"])
def test_of_several_keys_it_says_which_one_is_enough(tmp_path: Path, given: str) -> None:
    (both := tmp_path / "both.vkey").write_text(f"{OLD}\n\n{NEW}\n")
    words = {
        "twice": ["--key", OLD, "--key", NEW],
        "in one file": ["--key", str(both)],
        "one of each": ["--key", str(both), "--key", NEW],
    }
    # Nobody listens at that port: who got so far would wait for a broker.
    broker = ["--broker", "127.0.0.1:9", "--state", str(tmp_path / "state"), "--once"]
    line = ["feed", "--site", "quito-07", "--within", "1", *broker, *words[given]]
    said = CliRunner().invoke(armoury, line)
    assert said.exit_code == 2
    assert "these are 2 keys; give the newest alone" in said.stderr
    assert not (tmp_path / "state").exists()


def test_a_file_without_a_key_is_none(tmp_path: Path) -> None:
    (nothing := tmp_path / "journal.vkey").write_text("\n")
    line = ["feed", "--site", "quito-07", "--key", str(nothing)]
    said = CliRunner().invoke(armoury, line)
    assert said.exit_code == 2
    assert "--key: " in said.stderr
