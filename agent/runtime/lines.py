"""The daemon's end of a host's wire: bytes to messages (see `drivers.host` for the lines)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from msgspec import Struct, field

from agent.journal.canonical import MAX_INT, encode
from agent.journal.errors import JournalMisused
from agent.site.inputs import CredentialRead, Json, Outcome, PointRead, PointState

MAX_LINE = 65_536
MAX_TEXT = 500  # letters of a name or a reason


class HostConfused(Exception):
    """The host says what the protocol does not allow; it is killed for it."""


class Ready(Struct, frozen=True):
    """The hardware answers."""

    identity: Mapping[str, Json]


class Alive(Struct, frozen=True):
    """The hardware was just seen to work; `measured` is for a technician's eyes only."""

    measured: Mapping[str, Json] = field(default_factory=dict)


class Failed(Struct, frozen=True):
    """The driver gave up, with a sentence for a technician.

    Attributes:
        stays: its process lives on, and waits to be told to try again.
    """

    error: str
    reason: str
    stays: bool


class Answered(Struct, frozen=True):
    """How the action with this number ended."""

    id: int
    outcome: Outcome
    reason: str
    data: Mapping[str, Json]


Said: TypeAlias = Ready | Alive | Failed | Answered | PointRead | CredentialRead


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
        said = json.loads(line.decode())
        return _READERS[said["is"]](device, said)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HostConfused(f"sent what is no message: {line[:80]!r}") from error


def _point(device: str, said: dict[str, Any]) -> PointRead:
    state, detail = PointState(said["state"]), _recordable(said["detail"])
    return PointRead(device, _text(said["point"]), state, _since_boot(said["at"]), detail)


def _credential(device: str, said: dict[str, Any]) -> CredentialRead:
    reference, score = said["reference"], said["score"]
    return CredentialRead(
        device,
        _text(said["kind"]),
        None if reference is None else _text(reference),
        _since_boot(said["at"]),
        None if score is None else _whole(score),
    )


def _answered(_device: str, said: dict[str, Any]) -> Answered:
    outcome = Outcome(said["outcome"])
    if outcome is Outcome.CANCELLED:  # the daemon's own word: no driver may take a grant back
        raise ValueError(outcome)
    data = _recordable(said.get("data", {}))
    return Answered(_whole(said["id"]), outcome, _sentence(said["reason"]), data)


def _text(value: object) -> str:
    """Return a name as the record can hold it."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise TypeError(value)
    value.encode()  # half a character (UnicodeEncodeError is a ValueError)
    return value


def _sentence(value: object) -> str:
    """Return what a driver says in words, whatever letters it found on its wire."""
    if not isinstance(value, str):
        raise TypeError(value)
    return value.encode(errors="backslashreplace").decode()[:MAX_TEXT]


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MAX_INT:
        raise TypeError(value)
    return value


def _since_boot(value: object) -> int:
    at_us = _whole(value)
    if at_us < 0:
        raise ValueError(value)
    return at_us


def _recordable(value: Any) -> dict[str, Json]:
    """Return a map that the record can hold."""
    found = dict(value)
    if not found:
        return found
    try:
        encode(found)
    except JournalMisused as error:
        raise ValueError(value) from error
    return found


_READERS: dict[str, Callable[[str, dict[str, Any]], Said]] = {
    "ready": lambda _, said: Ready(_recordable(said["identity"])),
    "alive": lambda _, said: Alive(_recordable(said.get("measured", {}))),
    "failed": lambda _, said: Failed(
        _text(said["error"]), _sentence(said["reason"]), said["stays"] is True
    ),
    "answer": _answered,
    "point": _point,
    "credential": _credential,
}
