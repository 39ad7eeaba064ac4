"""A record that is damaged, lost or replaced: set aside, and continued by another."""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.cli.judgement import judgement
from agent.journal import keys, succession
from agent.journal.backup import BackupBad, backup, restore
from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import (
    JournalLocked,
    JournalRolledBack,
    JournalUnusable,
    StorageCorrupt,
    StorageFailed,
)
from agent.journal.evidence import DROPPED, KEPT, Evidence
from agent.journal.journal import Journal
from agent.journal.note import NoteRefused, Signer, Verifier, open_note
from agent.journal.proving import CannotProve, check, prove
from agent.journal.ranges import Ranges
from agent.journal.reading import Reader
from agent.journal.record import PRUNED, REPLACED, Batch, Recorded
from agent.journal.succession import MARGIN, JournalSucceeded
from agent.journal.verification import verify
from agent.site.inputs import Json
from agent.site.step import Severity
from tests.journal.recording import ORIGIN, START_US, Ears, batch, entry, run_traced

Open = Callable[..., Journal]


@pytest.fixture
def recorded(signing: Open, ears: Ears, folder: Path) -> list[Recorded]:
    """A closed record of 1,000 events, of which 901 to 1,000 are not delivered."""
    journal = signing()
    severities = [Severity.INFO, Severity.ALARM]
    entries = [entry(n, f"test.{n % 3}", severities[n % 2]) for n in range(1000)]
    for at in range(0, 1000, 100):
        journal.submit(Batch(tuple(entries[at : at + 100]), {"door/store": b"%d" % at}), at)
    ears.heard(10)
    for lane in ("alarm", "rest"):
        journal.acknowledge("fibre", lane, [(1, 900)])
    journal.close()
    return ears.rows


