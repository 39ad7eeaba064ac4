"""`armoury journal`, as a technician types it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli.journal import journal
from agent.journal.journal import Journal
from agent.journal.note import Signer
from agent.journal.record import Batch
from agent.site.step import Severity
from tests.journal.recording import Ears, batch, entry


@pytest.fixture
def recorded(ears: Ears, folder: Path) -> Path:
    with Journal.open(
        folder, committed=ears.committed, failed=ears.failed, origin="armoury/test"
    ) as made:
        forced = entry(5, "door.forced", Severity.ALARM)
        made.submit(Batch((*batch(*range(5)).entries, forced)), 1)
        ears.heard(1)
    return folder


def armoury_journal(*words: object) -> Result:
    return CliRunner().invoke(journal, [str(word) for word in words])


def test_verify_says_what_it_proved(recorded: Path) -> None:
    said = armoury_journal("verify", "--data", recorded)
    assert said.exit_code == 0
    assert "as recorded: 6 events from 1 on" in said.output
    assert "signed up to 6, by 1 checkpoints that hold" in said.output
    assert "against forgery give --key" in said.output
    vkey = (recorded / "journal.vkey").read_text().strip()
    said = armoury_journal("verify", "--data", recorded, "--key", vkey)
    assert "against forgery" not in said.output


def test_verify_names_the_first_bad_event(recorded: Path) -> None:
    with closing(sqlite3.connect(recorded / "journal.db", isolation_level=None)) as connection:
        connection.execute("UPDATE entry SET data = data || ' ' WHERE seq = 3")
    said = armoury_journal("verify", "--data", recorded)
    assert said.exit_code == 1
    assert "NOT as recorded" in said.output
    assert "  3: what is written is not what was recorded" in said.output
    said = armoury_journal("verify", "--data", recorded, "--json")
    assert said.exit_code == 1
    assert json.loads(said.output)["findings"][0]["first"] == 3


def test_verify_takes_the_key_and_checkpoints_of_others(recorded: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(recorded / "journal.db", isolation_level=None)) as connection:
        (note,) = connection.execute("SELECT note FROM checkpoint").fetchone()
        connection.execute("DELETE FROM entry WHERE seq > 4")
        connection.execute("DELETE FROM checkpoint")
    kept = tmp_path / "kept.note"
    kept.write_text(note)
    key = recorded / "journal.vkey"
    assert armoury_journal("verify", "--data", recorded, "--key", key).exit_code == 0
    said = armoury_journal("verify", "--data", recorded, "--key", key, "--checkpoint", kept)
    assert said.exit_code == 1
    assert "5 to 6: the end of the record is missing" in said.output
    stranger = str(Signer.made("armoury/test").verifier)
    said = armoury_journal("verify", "--data", recorded, "--key", stranger, "--checkpoint", kept)
    assert said.exit_code == 1
    assert "nobody whose key is known has signed this" in said.output


def test_a_proof_goes_out_and_is_checked_elsewhere(recorded: Path, tmp_path: Path) -> None:
    vkey = (recorded / "journal.vkey").read_text().strip()
    proof = tmp_path / "6.tlog-proof"
    assert armoury_journal("prove", 6, "--data", recorded, "-o", proof).exit_code == 0
    said = armoury_journal("check", proof, "--key", vkey)
    assert said.exit_code == 0
    assert "door.forced store at 2025-" in said.output
    assert "is event 6 of armoury/test, signed in a checkpoint over 6" in said.output
    proof.write_text(proof.read_text().replace("index 5", "index 4"))
    said = armoury_journal("check", proof, "--key", vkey)
    assert said.exit_code == 1
    assert "was changed" in said.output


def test_prove_says_what_it_cannot(recorded: Path) -> None:
    said = armoury_journal("prove", 7, "--data", recorded)
    assert said.exit_code == 1
    assert "holds no event 7" in said.output


def test_info(recorded: Path) -> None:
    said = armoury_journal("info", "--data", recorded)
    assert said.exit_code == 0
    assert "events       6 (1 to 6, 0 pruned)" in said.output
    assert "undelivered  1 alarm, 5 rest" in said.output
    found = json.loads(armoury_journal("info", "--json", "--data", recorded).output)
    assert found["by_severity"] == {"alarm": 1, "fault": 0, "access": 0, "info": 5}


def test_show(recorded: Path, ears: Ears) -> None:
    said = armoury_journal("show", 6, "--data", recorded)
    assert "alarm   door.forced" in said.output
    assert "device: board" in said.output
    said = armoury_journal("show", 6, "--json", "--data", recorded)
    assert said.output.encode() == ears.rows[5].body + b"\n"
    assert armoury_journal("show", 7, "--data", recorded).exit_code == 1


def test_export(recorded: Path, ears: Ears, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    said = armoury_journal("export", "--data", recorded, "-o", out)
    assert said.output == f"{out}: 6 events\n"
    assert out.read_bytes() == b"".join(row.body + b"\n" for row in ears.rows)
    said = armoury_journal("export", "--data", recorded, "-o", out)
    assert said.exit_code == 1
    assert "is there already" in said.output
    said = armoury_journal("export", "--data", recorded, "--csv", "--kind", "door.forced")
    assert said.output.splitlines()[1].startswith("6,2025-11-24T16:00:05.000000Z,alarm,door.forced")
    since = ("--since", "2025-11-24T16:00:02+00:00", "--until", "2025-11-24T16:00:04+00:00")
    said = armoury_journal("export", "--data", recorded, *since)
    assert [json.loads(line)["seq"] for line in said.output.splitlines()] == [3, 4]


def test_backup(recorded: Path, tmp_path: Path) -> None:
    said = armoury_journal("backup", tmp_path / "copy", "--data", recorded)
    assert said.exit_code == 0
    assert "6 events, signed up to 6, verified" in said.output
    assert armoury_journal("verify", "--data", tmp_path / "copy").exit_code == 0


def test_restore_asks_first(recorded: Path, tmp_path: Path) -> None:
    armoury_journal("backup", tmp_path / "copy", "--data", recorded)
    said = armoury_journal("restore", tmp_path / "copy", "--data", recorded)
    assert said.exit_code == 1
    assert not (recorded / "aside").exists()
    said = armoury_journal("restore", tmp_path / "copy", "--data", recorded, "--yes")
    assert said.exit_code == 0
    assert "the new one begins with number 7 and holds 6 events from before" in said.output


def test_restore_asks_nothing_where_it_cannot_be(
    recorded: Path, tmp_path: Path, ears: Ears
) -> None:
    armoury_journal("backup", tmp_path / "copy", "--data", recorded)
    with Journal.open(recorded, committed=ears.committed, failed=ears.failed):
        said = armoury_journal("restore", tmp_path / "copy", "--data", recorded)
    assert said.exit_code == 1
    assert said.output.startswith(f"Error: {recorded} is in use by the process ")
    with (tmp_path / "copy" / "journal.db").open("r+b") as database:
        database.seek(5000)
        database.write(bytes(3000))
    said = armoury_journal("restore", tmp_path / "copy", "--data", recorded)
    assert said.exit_code == 1
    assert "damaged" in said.output
    assert "Go on?" not in said.output


SMALL_FILES = """
import resource, signal, sys
sys.dont_write_bytecode = True
from agent.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
sys.argv = ["armoury", *sys.argv[1:]]
sys.exit(main())
"""
AS_NOBODY = """
import os, sys
from agent.cli import check, events, evidence, journal, main
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sys.argv = ["armoury", *sys.argv[1:]]
sys.exit(main.main())
"""


@pytest.mark.parametrize(
    "words",
    ["journal info --data", "journal verify --data", "journal rotate-key --data",
     "journal restore --yes", "evidence list --data", "events --offline"],
)  # fmt: skip
def test_whose_folder_it_is_not_is_told_what_to_do(words: str) -> None:
    if os.getuid() != 0:
        pytest.skip("NOT TESTED: only root can become somebody without rights")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # its user's only
        command = [sys.executable, "-c", AS_NOBODY, *words.split(), folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: {folder}: not allowed; use sudo\n"


@pytest.mark.parametrize("form", ["-o", "--sqlite"])
def test_what_was_exported_in_part_is_not_left_behind(
    recorded: Path, tmp_path: Path, ears: Ears, form: str
) -> None:
    """A limit on the size of files stands in for a full stick."""
    with Journal.open(recorded, committed=ears.committed, failed=ears.failed) as journal:
        journal.submit(batch(*range(6, 500)), 1)
        ears.heard(1)
    out, words = tmp_path / "out", ["journal", "export", "--data", str(recorded)]
    done = subprocess.run(
        [sys.executable, "-c", SMALL_FILES, *words, form, str(out)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be written" in done.stderr
    assert not out.exists()
    assert armoury_journal(*words[1:], form, out).exit_code == 0
    assert armoury_journal(*words[1:], form, out).exit_code != 0
    assert out.exists(), "what was there before"


@pytest.mark.parametrize("words", [("--csv",), ("-o", "x.jsonl")])
def test_one_export_makes_one_file(recorded: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    out = tmp_path / "x.db"
    said = armoury_journal("export", "--data", recorded, "--sqlite", out, *words)
    assert (said.exit_code, out.exists()) == (2, False)


def test_a_proof_is_checked_with_a_key_and_nobody_s_folder(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof, vkey = tmp_path / "3.tlog-proof", (recorded / "journal.vkey").read_text().strip()
    armoury_journal("prove", 3, "-o", proof, "--data", recorded)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert armoury_journal("verify", "--data", recorded, "--key", vkey).exit_code == 1
    said = armoury_journal("check", proof, "--data", recorded, "--key", vkey)
    assert said.exit_code == 0


@pytest.mark.parametrize("command", ["info", "verify", "export"])
def test_where_there_is_no_journal_it_says_so(command: str, tmp_path: Path) -> None:
    said = armoury_journal(command, "--data", tmp_path)
    assert said.exit_code == 1
    assert "there is no journal in" in said.output


def test_every_command_has_help_with_an_example() -> None:
    for name, command in journal.commands.items():
        assert command.help, name
        assert f"armoury journal {name}" in command.help


TOO_HIGH = 2**63


@pytest.mark.parametrize(
    "words", [("show", TOO_HIGH), ("prove", TOO_HIGH), ("export", "--after", TOO_HIGH)]
)
def test_a_number_that_no_event_can_have_is_wrong_use(
    recorded: Path, words: tuple[object, ...]
) -> None:
    said = armoury_journal(*words, "--data", recorded)
    assert said.exit_code == 2
    assert f"{TOO_HIGH} is not in the range" in said.output


@pytest.mark.parametrize("words", [("check",), ("verify", "--checkpoint"), ("verify", "--key")])
def test_a_file_that_is_no_text_is_named(
    recorded: Path, tmp_path: Path, words: tuple[object, ...]
) -> None:
    (tmp_path / "picture.jpg").write_bytes(b"\xff\xd8")
    said = armoury_journal(*words, tmp_path / "picture.jpg", "--data", recorded)
    assert said.exit_code == 1
    assert said.output == f"Error: {tmp_path}/picture.jpg is not a text file (UTF-8)\n"


def test_a_key_file_may_end_in_blank_lines_but_must_hold_a_key(
    recorded: Path, tmp_path: Path
) -> None:
    key = tmp_path / "site.vkey"
    key.write_text((recorded / "journal.vkey").read_text() + "\n \n")
    assert armoury_journal("verify", "--data", recorded, "--key", key).exit_code == 0
    key.write_text("\n")
    said = armoury_journal("verify", "--data", recorded, "--key", key)
    assert (said.exit_code, "holds no key" in said.output) == (1, True)


@pytest.mark.parametrize("option", ["-o", "--sqlite"])
def test_an_export_into_no_folder_says_so(recorded: Path, tmp_path: Path, option: str) -> None:
    said = armoury_journal("export", "--data", recorded, option, tmp_path / "none" / "file")
    assert said.exit_code == 1
    assert said.output.startswith(f"Error: {tmp_path}/none/file")
    assert said.output.count("\n") == 1
