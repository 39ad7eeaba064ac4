"""`armoury operator`: keys, signatures, and what is said when there is nobody to send them to."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from agent.journal.note import Verifier
from agent.uplink.commands import SignedCommand
from agent.uplink.operators import REMOTE, OperatorOptions
from tests.cli.conftest import Armoury

ROOT = Path(__file__).parents[2]


@pytest.fixture
def keys(armoury: Armoury, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Verifier]:
    """Make ana's and ben's keys in the present folder; return their public halves."""
    monkeypatch.chdir(tmp_path)
    made = [armoury("operator", "keygen", name, "--json") for name in ("ana", "ben")]
    tables = [json.loads(said.out) for said in made]
    return {table["id"]: Verifier.parse(table["key"]) for table in tables}


def signs(said: str, keys: dict[str, Verifier]) -> list[str]:
    """Return whose signatures a command bears, each of them good."""
    import base64

    given = SignedCommand.model_validate_json(said)
    text = given.command.text()
    for one in given.signatures:
        assert keys[one.operator].verifies(text, base64.b64decode(one.signature))
    return [one.operator for one in given.signatures]


def test_a_key_is_for_its_owner_alone_and_its_table_is_what_the_site_file_takes(
    armoury: Armoury, tmp_path: Path
) -> None:
    file = tmp_path / "stick.key"
    words = ("--key", file, "--right", "alarm.*", "--right", "door.assist")
    said = armoury("operator", "keygen", "ana", *words)
    assert said.status == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    (table,) = tomllib.loads(said.out)["operator"]
    made = OperatorOptions.model_validate(table)
    assert not list(made.mistakes())
    assert made.rights == ("alarm.*", "door.assist")
    assert "PRIVATE" not in said.out + said.err


def test_a_key_is_never_overwritten(
    armoury: Armoury, keys: dict[str, Verifier], tmp_path: Path
) -> None:
    before = (tmp_path / "ana.key").read_text()
    said = armoury("operator", "keygen", "ana")
    assert said.status == 1
    assert "never overwritten" in said.err
    assert (tmp_path / "ana.key").read_text() == before


@pytest.mark.parametrize("words", [["Ana"], ["ana+b"], ["ana", "--right", "door.open"]])
def test_a_key_that_no_site_file_would_take_is_not_made(
    armoury: Armoury, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert armoury("operator", "keygen", *words).status == 2
    assert not list(tmp_path.glob("*.key"))


def test_without_an_action_they_are_listed(armoury: Armoury) -> None:
    listed = armoury("operator", "sign").out.split("\n")
    assert [line.split()[0] for line in listed[:-1:2]] == REMOTE


def test_a_number_is_a_text_where_the_command_wants_one(
    armoury: Armoury, keys: dict[str, Verifier]
) -> None:
    words = ("alarm.acknowledge", "alarm=7", "--site", "quito-07", "--key", "ana.key")
    said = armoury("operator", "sign", *words)
    given = SignedCommand.model_validate_json(said.out).command
    assert (given.action, given.params, given.site) == (words[0], {"alarm": "7"}, "quito-07")
    assert given.expires - given.issued == 30_000_000
    assert signs(said.out, keys) == ["ana"]


def test_the_second_operator_sees_what_they_sign(
    armoury: Armoury, keys: dict[str, Verifier], tmp_path: Path
) -> None:
    words = ("door.assist", "door=store", "--site", "quito-07", "--valid-s", "120")
    first = armoury("operator", "sign", *words, "--key", "ana.key")
    assert "takes two operators" in first.err
    (tmp_path / "one").write_text(first.out)
    second = armoury("operator", "sign", "--also", "one", "--key", "ben.key")
    assert signs(second.out, keys) == ["ana", "ben"]
    assert second.err == 'quito-07: door.assist door="store", by ana\n'
    at_once = armoury("operator", "sign", *words, "--key", "ana.key", "--key", "ben.key")
    assert signs(at_once.out, keys) == ["ana", "ben"]
    assert at_once.err == ""


def test_nobody_signs_twice(armoury: Armoury, keys: dict[str, Verifier], tmp_path: Path) -> None:
    words = ("site.lock_down", "--site", "quito-07", "--key", "ana.key")
    (tmp_path / "one").write_text(armoury("operator", "sign", *words).out)
    assert armoury("operator", "sign", "--also", "one", "--key", "ana.key").status == 2
    assert armoury("operator", "sign", *words, "--key", "ana.key").status == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["area.disarm", "area=store", "--site", "s"], "from afar"),
        (["alarm.acknowledge", "--site", "s"], "alarm: is missing"),
        (["door.assist", "dor=store", "--site", "s"], "did you mean door?"),
        (["site.lock_down"], "--site"),
        (["site.lock_down", "--site", "s", "--valid-s", "301"], "300"),
    ],
)
def test_what_no_site_would_take_is_not_signed(
    armoury: Armoury, keys: dict[str, Verifier], words: list[str], says: str
) -> None:
    said = armoury("operator", "sign", *words, "--key", "ana.key")
    assert (said.status, said.out) == (2, "")
    assert says in said.err


def test_a_key_that_is_none_is_said_without_showing_it(armoury: Armoury, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("PRIVATE+KEY+secret")
    words = ("site.lock_down", "--site", "s", "--key", tmp_path / "x")
    said = armoury("operator", "sign", *words)
    assert said.status == 1
    assert "secret" not in said.err


def test_what_is_no_command_is_not_sent(armoury: Armoury, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("open sesame")
    said = armoury("operator", "send", tmp_path / "x", "--broker", "127.0.0.1:9")
    assert said.status == 1
    assert "no signed command" in said.err


def test_no_broker_is_one_line_and_1(
    armoury: Armoury, keys: dict[str, Verifier], tmp_path: Path
) -> None:
    words = ("site.lock_down", "--site", "s", "--key", "ana.key")
    (tmp_path / "one").write_text(armoury("operator", "sign", *words).out)
    said = armoury("operator", "send", "one", "--broker", "127.0.0.1:9", "--json")
    assert said.status == 1
    assert said.err.startswith("Error: the broker at 127.0.0.1:9 refuses the connection")
    assert armoury("operator", "send", "one", "--broker", "b.example.org").status == 2


def test_a_key_that_has_no_room_leaves_nothing_in_its_place(tmp_path: Path) -> None:
    program = (
        "import resource, sys; from agent.cli.main import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY)); sys.exit(main())"
    )
    words = [sys.executable, "-c", program, "operator", "keygen", "ana"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: ana.key: File too large\n"
    assert not (tmp_path / "ana.key").exists()