def bend(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as connection:
        connection.execute(sql)


def overwrite(folder: Path, at: int, length: int) -> None:
    with (folder / "journal.db").open("r+b") as file:
        file.seek(at)
        file.write(random.Random(3).randbytes(length))


def told(ears: Ears) -> str:
    (report,) = [error for error in ears.failures if isinstance(error, JournalSucceeded)]
    return str(report)


def see_that_it_goes_on(
    journal: Journal, ears: Ears, folder: Path, recorded: list[Recorded], first: int
) -> list[Recorded]:
    """Check what every successor must be; return what it took over."""
    before = len(ears.commits)
    journal.submit(batch(1, 2, 3), 99)
    ears.heard(before + 1)
    assert [row.seq for row in ears.rows[-3:]] == [first, first + 1, first + 2]
    inherited = journal.read(0, 5000, upto=first - 1)
    assert set(inherited) <= set(recorded), "nothing is invented"
    journal.close()
    trusted = keys.public(folder)
    verdict = verify(folder, trusted)
    assert verdict.findings == ()
    assert (verdict.first, verdict.events) == (first, 3)
    with Reader(folder) as reader:
        proved = check(prove(reader, first + 1), trusted)
    assert proved.checkpoint.origin == f"{ORIGIN}/from-{first}"
    with closing(sqlite3.connect(folder / "journal.db")) as connection:
        (note,) = connection.execute("SELECT value FROM meta WHERE key = 'statement'").fetchone()
    for name in (ORIGIN, f"{ORIGIN}/from-{first}"):  # both logs stand for it
        text = open_note(note, [Verifier(name, trusted[0].key)])
    assert text.startswith(f"{ORIGIN}/from-{first}\ncontinues {ORIGIN}\n1000\n")
    return inherited


def test_rows_that_were_changed_are_not_signed_over(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    bend(folder, "UPDATE entry SET object = 'crypt' WHERE seq IN (950, 990)")
    untouched = (folder / "journal.db").read_bytes()
    journal = signing()
    said = told(ears)
    assert "the new one begins with number 1001 and holds 98 events from before" in said
    assert journal.saved == {"door/store": b"900"}
    assert journal.acknowledged("fibre", "rest").spans == ((1, 900),)
    inherited = see_that_it_goes_on(journal, ears, folder, recorded, 1001)
    expected = {row for row in recorded if row.seq > 900} - {recorded[949], recorded[989]}
    assert set(inherited) == expected
    (aside,) = (folder / "aside").iterdir()
    assert (aside / "journal.db").read_bytes() == untouched
    assert verify(aside, keys.public(folder)).findings[0].first == 950


def test_what_acts_by_itself_in_the_file_is_not_written_under(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    bend(folder, "CREATE TRIGGER quiet BEFORE INSERT ON tile BEGIN SELECT RAISE(IGNORE); END")
    journal = signing()
    assert "has put the trigger quiet into the journal" in told(ears)
    inherited = see_that_it_goes_on(journal, ears, folder, recorded, 1001)
    assert set(inherited) == set(recorded[900:])


def test_a_corrupt_page_costs_what_is_on_it(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    with closing(sqlite3.connect(folder / "journal.db")) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    content = (folder / "journal.db").read_bytes()
    page = next(n for n in range(pages) if b'{"n":949}' in content[n * 2048 : n * 2048 + 2048])
    overwrite(folder, page * 2048, 64)
    inherited = see_that_it_goes_on(signing(), ears, folder, recorded, 1001)
    lost = {row.seq for row in recorded if row.seq > 900} - {row.seq for row in inherited}
    assert 950 in lost
    assert len(lost) < 40


@pytest.mark.parametrize("name", [b"proof BLOB", b"position INTEGER", b"note TEXT", b"head TEXT"])
def test_a_name_in_the_files_tables_may_be_damaged(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, name: bytes
) -> None:
    """SQLite reads such a file, and lacks the column: that is no failure of the disk."""
    at = (folder / "journal.db").read_bytes().rindex(name)
    with (folder / "journal.db").open("r+b") as file:
        file.seek(at)
        file.write(b"q")
    journal = signing()
    assert "is damaged (no such column" in told(ears)
    assert journal.head in (1000, 1000 + MARGIN)


def test_a_ruined_head_leaves_nothing_but_the_numbers(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    overwrite(folder, 0, 4096)
    journal = signing()
    assert journal.saved == {}
    assert see_that_it_goes_on(journal, ears, folder, recorded, 1001 + MARGIN) == []


def test_a_lost_file_does_not_start_the_numbers_again(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    (folder / "journal.db").unlink()
    journal = signing()
    assert "is gone" in told(ears)
    assert see_that_it_goes_on(journal, ears, folder, recorded, 1001 + MARGIN) == []


def test_a_record_that_went_with_its_checkpoint_is_missed(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    for name in ("journal.db", "journal.last"):
        (folder / name).unlink()
    journal = signing()
    assert "is gone" in told(ears)
    assert journal.vkey
    assert Verifier.parse(journal.vkey).key == keys.public(folder)[0].key
    journal.submit(batch(1), 99)
    ears.heard(11)
    assert ears.rows[-1].seq == 1 + MARGIN, "nothing here says how many there were"


@pytest.mark.parametrize("damaged", ["at its end", "all along"])
def test_evidence_stays_named_whatever_was_delivered(
    signing: Open, ears: Ears, folder: Path, damaged: str
) -> None:
    journal = signing()
    evidence = Evidence(folder, 1 << 20)
    kept = [evidence.keep([b"picture %d" % n]).sha256 for n in range(20)]
    # All delivered, far apart, and one of them was given up since.
    for n, digest in enumerate(kept):
        named = entry(n, KEPT, Severity.ACCESS, data={"sha256": digest})
        chatter = [entry(n, data={"pad": "x" * 400}) for _ in range(150)]
        journal.submit(Batch((named, *chatter)), n)
    gone = entry(20, DROPPED, Severity.ACCESS, data={"files": kept[:1], "reason": "age"})
    journal.submit(Batch((gone, *(entry(21) for _ in range(300)))), 20)
    ears.heard(21)
    for lane in ("alarm", "rest"):
        journal.acknowledge("fibre", lane, [(1, journal.head)])
    journal.close()
    if damaged == "all along":
        size = (folder / "journal.db").stat().st_size
        for at in (1, 2, 3, 4):
            overwrite(folder, at * size // 5, 2048)
    bend(folder, "UPDATE entry SET object = 'crypt' WHERE seq > 3300")
    signing()
    assert told(ears)
    with Reader(folder) as reader:
        named = {item.sha256 for item in evidence.items(reader)}
    assert named <= {*kept[1:]}
    assert len(named) == 19 if damaged == "at its end" else len(named) >= 12


def test_evidence_that_only_a_ruined_record_named_is_kept_aside(
    signing: Open, ears: Ears, folder: Path
) -> None:
    journal = signing()
    evidence = Evidence(folder, 1 << 20)
    digest = evidence.keep([b"picture"]).sha256
    named = entry(1, KEPT, Severity.ACCESS, data={"sha256": digest})
    journal.submit(Batch((named,)), 1)
    ears.heard(1)
    journal.close()
    (folder / "journal.db").write_bytes(bytes(100_000))
    signing()
    assert told(ears)
    os.utime(evidence.path(digest), (0, 0))  # long ago
    with Reader(folder) as reader:
        assert evidence.clean(reader) == [digest], "no event of this record names it"
    (aside,) = (folder / "aside").iterdir()
    assert Evidence(aside, 0).path(digest).read_bytes() == b"picture"


@pytest.mark.parametrize("left", [["journal.key"], ["journal.key", "journal.vkey"]])
def test_a_key_that_comes_first_misses_no_record(
    signing: Open, ears: Ears, folder: Path, tmp_path: Path, left: list[str]
) -> None:
    """On a new gateway, and where the first start of all was cut short."""
    signing().close()
    shutil.copytree(folder, tmp_path / "before")
    shutil.rmtree(folder)
    folder.mkdir()
    for name in left:
        shutil.copy(tmp_path / "before" / name, folder)
    journal = signing()
    assert ears.failures == []
    journal.submit(batch(1), 1)
    ears.heard(1)
    assert ears.rows[-1].seq == 1


def test_an_older_copy_put_back_is_known_and_not_written_over(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    bend(folder, "DELETE FROM entry WHERE seq > 700")
    bend(folder, "DELETE FROM checkpoint WHERE size > 700")
    bend(folder, "DELETE FROM tile WHERE position > 1")
    journal = signing()
    assert "is older than it was: it was signed up to the event 1000, and ends at 700" in told(ears)
    assert see_that_it_goes_on(journal, ears, folder, recorded, 1001 + MARGIN) == []


def test_another_past_is_known(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(folder / "journal.key", other)
    with Journal.open(other, committed=print, failed=print, origin=ORIGIN) as journal:
        journal.submit(batch(*range(1000)), 1)
    shutil.copy(other / "journal.db", folder)
    signing()
    assert "is not the one that was signed last" in told(ears)


@pytest.mark.parametrize("table", ["state", "acknowledged"])
def test_damaged_state_is_not_acted_upon(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, table: str
) -> None:
    column = "value" if table == "state" else "ranges"
    bend(folder, f"UPDATE {table} SET {column} = '[]'")  # noqa: S608
    journal = signing()
    assert "is damaged" in told(ears)
    expected = {} if table == "state" else {"door/store": b"900"}
    assert journal.saved == expected
    inherited = see_that_it_goes_on(journal, ears, folder, recorded, 1001)
    # Two of the three survive: of the lane whose ranges are gone, everything counts as undelivered.
    assert len(inherited) == (100 if table == "state" else 1000)


def test_a_successor_may_be_succeeded(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    overwrite(folder, 0, 4096)
    first = signing()
    first.submit(batch(1, 2), 99)
    first.close()
    overwrite(folder, 0, 4096)
    second = signing()
    second.submit(batch(3), 100)
    second.close()
    assert ears.rows[-1].seq == 1003 + MARGIN + MARGIN
    assert len(list((folder / "aside").iterdir())) == 2
    with Reader(folder) as reader, reader.tree() as tree:
        assert tree.origin == f"{ORIGIN}/from-{1003 + 2 * MARGIN}"
    assert verify(folder, keys.public(folder)).findings == ()


@pytest.mark.parametrize("gone", [False, True])
def test_a_successor_may_be_succeeded_before_it_was_signed(
    recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path, gone: bool
) -> None:
    """The power is cut within the first minute of it: the disk that did the harm does more."""
    cut = tmp_path / "cut"
    overwrite(folder, 0, 4096)
    with Journal.open(folder, committed=ears.committed, failed=print, origin=ORIGIN) as journal:
        journal.submit(batch(1, 2), 99)
        ears.heard(11)
        shutil.copytree(folder, cut)
    for path in cut.glob("journal.db*"):
        path.unlink()
    if not gone:
        (cut / "journal.db").write_bytes(random.Random(5).randbytes(20_000))
    with Journal.open(cut, committed=ears.committed, failed=ears.failed, origin=ORIGIN) as journal:
        assert told(ears)
        assert journal.head == 1000 + MARGIN + MARGIN, "no number is given twice"
    assert verify(cut, keys.public(cut)).findings == ()


@pytest.mark.skipif(shutil.which("strace") is None, reason="THE MOVES ARE NOT CUT: no strace")
@pytest.mark.parametrize("when", range(1, 10))
def test_a_kill_between_the_moves_leaves_one_of_the_two(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, when: int
) -> None:
    bend(folder, "UPDATE entry SET object = 'crypt' WHERE seq = 950")
    said = run_traced(folder, f"inject=rename:signal=SIGKILL:when={when}")
    assert ("opened" in said) == (when == 9), "there are eight moves"
    journal = signing()
    assert "not the one that was signed last" in told(ears), "no event has said so yet"
    inherited = see_that_it_goes_on(journal, ears, folder, recorded, 1001)
    assert len(inherited) == 99


@pytest.mark.skipif(shutil.which("strace") is None, reason="THE MOVES ARE NOT CUT: no strace")
@pytest.mark.parametrize("said", [None, b"", bytes(24), b"\xff", b"."])
def test_where_the_old_record_goes_may_be_lost_by_a_power_cut(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, said: bytes | None
) -> None:
    bend(folder, "UPDATE entry SET object = 'crypt' WHERE seq = 950")
    untouched = (folder / "journal.db").read_bytes()
    run_traced(folder, "inject=rename:signal=SIGKILL:when=2")
    (folder / "successor" / "aside").unlink()
    if said is not None:
        (folder / "successor" / "aside").write_bytes(said)
    inherited = see_that_it_goes_on(signing(), ears, folder, recorded, 1001)
    assert len(inherited) == 99
    (aside,) = (folder / "aside").glob("*/journal.db")
    assert aside.read_bytes() == untouched


@pytest.mark.skipif(shutil.which("strace") is None, reason="THE MOVES ARE NOT SEEN: no strace")
def test_what_a_move_needs_is_on_the_disk_before_it(
    recorded: list[Recorded], folder: Path, tmp_path: Path
) -> None:
    bend(folder, "UPDATE entry SET object = 'crypt' WHERE seq = 950")
    assert "opened" in run_traced(folder, "trace=rename,fsync", "-y", "-o", f"{tmp_path}/traced")
    calls = (tmp_path / "traced").read_text()
    said = re.findall(rf'(rename|fsync)\([^{{/]*{folder}/?([^">]*)', calls)
    named = [f"{call} {re.sub('20[0-9TZ]+', 'TIME', where)}" for call, where in said]
    begins, ends = named.index("rename successor.new"), named.index("rename successor/journal.db")
    assert named[begins - 2 : begins + 2] == [
        "fsync successor.new/aside",
        "fsync successor.new",
        "rename successor.new",
        "fsync ",
    ]
    assert named[begins + 2] == "rename journal.db"
    assert named[ends - 3 : ends + 2] == [
        "fsync aside/TIME",
        "fsync aside",
        "fsync ",
        "rename successor/journal.db",
        "fsync ",
    ]


@pytest.mark.skipif(
    os.getuid() != 0, reason="WHOSE THE FILES ARE IS NOT SEEN: only root gives them"
)
def test_what_root_restores_is_the_daemons(
    recorded: list[Recorded], folder: Path, tmp_path: Path
) -> None:
    copy, new = tmp_path / "copy", tmp_path / "new"
    backup(folder, copy)
    new.mkdir()
    shutil.copy(folder / "journal.key", new)
    for where in (folder, new):
        for path in (where, *where.rglob("*")):
            os.chown(path, 1234, 1235)
        restore(where, copy)
        assert {(found.st_uid, found.st_gid) for found in map(Path.stat, where.rglob("*"))} == {
            (1234, 1235)
        }


def test_without_a_key_damage_is_left_to_a_person(opened: Open, folder: Path) -> None:
    journal = opened()
    journal.submit(Batch((), {"x": b"1"}), 1)
    journal.close()
    bend(folder, "UPDATE state SET value = '2'")
    with pytest.raises(StorageCorrupt, match="restore a backup"):
        opened()
    (folder / "journal.db").write_bytes(b"x" * 4096)
    with pytest.raises(JournalUnusable, match="not an armoury journal"):
        opened()


def test_a_good_record_is_never_succeeded(signing: Open, folder: Path) -> None:
    for _ in range(3):
        journal = signing()
        journal.submit(batch(1), 1)
        journal.close()
    assert not (folder / "aside").exists()
    assert not (folder / succession.SUCCESSOR).exists()
    kept = (folder / "journal.last").read_text()
    assert Checkpoint.open(kept, keys.public(folder)).size == 3
    (folder / "journal.last").write_text("a power cut")
    signing().close()
    assert not (folder / "aside").exists()


def test_a_backup_is_restored_above_every_number_that_was_given(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    backup(folder, copy)
    journal = signing()
    journal.submit(Batch((entry(1), entry(2)), {"door/store": b'"later"'}), 50)
    with pytest.raises(JournalLocked):
        restore(folder, copy)
    journal.close()
    report = restore(folder, copy)
    assert "was restored; the old record lies untouched" in str(report)
    journal = signing()
    assert told(ears) == str(report)
    assert journal.saved == {"door/store": b"900"}
    journal.submit(batch(1), 51)
    journal.close()
    assert ears.rows[-1].seq == 1003
    with Reader(folder) as reader:
        assert reader.read(0, 2000) == [*recorded, ears.rows[-1]]
        kinds = [row.seq for row in reader.query(kind="test.1", since_us=START_US + 990_000_000)]
        assert kinds == [seq for seq in range(991, 1001) if seq % 3 == 2]
    assert verify(folder, keys.public(folder)).findings == ()


def test_what_is_not_proved_of_a_restored_record_is_said(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    copy, note = tmp_path / "copy", kept(folder, 1000)
    backup(folder, copy)
    restore(folder, copy)
    journal = signing()
    journal.submit(batch(1, 2, 3), 99)
    ears.heard(11)
    journal.close()
    trusted = keys.public(folder)
    verdict = verify(folder, trusted)
    assert (verdict.findings, verdict.events, verdict.inherited) == ((), 3, 1000)
    assert "NOT proved: 1000 events before 1001" in judgement(verdict, trusted, by_given_key=True)
    with pytest.raises(NoteRefused, match=r"test up to the event 1000 says nothing of this record"):
        verify(folder, trusted, [note])
    (aside,) = (folder / "aside").iterdir()
    assert verify(aside, trusted, [note]).findings == (), "it is that one's"
    with Reader(folder) as reader, reader.tree() as tree:
        newest = tree.newest_checkpoint()
    assert newest is not None
    (finding,) = verify(aside, trusted, [newest.note]).findings
    assert (finding.first, finding.last) == (1001, 1003)
    assert finding.what == f"signed in {ORIGIN}/from-1001, and not in this"
    with Reader(folder) as reader, pytest.raises(CannotProve, match="500 was taken over from an"):
        prove(reader, 500)


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE meta SET value = replace(value, 'continues', 'is not')", "the key has not signed"),
        ("DELETE FROM meta WHERE key = 'statement'", "the key has not signed"),
        ("UPDATE meta SET value = 1002 WHERE key = 'first'", f"is one of {ORIGIN}/from-1001"),
        ("UPDATE meta SET value = 'x' WHERE key = 'origin'", f"is one of {ORIGIN}/from-1001"),
    ],
)
def test_what_a_record_says_that_it_continues_is_signed(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, sql: str, what: str
) -> None:
    bend(folder, "UPDATE entry SET object = 'crypt' WHERE seq = 990")
    journal = signing()
    journal.submit(batch(1, 2, 3), 99)
    ears.heard(11)
    journal.close()
    assert verify(folder, keys.public(folder)).findings == ()
    bend(folder, sql)
    assert what in verify(folder, keys.public(folder)).findings[0].what


def test_a_damaged_backup_is_not_restored(
    signing: Open, recorded: list[Recorded], folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    backup(folder, copy)
    bend(copy, "DELETE FROM entry WHERE seq = 500")
    before = (folder / "journal.db").read_bytes()
    with pytest.raises(BackupBad, match="damaged at the event 500"):
        restore(folder, copy)
    assert (folder / "journal.db").read_bytes() == before
    assert not (folder / "aside").exists()


def test_a_backup_that_is_gone_meanwhile_is_not_taken_for_an_empty_one(
    signing: Open, recorded: list[Recorded], folder: Path, tmp_path: Path
) -> None:
    before = (folder / "journal.db").read_bytes()
    with pytest.raises(StorageFailed, match=f"{tmp_path / 'gone'} cannot be opened"):
        succession.succeed(folder, keys.read(folder), "a backup was restored", tmp_path / "gone")
    assert (folder / "journal.db").read_bytes() == before
    assert not (folder / "aside").exists()


def test_that_a_record_was_begun_is_told_until_an_event_says_so(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    overwrite(folder, 0, 4096)
    for _ in range(2):
        journal = signing()
        assert "not an armoury journal" in told(ears)
        ears.failures.clear()
        journal.submit(batch(1), 90)
        journal.close()
    journal = signing()
    journal.submit(batch(2), 91)
    journal.submit(Batch((entry(3), entry(4, REPLACED, Severity.ALARM))), 92)
    journal.close()
    ears.failures.clear()
    signing()
    assert ears.failures == []


def test_a_backup_is_restored_beyond_what_was_pruned_of_it(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    journal = signing()
    journal.submit(batch(*range(2500)), 50)
    gone = Ranges.of([(1, 3400)])
    said: list[Json] = [[1, 3400]]
    pruned = entry(0, PRUNED, data={"ranges": said})
    journal.submit(Batch((pruned,), prune=gone), 51)
    ears.heard(12)
    journal.close()
    backup(folder, tmp_path / "copy")
    assert "holds 101 events from before" in str(restore(folder, tmp_path / "copy"))


def test_what_was_taken_over_is_pruned_like_all_else(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    """Of a record that was restored, what is old is given up years later, over its seam too."""
    backup(folder, tmp_path / "copy")
    restore(folder, tmp_path / "copy")
    journal = signing()
    journal.submit(batch(*range(300)), 50)
    said: list[Json] = [[700, 710], [990, 1010]]
    pruned = entry(0, PRUNED, data={"ranges": said})
    journal.submit(Batch((pruned,), prune=Ranges.of([(700, 710), (990, 1010)])), 51)
    journal.close()
    verdict = verify(folder, keys.public(folder))
    assert verdict.findings == ()
    assert (verdict.inherited, verdict.pruned) == (1000 - 11 - 11, 10)
    assert backup(folder, tmp_path / "another").findings == ()


def test_a_backup_goes_onto_a_new_disk(
    recorded: list[Recorded], folder: Path, tmp_path: Path
) -> None:
    copy, new = tmp_path / "copy", tmp_path / "new"
    backup(folder, copy)
    with pytest.raises(JournalUnusable, match=r"key .* is missing"):
        restore(new, copy)
    shutil.copy(folder / "journal.key", new)
    restore(new, copy)
    with Journal.open(new, committed=print, failed=print, origin=ORIGIN) as journal:
        assert journal.head == 1000 + MARGIN
        assert journal.read(0, 2000) == recorded


def kept(folder: Path, size: int) -> str:
    """Return a checkpoint of the record, as a monitor keeps it."""
    with Reader(folder) as reader, reader.tree() as tree:
        root = tree.growth(size).root()
    return Checkpoint(ORIGIN, size, root).signed(keys.read(folder))


def test_what_a_monitor_kept_shows_an_older_copy(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    """The whole folder was put back, `journal.last` with it: nothing in it can show that."""
    shutil.copytree(folder, tmp_path / "older")
    journal = signing()
    before = len(ears.commits)
    journal.submit(batch(*range(100)), 50)
    ears.heard(before + 1)
    journal.close()
    newer = kept(folder, 1100)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "older", folder)
    journal = signing()
    for harmless in (kept(folder, 500), kept(folder, 1000), "no note", forged(folder, 5000)):
        journal.witnessed(harmless)
    assert ears.failures == []
    journal.submit(batch(*range(30)), 51)
    journal.witnessed(newer)
    (found,) = ears.failures
    assert isinstance(found, JournalRolledBack)
    assert "a checkpoint over 1100" in str(found)
    journal.close()
    journal = signing()
    assert "older than it was: it was signed up to the event 1100" in told(ears)
    journal.submit(Batch((entry(1, REPLACED),)), 52)
    ears.heard(len(ears.commits) + 1)
    assert ears.rows[-1].seq == 1101 + MARGIN
    for known in (newer, kept(tmp_path / "older", 1000)):
        journal.witnessed(known)
    journal.close()
    assert len(ears.failures) == 2, "the new record is not held against the old one"
    signing().close()
    assert len(ears.failures) == 2


def forged(folder: Path, size: int) -> str:
    """Return a larger checkpoint that somebody else has signed."""
    stranger = Signer.made(ORIGIN)
    return Checkpoint(ORIGIN, size, bytes(32)).signed(stranger)


def test_what_a_monitor_kept_is_enough_after_a_kill(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path, tmp_path: Path
) -> None:
    """A disk made anew, with its key; killed before anything of it was signed."""
    new, cut = tmp_path / "new", tmp_path / "cut"
    new.mkdir()
    shutil.copy(folder / "journal.key", new)
    note = kept(folder, 1000)
    with Journal.open(new, committed=print, failed=print, origin=ORIGIN) as journal:
        journal.witnessed(note)
        shutil.copytree(new, cut)
    with Journal.open(cut, committed=print, failed=ears.failed, origin=ORIGIN) as journal:
        assert "is older than it was" in told(ears)
        assert journal.head == 1000 + MARGIN


def test_what_a_monitor_kept_shows_another_past(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    signer = keys.read(folder)
    journal = signing()
    journal.witnessed(Checkpoint(ORIGIN, 900, bytes(32)).signed(signer))
    (found,) = ears.failures
    assert "over 900 of another past" in str(found)
    journal.close()
    signing()
    assert "not the one that was signed last" in told(ears)
