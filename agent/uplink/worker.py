"""One thread for what may block: connecting, and reading a journal on a card that stalls."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """Does one piece of work after the other, in a daemon thread of its own.

    Unlike an executor's, its thread holds up nobody's exit: work that hangs (a name server, a
    stalled card) is left behind. All methods are the loop's.
    """

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        self._name = name
        self.loop = loop
        self._jobs: queue.SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None]
        self._jobs = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Have `work` done; its result or its exception becomes the future's."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        future: asyncio.Future[T] = self.loop.create_future()
        self._jobs.put((future, work))
        return future

    def stop(self) -> None:
        """Let the thread end after what it is doing; does not wait for it."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, work = job
            if future.cancelled():
                continue
            try:
                done = _settle(future, future.set_result, work())
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the caller's
                done = _settle(future, future.set_exception, error)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self.loop.call_soon_threadsafe(done)


def _settle(
    future: asyncio.Future[Any], settle: Callable[[Any], None], value: object
) -> Callable[[], None]:
    def done() -> None:
        if not future.done():
            settle(value)

    return done
