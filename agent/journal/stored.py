"""The record's tree as it lies in the database: rows, tiles and checkpoints."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator

from agent.journal.errors import StorageCorrupt
from agent.journal.filing import SEVERITIES, SEVERITY_NAMES, class_parts
from agent.journal.growth import TILE, Growth
from agent.journal.layout import SALT
from agent.journal.record import HIGHEST, PRUNED, ROTATED, Sealed
from agent.journal.schema import strange
from agent.journal.tree import HASH, MARK, Frontier, leaf_hash, node_hash, split

# Number, class, severity, proof and body, as they are stored; and when it happened, 0: it is gone.
Row = tuple[int, int | None, int | None, bytes, bytes | None, int]

# Whatever type damage gives a value, it is read as the bytes that it is.
_ROWS = (
    "SELECT seq, class, severity, ifnull(CAST(proof AS BLOB), x''), CAST(body AS BLOB), "
    "ifnull(CAST(at_us AS INTEGER), 0) FROM event"
)
_NOTES = "SELECT size, ifnull(CAST(note AS BLOB), x'') FROM checkpoint"
_ACCESS = SEVERITIES["access"]
_HALVES = (
    "SELECT seq FROM entry WHERE data IS NULL "
    "AND coalesce(class, severity, boot, at_us, mono_us, object, device, ref) IS NOT NULL"
)
_HIDDEN = (
    "SELECT EXISTS (SELECT 1 FROM event, tile WHERE position = ? AND seq >= ? AND seq < ? AND kept "
    "AND NOT at_us BETWEEN from_us AND to_us)"
)
_PRUNINGS = (
    "SELECT min(seq) FROM event WHERE seq > ? AND class IN (SELECT id FROM class WHERE kind = ?)"
)
_HAS_CLASS = "SELECT EXISTS (SELECT 1 FROM class WHERE kind = ?)"


class StoredTree:
    """The tree of one connection's database, as it was at construction.

    Only what is asked for is read: the tiles' roots stand for the rows of full tiles.

    Attributes:
        first: the number of leaf 0's event.
        size: how many leaves there are.
        origin: the log's name, where it succeeds another; None: it is the key's.
        version: of the database's tables.

    Args:
        connection: used only within calls.

    Raises:
        StorageCorrupt: it cannot be made out where it begins.
        sqlite3.Error: as it comes.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        first = connection.execute("SELECT value FROM meta WHERE key = 'first'").fetchone()
        head = connection.execute("SELECT max(seq) FROM event").fetchone()
        self.first = beginning(first)
        self.size = max(0, (head[0] or 0) - self.first + 1)
        origin = connection.execute("SELECT value FROM meta WHERE key = 'origin'").fetchone()
        self.origin = None if origin is None else str(origin[0])
        rows = connection.execute(
            "SELECT ifnull(CAST(root AS BLOB), x'') FROM tile ORDER BY position"
        )
        self._tiles = [root for (root,) in rows]

    def newest_checkpoint(self) -> Sealed | None:
        """Return the checkpoint that covers most, if there is any."""
        found = self._connection.execute(f"{_NOTES} ORDER BY size DESC LIMIT 1").fetchone()
        return None if found is None else _sealed(found)

    def checkpoint_over(self, size: int) -> Sealed | None:
        """Return the first checkpoint that covers so many leaves, if there is any."""
        found = self._connection.execute(
            f"{_NOTES} WHERE size >= ? ORDER BY size LIMIT 1", (size,)
        ).fetchone()
        return None if found is None else _sealed(found)

    def checkpoint_under(self, size: int) -> Sealed | None:
        """Return the last checkpoint that covers at most so many leaves, if there is any."""
        found = self._connection.execute(
            f"{_NOTES} WHERE size <= ? ORDER BY size DESC LIMIT 1", (size,)
        ).fetchone()
        return None if found is None else _sealed(found)

    def entry(self, index: int) -> bytes | None:
        """Return what leaf `index` is the hash of: salt and body; None if that is not there."""
        found = self._connection.execute(
            f"{_ROWS} WHERE seq = ? AND kept", (self.first + index,)
        ).fetchone()
        return None if found is None else bytes(found[3][:SALT] + found[4])

    def proofs(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the proof of each event in a row of numbers.

        Raises:
            StorageCorrupt: one is missing.
        """
        rows = self._connection.execute(
            "SELECT CAST(proof AS BLOB) FROM event WHERE seq >= ? AND seq <= ? ORDER BY seq",
            (first, last),
        ).fetchall()
        if len(rows) != last - first + 1:
            raise StorageCorrupt(f"a row of the journal between {first} and {last} is missing")
        yield from (proof for (proof,) in rows)

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        """Yield size and note of every checkpoint, the smallest first."""
        for found in self._connection.execute(f"{_NOTES} ORDER BY size"):
            sealed = _sealed(found)
            yield sealed.size, sealed.note

    def tiles(self) -> Iterator[tuple[int, tuple[bytes, int, int]]]:
        """Yield the position, root, and earliest and latest time of every stored tile."""
        for position, *said in self._connection.execute(
            "SELECT position, CAST(root AS BLOB), from_us, to_us FROM tile"
        ):
            yield position, (said[0], said[1], said[2])

    def classes(self) -> Iterator[tuple[int, bytes, int]]:
        """Yield number, kind and severity of every class."""
        yield from self._connection.execute(
            "SELECT id, ifnull(CAST(kind AS BLOB), x''), severity FROM class"
        )

    def misfiled(self) -> Iterator[str]:
        """Yield every class whose parts of a body are not those of its kind and severity."""
        if self.version == 1:
            return  # its rows say each for itself
        for found, level, *parts in self._connection.execute(
            "SELECT ifnull(CAST(kind AS BLOB), x''), severity, head, tail FROM class"
        ):
            kind = found.decode(errors="replace")
            known = kind and level in SEVERITY_NAMES
            if not known or class_parts(kind, SEVERITY_NAMES[level]) != (*parts,):
                yield kind

    def strange(self) -> list[str]:
        """Return what of the file's tables, views and triggers is not as we make them."""
        return sorted(strange(self._connection, self.version))

    def hidden_by(self, tile: int) -> bool:
        """Return whether a tile's times leave out an event: who asks by time would not find it."""
        first = self.first + tile * TILE
        return bool(self._connection.execute(_HIDDEN, (tile, first, first + TILE)).fetchone()[0])

    def halves(self) -> Iterator[int]:
        """Yield the number of every event that is neither whole nor pruned."""
        if self.version > 1:
            yield from (seq for (seq,) in self._connection.execute(_HALVES))

    def statement(self) -> str | None:
        """Return what ties this record to the one that it succeeds; None: to none."""
        sql = "SELECT CAST(value AS BLOB) FROM meta WHERE key = 'statement'"
        found = self._connection.execute(sql).fetchone()
        return None if found is None else bytes(found[0]).decode(errors="replace")

    def rotations(self) -> list[tuple[int, bytes]]:
        """Return number and body of every event that says which key signs from then on."""
        if not self._connection.execute(_HAS_CLASS, (ROTATED,)).fetchone()[0]:
            return []  # a record of millions is not looked through for what it never had
        sql = (
            "SELECT seq, CAST(body AS BLOB) FROM event WHERE severity = ? AND severity < 3 "
            "AND class IN (SELECT id FROM class WHERE kind = ?) AND kept ORDER BY seq"
        )
        return self._connection.execute(sql, (_ACCESS, ROTATED)).fetchall()

    def unsigned_pruning(self) -> int | None:
        """Return the number of a pruning that no checkpoint covers; of an unsigned record none.

        Each is signed with its own commit: whoever has the key has not made this one.
        """
        sealed = self.newest_checkpoint()
        if sealed is None:
            return None
        last = self.first + sealed.size - 1
        found = self._connection.execute(_PRUNINGS, (last, PRUNED)).fetchone()[0]
        return None if found is None else int(found)

    def rows(self, index: int = 0) -> Generator[Row, None, None]:
        """Yield the rows of the tree in order, from a leaf on."""
        first = self.first + index
        yield from self._connection.execute(f"{_ROWS} WHERE seq >= ? ORDER BY seq", (first,))

    def inherited(self) -> Generator[Row, None, None]:
        """Yield the rows before the tree's first: what was taken over from a record before."""
        yield from self._connection.execute(f"{_ROWS} WHERE seq < ? ORDER BY seq", (self.first,))

    def faults(self) -> Iterator[str]:
        """Yield what SQLite itself finds wrong with the file, and with its index."""
        for (found,) in self._connection.execute("PRAGMA integrity_check(10)"):
            if found != "ok":
                yield found

    def growth(self, size: int | None = None) -> Growth:
        """Return the tree's right edge at a size; by default at its own.

        Raises:
            StorageCorrupt: rows or tiles are missing.
        """
        size = self.size if size is None else size
        full = size // TILE
        if full > len(self._tiles):
            raise StorageCorrupt(f"tile {len(self._tiles)} of the journal's tree is missing")
        growth = Growth(tiles=Frontier().grown(self._roots(0, full)))
        rows = list(self.leaves(full * TILE, size))
        return growth.grown([leaf for leaf, _ in rows], [time for _, time in rows])[0]

    def subtree(self, first: int, last: int) -> bytes:
        """Return the root over the leaves from `first` up to, not including, `last`."""
        if first % TILE == 0 and (last - first) % TILE == 0 and last // TILE <= len(self._tiles):
            return Frontier().grown(self._roots(first // TILE, last // TILE)).root()
        if last - first <= TILE:
            return Frontier().grown(leaf for leaf, _ in self.leaves(first, last)).root()
        middle = first + split(last - first)
        return node_hash(self.subtree(first, middle), self.subtree(middle, last))

    def _roots(self, first: int, last: int) -> list[bytes]:
        roots = self._tiles[first:last]
        if any(len(root) != HASH for root in roots):
            raise StorageCorrupt("a tile of the journal's tree is damaged")
        return roots

    def leaves(self, first: int, last: int) -> Iterator[tuple[bytes, int]]:
        """Yield the hash and the event's time of each leaf; of a pruned one the time is 0.

        Raises:
            StorageCorrupt: one is missing or damaged.
        """
        rows = self._connection.execute(
            f"{_ROWS} WHERE seq >= ? AND seq < ? ORDER BY seq",
            (self.first + first, self.first + last),
        )
        expected = self.first + first
        for seq, _, _, proof, body, at_us in rows:
            if seq != expected:
                break
            leaf = proof if body is None else leaf_hash(proof[:SALT] + body)
            if len(leaf) != HASH or (body is not None and leaf[:MARK] != proof[SALT:]):
                raise StorageCorrupt(f"the journal's row {seq} is damaged")
            expected += 1
            yield leaf, at_us
        if expected != self.first + last:
            raise StorageCorrupt(f"the journal's row {expected} is missing")


def beginning(found: tuple[object, ...] | None) -> int:
    """Return the number of leaf 0's event, as a row of `meta` says it.

    Raises:
        StorageCorrupt: it does not.
    """
    said = str(found[0]) if found else ""
    if not said.isdecimal() or int(said) > HIGHEST:
        raise StorageCorrupt("the journal does not say with which number it begins")
    return int(said)


def _sealed(found: tuple[int, bytes]) -> Sealed:
    """Return a checkpoint as it is stored, whatever is in it."""
    size, note = found
    return Sealed(size, note.decode(errors="replace"))
