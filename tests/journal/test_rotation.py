"""One key takes over from another: what still verifies, with which key, whatever happens."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.journal import journal as cli
from agent.journal import keys
from agent.journal.backup import backup, restore
from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import (
    JournalError,
    JournalMisused,
    JournalRolledBack,
    JournalUnusable,
)
from agent.journal.journal import Journal
from agent.journal.note import NoteRefused, Signer, Verifier
from agent.journal.proving import check, prove
from agent.journal.reading import Reader
from agent.journal.record import ROTATED, Batch, Sealed
from agent.journal.rotation import Chain, Rotation, opened
from agent.journal.rotation import batch as change_of
from agent.journal.succession import JournalSucceeded
from agent.journal.verification import verify
from agent.site.moment import Moment
from tests.journal.recording import BOOT, ORIGIN, START_US, Ears, batch
from tests.waiting import wait_until

Open = Callable[..., Journal]

NOW = Moment(START_US, 1, BOOT, True)


def record(journal: Journal, ears: Ears, *batches: Batch) -> None:
    for one in batches:
        before = len(ears.commits)
        journal.submit(one, 1)
        ears.heard(before + 1)


def rotate(journal: Journal, ears: Ears, folder: Path) -> Verifier:
    made = keys.make_next(folder)
    change = journal.key_change(NOW)
    assert change
    record(journal, ears, change)
    wait_until(lambda: not (folder / keys.NEXT).exists(), 5, "the new key in its place")
    return made.verifier


def key(folder: Path) -> Verifier:
    return keys.read(folder).verifier


def test_either_key_leads_to_the_other(signing: Open, ears: Ears, folder: Path) -> None:
    journal = signing()
    record(journal, ears, batch(*range(150)))
    first = key(folder)
    second = rotate(journal, ears, folder)
    assert journal.vkey == str(second)
    record(journal, ears, batch(*range(150)))
    third = rotate(journal, ears, folder)
    record(journal, ears, batch(1, 2))
    journal.close()
    for known in ([first], [second], [third], [first, third]):
        verdict = verify(folder, known)
        assert verdict.findings == ()
        assert verdict.covered == verdict.events == 304
        assert verdict.key_changes == (151, 302)
        assert verdict.keys == tuple(one.number.hex() for one in (first, second, third))
    stranger = Signer.made(ORIGIN).verifier
    assert "nobody whose key is known" in verify(folder, [stranger]).findings[0].what
    assert keys.public(folder) == [first, second, third]


def test_each_checkpoint_is_signed_by_the_key_of_its_time(
    signing: Open, ears: Ears, folder: Path, seals: list[Sealed]
) -> None:
    journal = signing()
    record(journal, ears, batch(*range(120)))
    first = key(folder)
    second = rotate(journal, ears, folder)
    record(journal, ears, batch(*range(120)))
    journal.close()
    assert [seal.size for seal in seals] == [120, 121, 241]
    Checkpoint.open(seals[0].note, [first])
    for seal in seals[1:]:
        Checkpoint.open(seal.note, [second])
        with pytest.raises(NoteRefused):
            Checkpoint.open(seal.note, [first])
    with Reader(folder) as reader:
        assert check(prove(reader, 100), [first]).index == 99
        assert check(prove(reader, 200), [second]).index == 199


def test_a_thief_of_the_old_key_signs_nothing_after_it(
    signing: Open, ears: Ears, folder: Path
) -> None:
    journal = signing()
    record(journal, ears, batch(*range(5)))
    old = keys.read(folder)
    rotate(journal, ears, folder)
    record(journal, ears, batch(*range(5)))
    journal.close()
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as connection:
        ((size, note),) = connection.execute(
            "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1"
        ).fetchall()
        forged = Checkpoint.parse(note.rpartition("\n\n")[0] + "\n").signed(old)
        connection.execute("UPDATE checkpoint SET note = ? WHERE size = ?", (forged, size))
    (finding,) = verify(folder, [old.verifier]).findings
    assert "nobody whose key is known" in finding.what
    assert finding.last == 11


def test_the_monitor_can_follow_by_the_event_alone(signing: Open, ears: Ears, folder: Path) -> None:
    journal = signing()
    first = key(folder)
    second = rotate(journal, ears, folder)
    (row,) = journal.query(kind=ROTATED)
    assert row.severity == "access"
    found = Rotation.read(row.seq, row.body)
    assert (found.number, found.old, found.new) == (1, first, second)


def test_a_statement_needs_both_signatures_and_every_letter() -> None:
    old, new, stranger = (Signer.made(ORIGIN) for _ in range(3))
    made = change_of(old, new, NOW).entries[0].event.data
    statement = str(made["statement"])
    assert opened(statement) == (old.verifier, new.verifier)
    lines = statement.splitlines(keepends=True)
    for left_out in (5, 6):
        with pytest.raises(NoteRefused):
            opened("".join(lines[:left_out] + lines[left_out + 1 :]))
    for put_in in (str(stranger.verifier), str(old.verifier)):
        with pytest.raises(NoteRefused):
            opened(statement.replace(str(new.verifier), put_in))
    for at in range(0, len(statement), 7):
        changed = statement[:at] + ("A" if statement[at] != "A" else "B") + statement[at + 1 :]
        with pytest.raises(NoteRefused):
            opened(changed)


def test_a_chain_is_followed_only_where_it_holds_together() -> None:
    a, b, c, x = (Signer.made(ORIGIN).verifier for _ in range(4))
    chain = Chain([b], [Rotation(10, a, b), Rotation(20, b, c), Rotation(30, x, a)])
    assert chain.keys == [a, b, c]
    found = [chain.at(number)[0] for number in (1, 9, 10, 19, 20, 99)]
    assert found == [a, a, b, b, c, c]
    assert not chain.last_is_given()
    back_again = Chain([a], [Rotation(10, a, b), Rotation(20, b, a)])
    assert back_again.keys == [a, b], "no key signs twice"
    assert Chain([x], [Rotation(10, a, b)]).at(5) == [x]


def test_a_key_that_was_replaced_cannot_say_that_more_was_recorded(
    signing: Open, ears: Ears, folder: Path
) -> None:
    journal = signing()
    record(journal, ears, batch(*range(150)))
    stolen = keys.read(folder)
    rotate(journal, ears, folder)
    journal.witnessed(Checkpoint(ORIGIN, 5000, bytes(32)).signed(stolen))
    assert ears.failures == []
    journal.witnessed(Checkpoint(ORIGIN, 5000, bytes(32)).signed(keys.read(folder)))
    assert [type(told) for told in ears.failures] == [JournalRolledBack]


def test_a_key_that_took_over_in_what_is_gone_shows_that_it_is(
    signing: Open, ears: Ears, folder: Path, tmp_path: Path
) -> None:
    journal = signing()
    record(journal, ears, batch(*range(150)))
    rotate(journal, ears, folder)
    journal.close()
    shutil.copytree(folder, tmp_path / "older")
    journal = signing()
    rotate(journal, ears, folder)
    journal.close()
    for name in ("journal.db", "journal.last"):
        shutil.copy(tmp_path / "older" / name, folder)
    for beside in folder.glob("journal.db-*"):
        beside.unlink()
    third = keys.read(folder)
    shutil.copy(tmp_path / "older" / "journal.key", folder)
    journal = signing()
    journal.witnessed(Checkpoint(ORIGIN, 152, bytes(32)).signed(third))
    assert [type(told) for told in ears.failures] == [JournalRolledBack]


def test_a_key_cannot_come_back(signing: Open, ears: Ears, folder: Path) -> None:
    journal = signing()
    first = keys.read(folder)
    rotate(journal, ears, folder)
    (folder / keys.NEXT).write_text(first.written())
    with pytest.raises(JournalUnusable, match="has signed before"):
        journal.key_change(NOW)
    (folder / keys.NEXT).write_text(Signer.made("armoury/other").written())
    with pytest.raises(JournalUnusable, match="belongs to armoury/other"):
        journal.key_change(NOW)
    (folder / keys.NEXT).write_text("PRIVATE+KEY+nonsense")
    with pytest.raises(JournalUnusable, match="damaged"):
        journal.key_change(NOW)
    with pytest.raises(JournalMisused, match=ROTATED):
        journal.submit(Batch(batch(1).entries, rotate=first), 3)


def test_the_key_of_a_user_is_not_made_root_s(signing: Open, folder: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("NOT TESTED: only root can make a folder another user's")
    signing().close()
    for path in (folder, folder / keys.PRIVATE):
        os.chown(path, 65534, 65534)
    said = CliRunner().invoke(cli, ["rotate-key", "--data", str(folder)])
    assert said.exit_code == 0
    waiting = (folder / keys.NEXT).stat()
    assert (waiting.st_uid, waiting.st_gid, waiting.st_mode & 0o777) == (65534, 65534, 0o400)
    said = CliRunner().invoke(cli, ["rotate-key", "--data", str(folder)])
    assert said.exit_code == 1
    assert "waits already" in said.output


def test_verify_tells_of_it(signing: Open, ears: Ears, folder: Path) -> None:
    journal = signing()
    first = key(folder)
    record(journal, ears, batch(1, 2))
    second = rotate(journal, ears, folder)
    journal.close()
    words = ["verify", "--data", str(folder), "--key"]
    said = CliRunner().invoke(cli, [*words, str(first)])
    assert said.exit_code == 0
    names = first.number.hex(), second.number.hex()
    assert f"the key {names[0]} handed over to {names[1]} with the event 3" in said.output
    assert "a thief of the older key" in said.output
    said = CliRunner().invoke(cli, [*words, str(second)])
    assert "thief" not in said.output


def test_keys_may_be_systemd_credentials(
    signing: Open,
    ears: Ears,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What systemd gives cannot be moved: the record says which one signs."""
    signing().close()
    given = tmp_path / "given"
    given.mkdir()
    (folder / keys.PRIVATE).rename(given / keys.PRIVATE)
    second = Signer.made(ORIGIN)
    (given / keys.NEXT).write_text(second.written())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given))
    journal = signing()
    change = journal.key_change(NOW)
    assert change
    record(journal, ears, change)
    assert journal.key_change(NOW) is None
    journal.close()
    for tidied in (False, True):
        if tidied:
            (given / keys.NEXT).replace(given / keys.PRIVATE)
        journal = signing()
        assert journal.vkey == str(second.verifier)
        record(journal, ears, batch(1))
        journal.close()
        assert verify(folder, [second.verifier]).findings == ()
    assert ears.failures == []


