"""`armoury check`: mistakes as lines or as JSON, and what a good file holds."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.broker import certificates
from tests.cli.conftest import Armoury

CONFIG = Path(__file__).parents[2] / "config"
BAD = '[site]\nid = "x"\nname = "X"\n[[door]]\npeople = 9\n'


def test_a_good_file_is_counted(armoury: Armoury) -> None:
    said = armoury("check", CONFIG / "demo.toml")
    assert said.status == 0
    assert said.out.startswith(f"{CONFIG / 'demo.toml'}: The armoury on your desk is in order: ")
    assert "3 devices, 2 areas, 1 door" in said.out
    assert said.out.endswith("(3 simulated)\n")


def test_a_warning_is_told_and_is_no_mistake(armoury: Armoury) -> None:
    said = armoury("check", CONFIG / "demo.toml")
    area, door = said.err.splitlines()
    assert "area.store: found fewer than two technologies among its zones; " in area
    assert "door.store: found neither rex nor reader_out; " in door
    assert area.endswith("(a warning)")
    plain = json.loads(armoury("check", "--json", CONFIG / "demo.toml").out)["warnings"]
    lines = (CONFIG / "demo.toml").read_text().splitlines()
    assert [lines[one["line"] - 1] for one in plain] == ["[[area]]", "[[door]]"]


def test_the_reference_has_no_warning_but_of_what_only_its_gateway_has(
    armoury: Armoury,
) -> None:
    said = armoury("check", CONFIG / "reference.toml")
    assert said.status == 0
    for line in said.err.splitlines():
        assert "found no file /etc/armoury/keys/" in line or "lgpio is not installed here" in line


def test_each_mistake_is_a_line_and_nothing_else_is_said(armoury: Armoury, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(BAD)
    said = armoury("check", path)
    assert (said.status, said.out) == (2, "")
    lines = said.err.splitlines()
    assert f"{path}:5: door[1].people: found 9; write an integer from 1 to 4 (left out: 2)" in lines
    assert all(line.startswith(f"{path}:") for line in lines)


def test_json_tells_the_same(armoury: Armoury, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(BAD)
    said = armoury("check", "--json", path)
    assert (said.status, said.err) == (2, "")
    answer = json.loads(said.out)
    assert answer["ok"] is False
    assert {
        "file": str(path),
        "line": 5,
        "key": "door[1].people",
        "found": "9",
        "remedy": "write an integer from 1 to 4 (left out: 2)",
    } in answer["mistakes"]
    good = json.loads(armoury("check", "--json", CONFIG / "demo.toml").out)
    assert (good["ok"], good["site"], good["found"]["door"]) == (True, "demo", 1)


def test_without_a_file_it_is_the_gateways_own(
    armoury: Armoury, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARMOURY_SITE", str(CONFIG / "minimal.toml"))
    assert armoury("check").status == 0
    monkeypatch.setenv("ARMOURY_SITE", "/nowhere/site.toml")
    said = armoury("check")
    assert said.status == 2
    assert said.err.startswith("/nowhere/site.toml: found no site file that can be read")


def test_the_files_that_a_path_names_are_looked_at(armoury: Armoury, tmp_path: Path) -> None:
    made = certificates(tmp_path / "tls")
    path = tmp_path / "site.toml"
    tls = f'[path.tls]\nca = "{made.ca}"\ncert = "{made.client_cert}"\nkey = '
    path.write_text((CONFIG / "demo.toml").read_text() + tls + f'"{made.client_key}"\n')
    assert armoury("check", path).status == 0
    path.write_text((CONFIG / "demo.toml").read_text() + tls + f'"{made.key}"\n')
    said = armoury("check", path)
    assert said.status == 2
    (line,) = said.err.splitlines()
    assert f"path.loopback.tls.key: found a key that is not {made.client_cert}'s; " in line
    answer = json.loads(armoury("check", "--json", path).out)
    assert [one["key"] for one in answer["mistakes"]] == ["path.loopback.tls.key"]


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["lines", "json"])
def test_whoever_may_not_read_it_is_told_what_to_do(
    armoury: Armoury, tmp_path: Path, form: tuple[str, ...]
) -> None:
    if os.getuid() != 0:
        pytest.skip("NOT TESTED: only root can become somebody without rights")
    file = tmp_path / "site.toml"
    file.touch(mode=0o600)
    armoury("check", *form, file)  # all that it imports is root's to read, too
    os.seteuid(65534)
    try:
        said = armoury("check", *form, file)
    finally:
        os.seteuid(0)
    assert said.status == 2
    (line,) = (said.out + said.err).splitlines()
    assert str(file) in line
    assert "join the group armoury, or use sudo" in line
