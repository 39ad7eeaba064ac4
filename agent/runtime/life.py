"""How long the daemon lives, and why it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

OURS = "a fault of our own"


class Life:
    """Runs what the daemon is made of; where any of it fails, all of it ends.

    Args:
        loop: whose callbacks are among it.

    Attributes:
        why: why it ends, as the record will say.
        crash: what failed; None while nothing has.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.why = "asked to stop"
        self.crash: BaseException | None = None
        self._loop = loop
        self._over = asyncio.Event()
        loop.set_exception_handler(self._callback_failed)

    def end(self, why: str, crash: BaseException | None = None) -> None:
        """Let it end, for this reason."""
        self.why = why
        self.crash = crash or self.crash
        self._over.set()

    async def over(self) -> None:
        """Wait for the end."""
        await self._over.wait()

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something for as long as the daemon runs."""
        task = self._loop.create_task(work)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (crash := task.exception()) is not None:
            self.end(OURS, crash)

    def _callback_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """End for a callback that fails: half a turn must not be lived on with."""
        loop.default_exception_handler(context)
        if "handle" in context and context.get("exception") is not None:
            self.end(OURS, context["exception"])