def test_a_lost_new_key_stops_the_signing_only(signing: Open, ears: Ears, folder: Path) -> None:
    journal = signing()
    old = keys.read(folder)
    rotate(journal, ears, folder)
    journal.close()
    (folder / keys.PRIVATE).unlink()
    (folder / keys.PRIVATE).write_text(old.written())
    journal = signing()
    assert journal.vkey is None
    assert "nothing is signed until it is put back" in str(ears.failures[-1])
    record(journal, ears, batch(1))


def test_a_successor_knows_the_keys_of_before(signing: Open, ears: Ears, folder: Path) -> None:
    journal = signing()
    first = key(folder)
    record(journal, ears, batch(*range(150)))
    second = rotate(journal, ears, folder)
    record(journal, ears, batch(*range(10)))
    journal.acknowledge("fibre", "rest", [(1, 161)])
    journal.close()
    (folder / "journal.last").write_text((folder / "journal.last").read_text())
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as connection:
        connection.execute("DELETE FROM entry WHERE seq = 160")
    journal = signing()
    assert isinstance(ears.failures[-1], JournalError)
    record(journal, ears, batch(1, 2))
    third = rotate(journal, ears, folder)
    record(journal, ears, batch(1, 2))
    journal.close()
    for known in (first, second, third):
        verdict = verify(folder, [known])
        assert verdict.findings == ()
        assert verdict.key_changes == (151, 164)


