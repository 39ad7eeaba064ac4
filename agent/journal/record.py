"""What goes into the journal and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from agent.journal.errors import StorageCorrupt
from agent.journal.ranges import Ranges
from agent.site.step import Event

if TYPE_CHECKING:
    from agent.journal.note import Signer

PRUNED = "system.pruned"  # the kind that says of which events the content was given up
ROTATED = "system.key_rotated"  # the kind that says which key signs from then on
REPLACED = "system.record_replaced"  # the kind that says that another record was begun
DOUBTFUL = "system.record_doubtful"  # the kind that says that events were recorded without the key


HIGHEST = 2**53 - 1  # number that an event's JSON can bear; damage can make others


class Lane(StrEnum):
    """The two halves of the record that travel apart: an alarm never waits behind the rest."""

    ALARM = "alarm"  # severity `alarm`
    REST = "rest"  # every other severity


class Entry(Struct, frozen=True):
    """An event on its way into the record.

    `ref` ("boot id / u-n") names the event before it has a number: an alarm that had to leave
    before its commit is told to the monitor under it, and the numbered event bears it too.
    """

    event: Event
    ref: str | None = None


class Batch(Struct, frozen=True):
    """What is committed together or not at all.

    Attributes:
        entries: events, in their order.
        state: saved state that differs now, by key, as canonical JSON; None: forgotten.
        prune: numbers of past events of which only the hash is to stay; one of the entries
            is then a `PRUNED` that names just these ranges (see `agent.journal.retention`).
        thin: the sizes of old checkpoints that go (see `agent.journal.thinning`).
        rotate: the key that signs from this batch on; one of the entries is then a `ROTATED`
            that names it (see `agent.journal.rotation`).
    """

    entries: tuple[Entry, ...]
    state: Mapping[str, bytes | None] = field(default_factory=dict)
    prune: Ranges = field(default_factory=Ranges)
    thin: tuple[int, ...] = ()
    rotate: Signer | None = None


class Recorded(NamedTuple):
    """One row of the record. A tuple, for it is made at twice the pace of a dataclass.

    Attributes:
        seq: its number, from 1, without gaps.
        kind: the event's.
        severity: the event's; `alarm` travels in a lane of its own.
        body: canonical JSON (RFC 8785) of the whole event with its number, as stored.
    """

    seq: int
    kind: str
    severity: str
    body: bytes


class Commit(Struct, frozen=True):
    """A batch is on the disk.

    Attributes:
        tag: as given with the batch.
        rows: the batch's entries in their order, with their numbers.
    """

    tag: int
    rows: tuple[Recorded, ...]


class Sealed(Struct, frozen=True):
    """A checkpoint is on the disk: from now on nothing before it can change unseen.

    Attributes:
        size: how many events it covers.
        note: the C2SP checkpoint, signed.
    """

    size: int
    note: str


def happened_us(body: bytes) -> int:
    """Return when an event happened (UTC, microseconds); "at" sorts before every other key.

    Raises:
        StorageCorrupt: it does not say.
    """
    try:
        return int(body[len(b'{"at":') : body.index(b",")])
    except ValueError as error:
        raise StorageCorrupt(
            "an event does not say when it was; see: armoury journal verify"
        ) from error
