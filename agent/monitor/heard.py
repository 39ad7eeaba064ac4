"""One message of the feed, taken apart. Whatever it holds, either it is understood or refused."""

from __future__ import annotations

import re
import zlib
from typing import Any, TypeVar

from msgspec import Struct
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from agent.journal.canonical import encode
from agent.journal.errors import JournalMisused
from agent.uplink.feed import ROOT, Event, Payload, UnrecordedEvent

P = TypeVar("P", bound=BaseModel)

INFLATED_MOST = 16 << 20  # bytes; a batch is 200 events of 64 KiB at the very most
_TOPIC = re.compile(rf"{re.escape(ROOT)}/([a-z0-9-]{{1,32}})/(.+)")


class Unreadable(Exception):
    """A message is not what its topic promises; the text says in what."""


class Heard(Struct, frozen=True):
    """One message.

    Attributes:
        site: whose.
        topic: below the site: "event/alarm".
        payload: as it came.
        retained: kept by the broker from before.
        again: delivered once before, perhaps.
    """

    site: str
    topic: str
    payload: bytes
    retained: bool = False
    again: bool = False


class Told(Struct, frozen=True):
    """One event as it was told; `body` is what its leaf is made of."""

    event: dict[str, Any]
    body: bytes

    @property
    def seq(self) -> int:
        return int(self.event["seq"])


class Batch(Struct, frozen=True):
    """The events of one message.

    Attributes:
        events: in order.
        answers: on `event/repeat`: the numbers for which it answers.
        historical: whether they had to wait.
    """

    events: tuple[Told, ...]
    answers: tuple[int, int] | None = None
    historical: bool = False


def heard(
    topic: str, payload: bytes, *, retained: bool = False, again: bool = False
) -> Heard | None:
    """Return a message with its topic taken apart; None: it is of no site's feed."""
    found = _TOPIC.fullmatch(topic)
    return Heard(found[1], found[2], payload, retained, again) if found else None


def parsed(shape: type[P], payload: bytes) -> P:
    """Read a JSON payload.

    Raises:
        Unreadable: it is not of this shape.
    """
    try:
        return shape.model_validate_json(payload, strict=True)
    except ValidationError as error:
        raise Unreadable(_why(error)) from error


def text(payload: bytes) -> str:
    """Read a text payload.

    Raises:
        Unreadable: it is no text.
    """
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("it is not UTF-8") from error


def unrecorded(payload: bytes) -> dict[str, Any]:
    """Read an alarm that has no number yet.

    Raises:
        Unreadable: it is none.
    """
    return _event(UnrecordedEvent, _json(payload)).event


def batch(payload: bytes, *, repeat: bool) -> Batch:
    """Read the events of one message, compressed or not.

    Raises:
        Unreadable: it holds none, or something else besides.
    """
    said = _json(payload if payload[:1] == b"{" else _inflated(payload))
    if not isinstance(said, dict) or "events" not in said:
        return Batch((_event(Event, said),))
    several = said["events"]
    ends = said.get("first"), said.get("last")
    if not isinstance(several, list) or not all(type(end) is int for end in ends):
        raise Unreadable("a batch needs its events, first and last")
    events = tuple(_event(Event, one) for one in several)
    if [one.seq for one in events] != sorted({one.seq for one in events}):
        raise Unreadable("the numbers of a batch do not rise")
    first, last = int(ends[0] or 0), int(ends[1] or 0)
    if last < first:
        raise Unreadable("a batch ends before it begins")
    if any(not first <= one.seq <= last for one in events):
        raise Unreadable("a batch holds events outside of its numbers")
    return Batch(events, (first, last) if repeat else None, bool(said.get("historical")))


def _event(shape: type[Payload], said: Any) -> Told:
    try:
        shape.model_validate(said, strict=True)
        return Told(said, encode(said))
    except ValidationError as error:
        raise Unreadable(_why(error)) from error
    except JournalMisused as error:
        raise Unreadable(f"no record holds such an event: {error}") from error


def _json(payload: bytes) -> Any:
    try:
        return from_json(payload)
    except ValueError as error:
        raise Unreadable("it is not JSON") from error


def _inflated(payload: bytes) -> bytes:
    try:
        unzip = zlib.decompressobj()
        found = unzip.decompress(payload, INFLATED_MOST)
    except zlib.error as error:
        raise Unreadable("it is neither JSON nor compressed") from error
    if not unzip.eof or unzip.unused_data:
        raise Unreadable("it is cut off, or too large")
    return found


def _why(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]