@pytest.mark.parametrize("how", ["its row is damaged", "the backup is older"])
def test_the_key_signs_on_where_its_own_change_is_lost(
    signing: Open, ears: Ears, folder: Path, tmp_path: Path, how: str
) -> None:
    """The key before the last is gone, and what ties the last to it."""
    journal = signing()
    record(journal, ears, batch(*range(150)))
    rotate(journal, ears, folder)
    journal.close()
    backup(folder, tmp_path / "copy")
    journal = signing()
    third = rotate(journal, ears, folder)
    journal.close()
    if how == "the backup is older":
        (folder / "journal.db").unlink()
        restore(folder, tmp_path / "copy")
    else:
        with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as database:
            database.execute("UPDATE entry SET data = replace(data, 'new', 'old') WHERE seq > 151")
    journal = signing()
    assert {type(told) for told in ears.failures} == {JournalSucceeded}
    assert journal.vkey is not None
    record(journal, ears, batch(1))
    journal.close()
    verdict = verify(folder, [third])
    assert (verdict.findings, verdict.covered) == ((), journal.head)


def test_a_backup_of_before_is_restored_after(
    signing: Open, ears: Ears, folder: Path, tmp_path: Path
) -> None:
    journal = signing()
    first = key(folder)
    record(journal, ears, batch(*range(20)))
    wait_until(lambda: len(ears.commits) == 1, 5, "the commit")
    journal.close()
    backup(folder, tmp_path / "backup")
    journal = signing()
    second = rotate(journal, ears, folder)
    journal.close()
    assert isinstance(restore(folder, tmp_path / "backup"), JournalSucceeded)
    journal = signing()
    record(journal, ears, batch(1))
    journal.close()
    for known in (first, second):
        assert verify(folder, [known]).findings == ()


