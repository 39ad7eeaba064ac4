"""A record that is damaged or lost is set aside whole, and another one is begun."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.journal import keys, succession
from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import (
    JournalUnusable,
    StorageCorrupt,
)
from agent.journal.journal import Journal
from agent.journal.note import Verifier
from agent.journal.reading import Reader
from agent.journal.record import REPLACED, Batch, Recorded
from agent.journal.succession import MARGIN
from agent.journal.verification import verify
from agent.site.step import Severity
from tests.journal.recording import ORIGIN, Ears, batch, entry, run_traced
from tests.journal.succeeding import bend, overwrite, see_that_it_goes_on, told

Open = Callable[..., Journal]


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


def test_a_table_may_be_said_in_what_is_no_text(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    """SQLite takes a byte that is no UTF-8 for a part of a name; Python cannot read it."""
    at = (folder / "journal.db").read_bytes().rindex(b"kind TEXT NOT NULL")
    with (folder / "journal.db").open("r+b") as file:
        file.seek(at + len(b"kind TEXT NOT"))
        file.write(b"\xf7")
    signing()
    assert "a text in it is none" in told(ears)


def test_which_record_it_is_may_be_damaged(
    signing: Open, recorded: list[Recorded], ears: Ears, folder: Path
) -> None:
    bend(folder, "UPDATE meta SET value = CAST(x'ff00' AS TEXT) WHERE key = 'log'")
    signing()
    assert "is damaged" in told(ears)


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
    assert "the journal's row 950 is damaged" in told(ears), "no event has said so yet"
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
