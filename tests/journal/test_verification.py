"""Whatever is done to a record is found, and named."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agent.journal import layout, tree
from agent.journal.checkpoint import Checkpoint
from agent.journal.errors import JournalError
from agent.journal.journal import Journal
from agent.journal.note import Signer, Verifier
from agent.journal.reading import Reader
from agent.journal.record import Batch, Commit, Entry
from agent.journal.verification import Verdict, verify
from agent.site.step import Severity
from tests.journal.recording import ORIGIN, entry

SEVERITIES = list(Severity)


def entries(count: int) -> Iterator[Entry]:
    for number in range(count):
        severity = SEVERITIES[number % 7 % 4]
        yield entry(number, f"test.{severity}", severity, data={"n": number, "text": "naïve"})


def recorded(folder: Path, events: int, by: int) -> Path:
    """Make a closed record with a checkpoint every `by` events."""

    def unheard(_: object) -> None: ...

    told: list[Commit] = []
    with Journal.open(folder, committed=told.append, failed=unheard, origin=ORIGIN) as journal:
        everything = list(entries(events))
        for tag, at in enumerate(range(0, events, by)):
            batch = Batch(
                tuple(everything[at : at + by]), {"tag": b"%d" % tag, "door/store": b'"closed"'}
            )
            journal.submit(batch, tag)
            while len(told) <= tag:
                journal.read(journal.head, 1)
        journal.acknowledge("fibre", "rest", [(1, events)])
    return folder


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("original") / "data", 700, 100)


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


@contextmanager
def edited(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as connection:
        yield connection


def key(folder: Path) -> list[Verifier]:
    return [Verifier.parse((folder / "journal.vkey").read_text())]


def checked(folder: Path) -> Verdict:
    return verify(folder, key(folder))


def first_finding(folder: Path) -> tuple[int, int, str]:
    finding = checked(folder).findings[0]
    return finding.first, finding.last, finding.what


def test_what_nobody_touched_is_well(original: Path) -> None:
    assert checked(original) == Verdict(1, 700, 0, 7, 700, ())


def test_only_the_public_key_and_the_one_file_are_needed(original: Path, tmp_path: Path) -> None:
    shutil.copy(original / "journal.db", tmp_path)
    assert verify(tmp_path, key(original)).findings == ()


def other(place: int) -> str:
    """Return the SQL of a byte that is not the one at this place of the proof."""
    return f"CASE substr(proof, {place}, 1) WHEN x'00' THEN x'01' ELSE x'00' END"


def test_a_damaged_page_of_checkpoints_hides_no_event(copy: Path) -> None:
    with edited(copy) as connection:
        sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'checkpoint'"
        page = connection.execute(sql).fetchone()[0]
        connection.execute("UPDATE entry SET object = 'vault' WHERE seq = 5")
    with (copy / "journal.db").open("r+b") as file:
        file.seek((page - 1) * layout.PAGE)
        file.write(bytes(layout.PAGE))
    found = [(f.first, f.last, f.what) for f in checked(copy).findings]
    assert found[0][:2] == (1, 700)
    assert found[0][2].startswith("not all checkpoints can be read: ")
    assert (5, 5, "what is written is not what was recorded") in found


ROW_EDITS = {
    "a text": ("data = replace(data, 'naïve', 'naive')", "what is written is not what was"),
    "a letter more": ("data = data || ' '", "what is written is not what was"),
    "its object": ("object = 'vault'", "what is written is not what was"),
    "its device": ("device = NULL", "what is written is not what was"),
    "its time": ("at_us = at_us + 1", "what is written is not what was"),
    "its time's type": ("at_us = at_us || 'x'", "what is written is not what was"),
    "its other time": ("mono_us = mono_us - 1", "what is written is not what was"),
    "its boot": ("boot = 2", "what is written is not what was"),
    "no such boot": ("boot = NULL", "what is written is not what was"),
    "a name": ("ref = 'u-1'", "what is written is not what was"),
    "a salt": (
        f"proof = CAST({other(1)} || substr(proof, 2) AS BLOB)",
        "what is written is not what was",
    ),
    "a mark": (
        f"proof = CAST(substr(proof, 1, 23) || {other(24)} AS BLOB)",
        "what is written is not what was",
    ),
    "a class": ("class = class % 4 + 1", "filed under a kind or severity that is not its own"),
    "no such class": ("class = 77", "filed under a kind or severity that is not its own"),
    "a severity": ("severity = 3 - severity", "filed under a kind or severity"),
    "half gone": ("data = NULL", "half of the row is gone"),
    "nothing but a hash": ("class = NULL, severity = NULL, data = NULL", "half of the row is"),
}


@pytest.mark.parametrize("seq", [1, 256, 257, 431, 700])
@pytest.mark.parametrize(("edit", "said"), ROW_EDITS.values(), ids=ROW_EDITS)
def test_an_edited_row_is_named(copy: Path, seq: int, edit: str, said: str) -> None:
    with edited(copy) as connection:
        connection.execute(f"UPDATE entry SET {edit} WHERE seq = ?", (seq,))  # noqa: S608
    first, last, what = first_finding(copy)
    assert (first, last) == (seq, seq)
    assert said in what


def test_a_dropped_row_is_named(copy: Path) -> None:
    with edited(copy) as connection:
        connection.execute("DELETE FROM entry WHERE seq IN (432, 433)")
    assert first_finding(copy) == (432, 433, "missing")


def test_a_dropped_row_whose_gap_was_closed_is_named(copy: Path) -> None:
    with edited(copy) as connection:
        connection.execute("DELETE FROM entry WHERE seq = 432")
        for seq in range(433, 701):
            connection.execute("UPDATE entry SET seq = seq - 1 WHERE seq = ?", (seq,))
    assert first_finding(copy) == (432, 432, "what is written is not what was recorded")


@pytest.mark.parametrize(("one", "other"), [(5, 6), (10, 690), (256, 257)])
def test_a_swapped_pair_is_named(copy: Path, one: int, other: int) -> None:
    with edited(copy) as connection:
        for old, new in ((one, -1), (other, one), (-1, other)):
            connection.execute("UPDATE entry SET seq = ? WHERE seq = ?", (new, old))
    found = {(said.first, said.what) for said in checked(copy).findings}
    assert (one, "what is written is not what was recorded") in found
    assert (other, "what is written is not what was recorded") in found


def test_an_event_more_is_named(copy: Path) -> None:
    with edited(copy) as connection:
        for seq in (0, 702):
            connection.execute("CREATE TEMP TABLE more AS SELECT * FROM entry WHERE seq = 1")
            connection.execute("UPDATE more SET seq = ?", (seq,))
            connection.execute("INSERT INTO entry SELECT * FROM more")
            connection.execute("DROP TABLE more")
    found = [(said.first, said.what) for said in checked(copy).findings]
    assert (0, "it comes before the first event") in found
    assert (701, "missing") in found


def rewritten(connection: sqlite3.Connection, seq: int) -> None:
    """Change an event as somebody would who knows the layout, but has no key."""
    proof, body = connection.execute(
        "SELECT proof, body FROM event WHERE seq = ?", (seq,)
    ).fetchone()
    body = body.replace("naïve", "naive")
    mark = tree.leaf_hash(proof[: layout.SALT] + body.encode())[: tree.MARK]
    row = proof[: layout.SALT] + mark, seq
    connection.execute(
        "UPDATE entry SET proof = ?, data = replace(data, 'naïve', 'naive') WHERE seq = ?", row
    )


def test_a_row_rewritten_with_its_mark_is_bounded_by_its_checkpoints(copy: Path) -> None:
    with edited(copy) as connection:
        rewritten(connection, 431)
        connection.execute("DELETE FROM tile")
    found = [(said.first, said.last, said.what) for said in checked(copy).findings]
    assert (401, 500, "these events are not those that were signed") in found


def test_what_no_checkpoint_covers_yet_is_held_by_nothing_but_its_mark(copy: Path) -> None:
    with edited(copy) as connection:
        connection.execute("DELETE FROM checkpoint WHERE size = 700")
        rewritten(connection, 690)
    verdict = checked(copy)
    assert verdict.covered == 600, "the report says how far trust goes"
    with edited(copy) as connection:
        connection.execute("UPDATE entry SET data = replace(data, 'naïve', '') WHERE seq = 680")
    assert first_finding(copy)[0] == 680


def test_a_cut_tail_is_named_by_the_checkpoint_that_is_left(copy: Path) -> None:
    with edited(copy) as connection:
        connection.execute("DELETE FROM entry WHERE seq > 650")
    first, last, what = first_finding(copy)
    assert (first, last) == (651, 700)
    assert "the end of the record is missing" in what


def older(copy: Path) -> str:
    """Make it what it was 100 events ago; return the newest checkpoint, which others keep."""
    with edited(copy) as connection:
        connection.execute("DELETE FROM entry WHERE seq > 600")
        (note,) = connection.execute("SELECT note FROM checkpoint WHERE size = 700").fetchone()
        connection.execute("DELETE FROM checkpoint WHERE size > 600")
    return str(note)


def test_an_old_copy_put_back_is_found_by_what_others_keep(copy: Path) -> None:
    note = older(copy)
    assert checked(copy).findings == (), "in itself it is well"
    (finding,) = verify(copy, key(copy), [note]).findings
    assert (finding.first, finding.last) == (601, 700)


def test_another_past_is_found_by_what_others_keep(original: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("journal.key", "journal.vkey"):
        shutil.copy(original / name, other)
    recorded(other, 700, 100)  # the same events, the same key; other salts
    with edited(original) as connection:
        notes = connection.execute("SELECT note FROM checkpoint").fetchall()
    kept = [note for (note,) in notes]
    assert verify(other, key(other)).findings == ()
    assert verify(other, key(other), kept[3:4]).findings[0].first == 301


def leaves(connection: sqlite3.Connection, where: str = "seq") -> list[bytes]:
    """Return the leaves of the tree as the rows say them."""
    rows = connection.execute(f"SELECT proof, body FROM event WHERE {where} ORDER BY seq")  # noqa: S608
    return [tree.leaf_hash(proof[: layout.SALT] + body.encode()) for proof, body in rows]


def test_another_key_is_not_believed(copy: Path) -> None:
    stranger = Signer.made(ORIGIN)
    with edited(copy) as connection:
        rewritten(connection, 650)
        root = tree.Frontier().grown(leaves(connection)).root()
        forged = Checkpoint(ORIGIN, 700, root).signed(stranger)
        connection.execute("UPDATE checkpoint SET note = ? WHERE size = 700", (forged,))
    first, last, what = first_finding(copy)
    assert (first, last) == (601, 700)
    assert "does not hold: nobody whose key is known" in what


FORGERIES: dict[str, tuple[str, int, str]] = {
    "a note": ("UPDATE checkpoint SET note = 'x' WHERE size = 200", 101, "does not hold"),
    "no note": ("UPDATE checkpoint SET note = '' WHERE size = 100", 1, "does not hold"),
    "its size": ("UPDATE checkpoint SET size = 250 WHERE size = 300", 201, "is one over 300"),
    "a root": ("UPDATE tile SET root = zeroblob(32) WHERE position = 1", 257, "of their tile"),
    "a time": ("UPDATE tile SET to_us = to_us + 1 WHERE position = 0", 1, "other times"),
    "no tile": ("DELETE FROM tile WHERE position = 1", 257, "tile 1 of the tree is missing"),
    "a tile more": ("INSERT INTO tile VALUES (9, x'', 0, 0)", 701, "stands for no events"),
    "the state": ("UPDATE state SET value = '\"open\"' WHERE key = 'door/store'", 1, "door/store"),
    "what was delivered": ("UPDATE acknowledged SET ranges = '[]'", 1, "fibre/rest is damaged"),
    "a kind": ("UPDATE class SET kind = 'x' WHERE id = 1", 1, "is not filed as it was"),
    "a kind's part": ("UPDATE class SET tail = head WHERE id = 1", 1, "what is written is not"),
    "a boot": ("UPDATE boot SET tail = replace(tail, 'true', 'false')", 1, "is written is not"),
}


@pytest.mark.parametrize(("edit", "first", "said"), FORGERIES.values(), ids=FORGERIES)
def test_what_is_stored_besides_rows_is_looked_at_too(
    copy: Path, edit: str, first: int, said: str
) -> None:
    with edited(copy) as connection:
        connection.execute(edit)
    found = first_finding(copy)
    assert found[0] == first
    assert said in found[2]


def hide(folder: Path, seq: int) -> None:
    """Make the file's own view say of an event that it was pruned."""
    with edited(folder) as connection:
        (sql,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'event'").fetchone()
        connection.execute("DROP VIEW event")
        hidden = f"(data IS NOT NULL AND seq <> {seq}) AS kept"
        connection.execute(sql.replace("data IS NOT NULL AS kept", hidden))


def test_what_the_file_s_own_view_hides_is_read_all_the_same(copy: Path) -> None:
    hide(copy, 8)
    assert first_finding(copy) == (1, 700, "the view event is not as the record has it")
    with Reader(copy) as reader:
        assert [row.seq for row in reader.read(7, 1)] == [8]
        assert sum(1 for _ in reader.query()) == 700


STRANGERS = {
    "trigger quiet": "CREATE TRIGGER quiet AFTER INSERT ON entry BEGIN DELETE FROM tile; END",
    "view more": "CREATE VIEW more AS SELECT 1",
    "table more": "CREATE TABLE more(a)",
    "index more": "CREATE INDEX more ON entry(object)",
    "index entry_rare": "DROP INDEX entry_rare",
    "view event": "DROP VIEW event",
}


@pytest.mark.parametrize(("what", "sql"), STRANGERS.items(), ids=STRANGERS)
def test_what_is_not_ours_in_the_file_is_named(copy: Path, what: str, sql: str) -> None:
    with edited(copy) as connection:
        connection.execute(sql)
    assert first_finding(copy) == (1, 700, f"the {what} is not as the record has it")


def test_statistics_are_no_forgery(copy: Path) -> None:
    with edited(copy) as connection:
        connection.execute("ANALYZE")
    assert checked(copy).findings == ()


HIDING = ("from_us = 0, to_us = 0", "to_us = from_us", "from_us = to_us", "from_us = 'x'")


@pytest.mark.parametrize("times", HIDING)
def test_times_of_a_tile_that_hide_events_are_named_though_some_were_pruned(
    copy: Path, times: str
) -> None:
    """Who asks by time is shown what the tiles say there is."""
    gone = "class = NULL, severity = NULL, boot = NULL, at_us = NULL, mono_us = NULL"
    with edited(copy) as connection:
        (leaf,) = leaves(connection, "seq = 300")
        connection.execute(
            f"UPDATE entry SET {gone}, object = NULL, device = NULL, data = NULL, proof = ? "  # noqa: S608
            "WHERE seq = 300",
            (leaf,),
        )
        for position in (0, 1):  # one that is whole, and one of whose events one is pruned
            connection.execute(f"UPDATE tile SET {times} WHERE position = ?", (position,))  # noqa: S608
    found = [(said.first, said.last, said.what) for said in checked(copy).findings]
    assert found[0] == (1, 256, "their tile says other times than they do")
    assert (257, 512, "their tile says other times than they do") in found


def content(folder: Path) -> list[object]:
    """Everything that is recorded, as SQLite reads it."""
    tables = ("meta", "class", "boot", "entry", "tile", "checkpoint", "state", "acknowledged")
    with edited(folder) as connection:
        connection.text_factory = bytes
        return [connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables]  # noqa: S608


def flipped(folder: Path, bit: int) -> None:
    with (folder / "journal.db").open("r+b") as file:
        file.seek(bit // 8)
        (before,) = file.read(1)
        file.seek(bit // 8)
        file.write(bytes([before ^ 1 << bit % 8]))


def flip_and_check(folder: Path, bits: list[int]) -> int:
    """Flip bits one at a time; return how many were in places that hold nothing."""
    before = content(folder)
    harmless = 0
    for bit in bits:
        flipped(folder, bit)
        try:
            found = bool(checked(folder).findings)
        except JournalError:
            found = True  # not even opened
        if not found:
            harmless += 1
            assert content(folder) == before, f"the flip of bit {bit} went unseen"
        flipped(folder, bit)
    assert content(folder) == before
    return harmless


def test_no_flipped_bit_goes_unseen(copy: Path) -> None:
    size = (copy / "journal.db").stat().st_size * 8
    chance = random.Random(7)
    harmless = flip_and_check(copy, [chance.randrange(size) for _ in range(250)])
    assert harmless < 125


def test_no_bit_of_the_file_s_head_flips_unseen(copy: Path) -> None:
    flip_and_check(copy, list(range(0, 100 * 8, 3)))


def places(folder: Path) -> dict[str, list[int]]:
    """Return the pages of each table and index, from 0."""
    with edited(folder) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rows = connection.execute("SELECT name, pageno - 1 FROM dbstat ORDER BY name, pageno")
        found: dict[str, list[int]] = {}
        for name, page in rows:
            found.setdefault(name, []).append(page)
        return found


def bits_of(page: int, chance: random.Random) -> list[int]:
    """Return a bit of each kind of place on a page: its head, pointers, middle, and its cells."""
    begin = page * layout.PAGE
    parts = ((0, 8), (8, 48), (48, 1024), (1024, 1800), (1800, layout.PAGE))
    return [(begin + chance.randrange(*part)) * 8 + chance.randrange(8) for part in parts]


@pytest.mark.soak
def test_no_flipped_bit_of_any_page_goes_unseen(copy: Path) -> None:
    chance = random.Random(5)
    pages = [page for found in places(copy).values() for page in found]
    flip_and_check(copy, [bit for page in pages for bit in bits_of(page, chance)])


@pytest.mark.soak
def test_no_flipped_bit_of_a_hundred_thousand_events_goes_unseen(tmp_path: Path) -> None:
    """One in each kind of place of each table's first and last page, and of one between."""
    folder = recorded(tmp_path / "data", 100_000, 100)
    chance = random.Random(11)
    found = places(folder)
    assert {"entry", "entry_rare", "class", "boot", "tile", "checkpoint", "state"} <= set(found)
    pages = {
        page for pages in found.values() for page in (pages[0], pages[-1], chance.choice(pages))
    }
    flip_and_check(folder, [bit for page in sorted(pages) for bit in bits_of(page, chance)])