# A kill at any moment of it

CALLS = "pwrite64,fdatasync,fsync,rename,write,unlink,ftruncate"
needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None,
    reason="THE STEPS ARE NOT CUT ONE BY ONE: strace is not installed",
)


def run(folder: Path, *strace: str) -> list[int]:
    command = [*strace, sys.executable, "-m", "tests.journal.rotating", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return [int(number) for number in re.findall(r"^(\d+)\n", done.stdout, re.MULTILINE)]


def kill_at(folder: Path, when: int) -> None:
    """Kill the change at one system call of all, and see that it goes on with either key."""
    run(folder)
    old = key(folder)
    new = keys.make_next(folder).verifier
    inject = f"inject={CALLS}:signal=SIGKILL:when={when}"
    told = run(folder, "strace", "-f", "-o", "/dev/null", "-e", f"trace={CALLS}", "-e", inject)
    rotated = any(verdict.key_changes for verdict in [verify(folder, [old, new])])
    for known in ([old], [new]) if rotated else ([old],):
        assert verify(folder, known).findings == ()
    told += run(folder)
    assert told == sorted(set(told)), "a number was given twice"
    assert key(folder) == new
    assert not (folder / keys.NEXT).exists()
    for known in (old, new):
        verdict = verify(folder, [known])
        assert verdict.findings == ()
        assert len(verdict.key_changes) == 1
        assert verdict.covered == verdict.events == told[-1]


@needs_strace
@pytest.mark.parametrize("when", [10, 20, 24, 25, 28, 29, 30, 31])
def test_a_kill_within_a_change(tmp_path: Path, when: int) -> None:
    kill_at(tmp_path, when)


@pytest.mark.soak
@needs_strace
@pytest.mark.parametrize("when", range(1, 61))
def test_a_kill_at_every_call_of_a_change(tmp_path: Path, when: int) -> None:
    kill_at(tmp_path, when)
