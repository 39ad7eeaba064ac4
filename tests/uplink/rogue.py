"""A broker of the test's making, on a real socket: polite until told otherwise."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType

from msgspec import Struct

from agent.uplink.options import PathOptions

CONNACK = bytes([0x20, 0x03, 0x00, 0x00, 0x00])


def connack(*properties: int) -> bytes:
    """Return the acceptance of a connection, with properties as they travel."""
    return bytes([0x20, 3 + len(properties), 0, 0, len(properties), *properties])


def puback(mid: int, code: int = 0) -> bytes:
    """Return the answer to a message."""
    return bytes([0x40, 3, mid >> 8, mid & 255, code])


def disconnect(code: int) -> bytes:
    """Return how a broker ends a connection."""
    return bytes([0xE0, 2, code, 0])


class Published(Struct, frozen=True):
    """One message as it came.

    Attributes:
        connection: over which, from 1.
        at_s: of the loop's clock.
    """

    connection: int
    topic: str
    mid: int
    payload: bytes
    at_s: float


def polite(one: Published) -> bytes:
    """Take everything."""
    return puback(one.mid)


class Rogue:
    """An MQTT 5 broker that has nobody to pass anything on to; an async context.

    Attributes:
        answer: returns what is sent back for a message.
        hello: is sent back for CONNECT.
        deaf: subscriptions are not answered.
        came: everything that was published.
        calls: when each connection was opened, of the loop's clock.
    """

    def __init__(
        self, answer: Callable[[Published], bytes] = polite, hello: bytes = CONNACK
    ) -> None:
        self.answer = answer
        self.hello = hello
        self.deaf = False
        self.came: list[Published] = []
        self.calls: list[float] = []
        self.writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Rogue:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for writer in self.writers:
            writer.close()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()

    def path(self, id: str = "fibre", **more: object) -> PathOptions:
        """Return the options that reach it."""
        options = PathOptions(id=id, host="127.0.0.1", port=self.port)
        return options.model_copy(update=more)

    def topics(self) -> list[str]:
        """Return what was published to, below the site."""
        return [one.topic.split("/", 3)[3] for one in self.came]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(task := asyncio.current_task())  # type: ignore[arg-type]
        self.calls.append(asyncio.get_running_loop().time())
        self.writers.append(writer)
        number = len(self.calls)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                if answer := self._answer(number, *await _packet(reader)):
                    writer.write(answer)
        writer.close()
        self._tasks.discard(task)

    def _answer(self, connection: int, kind: int, body: bytes) -> bytes:
        match kind >> 4:
            case 1:
                return self.hello
            case 3:
                one = _published(connection, body)
                self.came.append(one)
                return self.answer(one)
            case 8 if not self.deaf:
                topics = body[3:].count(b"armoury/")
                return bytes([0x90, 3 + topics, *body[:2], 0, *[1] * topics])
            case 10:
                topics = body[3:].count(b"armoury/")
                return bytes([0xB0, 3 + topics, *body[:2], 0, *[0] * topics])
            case 12:
                return bytes([0xD0, 0])
        return b""


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 127) << shift
        if byte < 128:
            return kind, await reader.readexactly(size)
        shift += 7


def _published(connection: int, body: bytes) -> Published:
    end = 2 + int.from_bytes(body[:2], "big")
    mid = int.from_bytes(body[end : end + 2], "big")
    after = end + 3 + body[end + 2]  # the properties are short
    now_s = asyncio.get_running_loop().time()
    return Published(connection, body[2:end].decode(), mid, body[after:], now_s)
