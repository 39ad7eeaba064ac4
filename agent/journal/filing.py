"""How an event lies in the database: its body in parts, of which many events share some.

A body is `{"at":` AT, its boot's head, DATA, `,"device":"` DEVICE `"`, its class's head, MONO,
`,"object":"` OBJECT, `","ref":"` REF, `","seq":` SEQ, its class's tail, and its boot's tail.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from agent.journal.canonical import quoted
from agent.journal.errors import JournalMisused, StorageCorrupt

# The numbers are on disk: never renumber. The index holds what is below `info`.
SEVERITIES: Mapping[str, int] = {"alarm": 0, "fault": 1, "access": 2, "info": 3}
SEVERITY_NAMES: Mapping[int, str] = {number: name for name, number in SEVERITIES.items()}

_TEXT = r'[^"\\]*+(?:\\.[^"\\]*+)*+'
# Nothing but the end of `data` can be followed by this: within a text quotes are escaped.
_BODY = re.compile(
    rf'\{{"at":(?P<at>-?[0-9]+)(?P<head>,"boot":"{_TEXT}","data":)(?P<data>\{{.*\}})'
    rf'(?:,"device":"(?P<device>{_TEXT})")?,"kind":"(?P<kind>{_TEXT})","mono":(?P<mono>-?[0-9]+),'
    rf'"object":"(?P<object>{_TEXT})(?:","ref":"(?P<ref>{_TEXT}))?","seq":(?P<seq>[0-9]+),'
    r'"severity":"(?P<severity>[a-z]+)"(?P<tail>,"trusted":(?:true|false)\})',
    re.DOTALL,
)
_PUT = "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


# What an event says, in the parts that its row has, texts without their quotes: its boot's head
# and tail, UTC and monotonic time (microseconds), object, device, ref, and its data as JSON.
# A plain tuple, for one is made for every event.
Columns: TypeAlias = tuple[str, str, int, int, str, str | None, str | None, str]
AT_US: Final = 2
DATA: Final = 7


@lru_cache(maxsize=16)
def boot_parts(boot: str, trusted: bool) -> tuple[str, str]:
    """Return what the events of a boot have before their data, and at the end."""
    return f',"boot":{quoted(boot)},"data":', f',"trusted":{"true" if trusted else "false"}}}'


@lru_cache(maxsize=512)
def class_parts(kind: str, severity: str) -> tuple[str, str]:
    """Return what the events of a kind and severity have after their data, and near the end.

    Raises:
        JournalMisused: there is no such severity.
    """
    if severity not in SEVERITIES or not kind:
        raise JournalMisused(f"an event needs a kind and a severity: {kind!r}, {severity!r}")
    return f',"kind":{quoted(kind)},"mono":', f',"severity":"{severity}"'


def split(body: bytes) -> tuple[str, str, Columns]:
    """Return kind, severity and columns of a body.

    Raises:
        StorageCorrupt: it is none.
    """
    found = _BODY.fullmatch(body.decode(errors="replace"))
    if found is None or found["severity"] not in SEVERITIES:
        raise StorageCorrupt(f"what the journal has as an event is none: {body!r}")
    head, tail, at, mono = found.group("head", "tail", "at", "mono")
    object, device, ref, data = found.group("object", "device", "ref", "data")
    kind = found["kind"]
    if "\\" in kind:
        kind = json.loads(f'"{kind}"')
    return kind, found["severity"], (head, tail, int(at), int(mono), object, device, ref, data)


class Filing:
    """Files events under their classes and boots, in one connection's database.

    Args:
        connection: used only within calls; after a transaction that failed, file anew.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        classes = connection.execute("SELECT kind, severity, id FROM class")
        boots = connection.execute("SELECT head, tail, id FROM boot")
        self._classes = {
            (kind, SEVERITY_NAMES[level]): (number, level)
            for kind, level, number in classes
            if level in SEVERITY_NAMES
        }
        self._boots = {(head, tail): number for head, tail, number in boots}

    def put(self, rows: Iterable[tuple[int, str, str, Columns, bytes]]) -> None:
        """Write events down: of each its number, kind, severity, columns and proof."""
        classes, boots, prepared = self._classes, self._boots, []
        for seq, kind, severity, said, proof in rows:
            head, tail, at_us, mono_us, object, device, ref, data = said
            number, level = classes.get((kind, severity)) or self._class(kind, severity)
            boot = boots.get((head, tail)) or self._boot((head, tail))
            prepared.append(
                (seq, number, level, boot, at_us, mono_us, object, device, ref, proof, data)
            )
        self._connection.executemany(_PUT, prepared)

    def put_leaves(self, leaves: Sequence[tuple[int, bytes]]) -> None:
        """Write down of each event only its number, and the leaf that is left of it."""
        self._connection.executemany("INSERT INTO entry(seq, proof) VALUES (?, ?)", leaves)

    def _class(self, kind: str, severity: str) -> tuple[int, int]:
        """File a kind at a severity that is new; return the numbers of both."""
        level = SEVERITIES[severity]
        sql = "INSERT INTO class(kind, severity, head, tail) VALUES (?, ?, ?, ?)"
        parts = class_parts(kind, severity)
        number = int(self._connection.execute(sql, (kind, level, *parts)).lastrowid or 0)
        self._classes[kind, severity] = number, level
        return number, level

    def _boot(self, parts: tuple[str, str]) -> int:
        """File a boot that is new; return its number."""
        sql = "INSERT INTO boot(head, tail) VALUES (?, ?)"
        self._boots[parts] = number = int(self._connection.execute(sql, parts).lastrowid or 0)
        return number
