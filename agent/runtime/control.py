"""The daemon's end of the control socket (the protocol stands in `agent.control`)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from msgspec import Struct, field

from agent.control import MAX_LINE

log = logging.getLogger(__name__)

MAX_CLIENTS = 16  # of one user: nobody locks the others out


class SocketUnusable(Exception):
    """The control socket cannot be made; the text says where and what to do."""


class Refused(Exception):
    """A request that is not done; its text goes to the person who asked, `data` beside it."""

    def __init__(self, text: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.data = dict(data or {})


class Raw(Struct, frozen=True):
    """A result or an item that is JSON already; and what stands beside it."""

    json: bytes
    beside: Mapping[str, Any] = field(default_factory=dict)


Result: TypeAlias = Any


class Requests(Protocol):
    """What can be asked, by name: an answer, or a stream of items."""

    def answers(self) -> Mapping[str, Callable[[dict[str, Any], str], Awaitable[Result]]]: ...

    def streams(self) -> Mapping[str, Callable[[dict[str, Any]], AsyncIterator[Result]]]: ...


class ControlServer:
    """Serves the control socket: mode 0660, so its group is who may ask."""

    def __init__(self, path: Path, requests: Requests) -> None:
        self._path = path
        self._answers = requests.answers()
        self._streams = requests.streams()
        self._clients: dict[asyncio.Task[None], int] = {}  # with who each is
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. A socket left by a daemon that was killed is replaced.

        Raises:
            SocketUnusable: its folder is missing or closed to us.
        """
        try:
            self._make_way()
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=MAX_LINE)
            self._path.chmod(0o660)
        except OSError as error:
            remedy = "make its folder and let this user write there, or give another --socket"
            raise SocketUnusable(f"{self._path}: {error.strerror or error}; {remedy}") from error

    async def close(self) -> None:
        """Hang up on everybody and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    def _make_way(self) -> None:
        """Remove the socket of a daemon that is gone, and nothing else."""
        if not self._path.exists():
            return
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(1.0)
            try:
                if not self._path.is_socket() or sock.connect_ex(str(self._path)) == 0:
                    remedy = "give another --socket, or end the daemon that uses this one"
                    raise SocketUnusable(f"{self._path}: is in use; {remedy}")
            except TimeoutError as error:
                raise SocketUnusable(f"{self._path}: somebody hangs there; end it") from error
        self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        uid = _peer_uid(writer)
        if list(self._clients.values()).count(uid) >= MAX_CLIENTS:
            writer.close()
            return
        self._clients[task] = uid
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await self._talk(reader, writer)
        finally:
            del self._clients[task]
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        by = f"uid:{_peer_uid(writer)}"
        while True:
            try:
                line = await reader.readline()
            except ValueError:  # longer than MAX_LINE
                return
            if not line:
                return
            number: Any = None
            try:
                asked = _request(line)
                number = asked.get("id")
                await self._do(asked, by, number, reader, writer)
            except Refused as refusal:
                about = {"data": refusal.data} if refusal.data else {}
                await _say(writer, {"id": number, "error": str(refusal), **about})
            except (ValueError, RecursionError):
                log.exception("a request could not be answered: %.200r", line)
                await _say(
                    writer, {"id": number, "error": "no answer can be made; see the daemon's log"}
                )

    async def _do(
        self,
        asked: dict[str, Any],
        by: str,
        number: Any,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        do = str(asked.get("do"))
        if do in self._streams and (do == "watch" or asked.get("follow")):
            async with _hang_up(reader):
                async for item in self._streams[do](asked):
                    await _answer(writer, number, "item", item)
            await _say(writer, {"id": number, "ok": None})
        elif do in self._answers:
            await _answer(writer, number, "ok", await self._answers[do](asked, by))
        else:
            known = ", ".join(sorted({*self._answers, *self._streams}))
            raise Refused(f"unknown request {do!r}; known: {known}")


def _request(line: bytes) -> dict[str, Any]:
    """Read a line.

    Raises:
        Refused: it is no JSON object.
    """
    with contextlib.suppress(ValueError, RecursionError):
        asked = json.loads(line)
        if isinstance(asked, dict):
            return asked
    raise Refused("that is no request: one JSON object a line")


@contextlib.asynccontextmanager
async def _hang_up(reader: asyncio.StreamReader) -> AsyncIterator[None]:
    """Cancel what is under way when the client closes its end or says anything more."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one

    async def watch() -> None:
        await reader.read(1)
        task.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


async def _answer(writer: asyncio.StreamWriter, number: Any, name: str, result: Result) -> None:
    if isinstance(result, Raw):
        begin = json.dumps({"id": number, **result.beside, name: None})[: -len("null}")].encode()
        await _write(writer, begin + result.json + b"}\n")
    else:
        await _say(writer, {"id": number, name: result})


async def _say(writer: asyncio.StreamWriter, said: dict[str, Any]) -> None:
    await _write(writer, json.dumps(said, separators=(",", ":")).encode() + b"\n")


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send a line in pieces, so that a long one leaves the loop free in between."""
    for begin in range(0, len(data), MAX_LINE):
        writer.write(data[begin : begin + MAX_LINE])
        await writer.drain()


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    """Return who is at the other end (SO_PEERCRED, unix(7): pid, uid, gid)."""
    sock = writer.get_extra_info("socket")
    pid_uid_gid = struct.calcsize("3i")
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, pid_uid_gid)
    return int(struct.unpack("3i", credentials)[1])
