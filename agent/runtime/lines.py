"""The daemon's end of a host's wire: bytes to messages (see `drivers.host` for the lines).

Each kind of line is declared as what it decodes to, with its bounds: nothing else gets in, and
nothing that the record cannot hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeAlias

from msgspec import DecodeError, Meta, Struct, field
from msgspec.json import Decoder
from msgspec.structs import force_setattr

from agent.journal.canonical import MAX_INT, encode
from agent.journal.errors import JournalMisused
from agent.site.inputs import CredentialRead, Outcome, PointRead, PointState

MAX_LINE = 65_536
MAX_TEXT = 500  # letters of a name or a reason

Name: TypeAlias = Annotated[str, Meta(max_length=MAX_TEXT)]
Number: TypeAlias = Annotated[int, Meta(ge=-MAX_INT, le=MAX_INT)]
SinceBoot: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INT)]  # microseconds
Map: TypeAlias = Mapping[str, Any]


class HostConfused(Exception):
    """The host says what the protocol does not allow; it is killed for it."""


class Ready(Struct, frozen=True, tag_field="is", tag="ready"):
    """The hardware answers."""

    identity: Map

    def __post_init__(self) -> None:
        if self.identity:
            _see_that_it_is_recordable(self.identity)


class Alive(Struct, frozen=True, tag_field="is", tag="alive"):
    """The hardware was just seen to work; `measured` is for a technician's eyes only."""

    measured: Map = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.measured:
            _see_that_it_is_recordable(self.measured)


class Failed(Struct, frozen=True, tag_field="is", tag="failed"):
    """The driver gave up, with a sentence for a technician.

    Attributes:
        stays: its process lives on, and waits to be told to try again.
    """

    error: Name
    reason: str
    stays: bool

    def __post_init__(self) -> None:
        force_setattr(self, "reason", one_line(self.reason))


class Answered(Struct, frozen=True, tag_field="is", tag="answer"):
    """How the action with this number ended."""

    id: Number
    outcome: Outcome
    reason: str
    data: Map = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.outcome is Outcome.CANCELLED:  # the daemon's own word: no driver takes a grant back
            raise ValueError(self.outcome)
        force_setattr(self, "reason", one_line(self.reason))
        if self.data:
            _see_that_it_is_recordable(self.data)


class _Point(Struct, frozen=True, tag_field="is", tag="point"):
    point: Name
    state: PointState
    at: SinceBoot
    detail: Map

    def __post_init__(self) -> None:
        if self.detail:
            _see_that_it_is_recordable(self.detail)


class _Credential(Struct, frozen=True, tag_field="is", tag="credential"):
    kind: Name
    reference: Name | None
    score: Number | None
    at: SinceBoot


Said: TypeAlias = Ready | Alive | Failed | Answered | PointRead | CredentialRead
_Line: TypeAlias = Ready | Alive | Failed | Answered | _Point | _Credential
_read = Decoder(_Line).decode


class Lines:
    """Bytes in, messages out; keeps what is not a whole line yet."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Said]:
        """Yield the message of every line that `data` completes.

        Raises:
            HostConfused: a line is too long, or no message of the protocol.
        """
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            yield read_line(self._device, line)
        if len(self._rest) > MAX_LINE:
            raise HostConfused(f"sent a line of more than {MAX_LINE} bytes")


def read_line(device: str, line: bytes) -> Said:
    """Return the message that one line bears.

    Raises:
        HostConfused: it is none.
    """
    try:
        said: _Line = _read(line)
    except (DecodeError, ValueError, RecursionError) as error:
        raise HostConfused(f"sent what is no message: {line[:80]!r}") from error
    match said:
        case _Point(point, state, at, detail):
            return PointRead(device, point, state, at, detail)
        case _Credential(kind, reference, score, at):
            return CredentialRead(device, kind, reference, at, score)
        case _:
            return said


def one_line(said: str) -> str:
    """Return what a library said as it may stand in a line of a terminal or a log."""
    printable = "".join(letter if letter.isprintable() else " " for letter in said[:MAX_TEXT])
    return " ".join(printable.split())


def _see_that_it_is_recordable(said: Map) -> None:
    """Refuse a map that the record cannot hold."""
    try:
        encode(said)
    except JournalMisused as error:
        raise ValueError(said) from error
