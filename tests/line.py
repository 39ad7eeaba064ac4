"""A TCP line of the tests' own, which can become a black hole: open, and nothing passes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType


class Line:
    """To a port on loopback; on the loop of whoever enters it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._passes = asyncio.Event()
        self._passes.set()
        self._serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Line:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        self.mend()
        for writer in self._serving.values():
            writer.close()
        if self._serving:
            await asyncio.wait([*self._serving], timeout=5)
        await self._server.wait_closed()

    def swallow(self) -> None:
        self._passes.clear()

    def mend(self) -> None:
        self._passes.set()

    async def _serve(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving[task] = near_out
        try:
            far, far_out = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            near_out.close()
            return
        await asyncio.gather(self._pass(near, far_out), self._pass(far, near_out))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._passes.wait()
                writer.write(data)
                await writer.drain()


@contextlib.contextmanager
def line_to(port: int) -> Iterator[tuple[int, Callable[[], object], Callable[[], object]]]:
    """Run a line in a thread; yield its port, and what has it swallow and mend."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="line")
    thread.start()

    line = Line(port)
    asyncio.run_coroutine_threadsafe(line.__aenter__(), loop).result(60)
    try:
        yield (
            line.port,
            partial(loop.call_soon_threadsafe, line.swallow),
            partial(loop.call_soon_threadsafe, line.mend),
        )
    finally:
        asyncio.run_coroutine_threadsafe(line.__aexit__(None, None, None), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()
