"""What the control socket answers: the present, the record, and commands to the site."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from agent.config.mistakes import SiteFileMistakes
from agent.journal.canonical import encode
from agent.journal.errors import JournalError, JournalMisused
from agent.journal.journal import Journal
from agent.journal.record import Recorded
from agent.runtime.control import Raw, Refused
from agent.runtime.local import LocalRecord
from agent.site.step import Answer

T = TypeVar("T")

COMMAND_BYTES = 8_192
COMMAND_PACE_S = 0.02  # 50 a second at most: each one is recorded, also when it is refused
ANSWER_S = 4.0  # a command's record should long be on disk
SHOWN_AT_MOST_EVERY_S = 0.25
MOST_EVENTS = 10_000
QUEUE = 1_000


class House(Protocol):
    """The daemon, as requests need it."""

    def status(self) -> dict[str, Any]: ...

    def people(self) -> list[dict[str, Any]]: ...

    def command(self, name: str, params: Mapping[str, Any], by: str) -> str: ...

    def overflows(self) -> bool:
        """Return whether more waits for the record than can wait."""

    async def reload(self, by: str) -> str:
        """Offer the site file to the site anew; return the id that its answer will bear.

        Raises:
            SiteFileMistakes: it cannot be used.
        """

    async def read(self, work: Callable[[Journal], T]) -> T:
        """Have the record read off the loop."""


class HouseRequests:
    """Answers people; told of everything that changes.

    Args:
        house: what is asked.
        local: how the record is shown on site.
    """

    def __init__(self, house: House, local: LocalRecord) -> None:
        self._house = house
        self._local = local
        self._changed: asyncio.Event | None = None  # there is one while somebody watches
        self._followers: set[asyncio.Queue[Recorded]] = set()
        self._asked: dict[str, asyncio.Future[Answer]] = {}
        self._one_command = asyncio.Lock()

    def answers(self) -> Mapping[str, Callable[[dict[str, Any], str], Awaitable[Any]]]:
        return {
            "status": self._status,
            "people": self._people,
            "events": self._events,
            "command": self._command,
            "reload": self._reload,
        }

    def streams(self) -> Mapping[str, Callable[[dict[str, Any]], AsyncIterator[Any]]]:
        return {"watch": self._watch, "events": self._follow}

    def changed(self) -> None:
        """Wake those who watch."""
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def recorded(self, rows: tuple[Recorded, ...]) -> None:
        """Hand new rows to those who follow; who cannot keep up is cut off."""
        for follower in list(self._followers):
            try:
                for row in rows:
                    follower.put_nowait(row)
            except asyncio.QueueFull:
                self._followers.discard(follower)
        self.changed()

    def answered(self, answer: Answer) -> None:
        """Take the site's answer to a command; nobody may be waiting any more."""
        asked = self._asked.pop(answer.command, None)
        if asked is not None and not asked.done():
            asked.set_result(answer)

    async def _status(self, _asked: dict[str, Any], _by: str) -> dict[str, Any]:
        return self._house.status()

    async def _people(self, _asked: dict[str, Any], _by: str) -> list[dict[str, Any]]:
        return self._house.people()

    async def _watch(self, _asked: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        while True:
            changed = self._changed = self._changed or asyncio.Event()
            yield self._house.status()
            await changed.wait()
            await asyncio.sleep(SHOWN_AT_MOST_EVERY_S)

    async def _command(self, asked: dict[str, Any], by: str) -> dict[str, Any]:
        name, params = asked.get("name"), asked.get("params", {})
        if not isinstance(name, str) or not isinstance(params, dict):
            raise Refused("a command has a name and params")
        if not _recordable({"name": name, "params": params}):
            raise Refused(f"a command is at most {COMMAND_BYTES} bytes of plain text and integers")
        if self._house.overflows():
            raise Refused("the record cannot be written, and no more can wait for it; see: status")
        async with self._one_command:
            await asyncio.sleep(COMMAND_PACE_S)
        return await self._end_of(self._house.command(name, params, by))

    async def _reload(self, _asked: dict[str, Any], by: str) -> dict[str, Any]:
        try:
            command = await self._house.reload(by)
        except SiteFileMistakes as error:
            told = {"mistakes": [str(mistake) for mistake in error.mistakes]}
            raise Refused("mistakes", told) from error
        return await self._end_of(command)

    async def _end_of(self, command: str) -> dict[str, Any]:
        """Wait for the site's answer to what was asked of it just now."""
        waiting = asyncio.get_running_loop().create_future()
        self._asked[command] = waiting
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await waiting
        except TimeoutError:
            raise Refused("no answer yet: the disk may be slow; see: armoury status") from None
        finally:
            self._asked.pop(command, None)
        if not answer.accepted:
            raise Refused(answer.reason, answer.data)
        return {"command": command, **answer.data}

    async def _events(self, asked: dict[str, Any], _by: str) -> Raw:
        filters = _filters(asked)

        def answer(journal: Journal) -> Raw:
            shown, beside = self._shown(journal, filters)
            return Raw(_dumps([event for _, event in shown]), beside)

        return await self._read(answer)

    async def _read(self, work: Callable[[Journal], T]) -> T:
        try:
            return await self._house.read(work)
        except JournalError as error:
            raise Refused(f"the record cannot be read: {error}") from error

    async def _follow(self, asked: dict[str, Any]) -> AsyncIterator[Any]:
        filters = _filters(asked)
        queue: asyncio.Queue[Recorded] = asyncio.Queue(QUEUE)
        self._followers.add(queue)
        try:
            last = 0
            shown, beside = await self._read(lambda journal: self._shown(journal, filters))
            for seq, event in shown:
                last = seq
                yield event
            if beside:  # told before what follows, which may be long in coming
                yield Raw(b"null", beside)
            while queue in self._followers or not queue.empty():
                row = await queue.get()
                new = self._local.shown(row)
                if row.seq > last and new and _matches(new, filters):
                    yield new
        finally:
            self._followers.discard(queue)
        raise Refused("you read too slowly and were cut off; ask again with after")

    def _shown(
        self, journal: Journal, filters: Mapping[str, Any]
    ) -> tuple[list[tuple[int, dict[str, Any]]], dict[str, Any]]:
        """Return the events that fit with their recorded numbers, in order; and what is damaged.

        The latter as it stands beside an answer: nothing where nothing is.

        What the loop has not been told of yet is left out; followers get it from there. As many
        more are asked for as are hidden, so that not even their number shows.
        """
        limit = filters["limit"]
        wanted = {**filters, "limit": limit + self._local.hidden}
        if "after" in wanted:
            wanted["after"] = self._local.recorded_number(wanted["after"])
        intact = journal.intact()
        rows = [row for row in intact.query(**wanted) if row.seq <= self._local.upto]
        shown = [(row.seq, event) for row in rows if (event := self._local.shown(row))][:limit]
        newest_first = filters.get("newest_first", False)
        damaged = self._local.shown_spans(intact.damaged)
        if len(shown) == limit > 0:  # what lies beyond the last one is not left out
            edge = shown[-1][1]["seq"]
            damaged = tuple((a, b) for a, b in damaged if (b > edge if newest_first else a < edge))
        beside = {"damaged": damaged} if damaged else {}
        return shown[::-1] if newest_first else shown, beside


_FILTERS: dict[str, type] = {
    "after": int,
    "limit": int,
    "kind": str,
    "severity": str,
    "object": str,
    "since_us": int,
    "until_us": int,
    "newest_first": bool,
}


def _filters(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the filters of an `events` request.

    Raises:
        Refused: one is of the wrong type or out of its bounds.
    """
    filters = {key: asked[key] for key in _FILTERS if asked.get(key) is not None}
    for key, value in filters.items():
        if type(value) is not _FILTERS[key]:
            raise Refused(f"{key} must be {_FILTERS[key].__name__}")
        if not _recordable({"value": value}):
            raise Refused(f"{key}: {value!r} is out of all bounds")
    limit = filters.setdefault("limit", 50)
    if not 0 <= limit <= MOST_EVENTS:
        raise Refused(f"limit must be 0 to {MOST_EVENTS}; ask for the rest with after")
    return filters


def _matches(event: dict[str, Any], filters: Mapping[str, Any]) -> bool:
    if event["at"] < filters.get("since_us", event["at"]):
        return False
    return all(
        event[key] == filters[key] for key in ("kind", "severity", "object") if key in filters
    )


def _recordable(value: dict[str, Any]) -> bool:
    """Return whether the record could hold it, and it is of a sensible size."""
    try:
        return len(encode(value)) <= COMMAND_BYTES
    except JournalMisused:
        return False


def _dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
