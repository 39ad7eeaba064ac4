"""What a thread has to say, on its way to the loop, in fewer calls than asyncio's own way."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Mailbox:
    """Hands words over to the loop, in their order, for as long as the process lives."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._words: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._flag = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        loop.add_reader(self._flag, self._look)

    def to(self, take: Callable[[T], None]) -> Callable[[T], None]:
        """Return what may be called from any thread, to have `take` called on the loop."""
        words, flag = self._words, self._flag

        def told(word: T) -> None:
            words.append((take, word))
            os.eventfd_write(flag, 1)

        return told

    def _look(self) -> None:
        # The flag is lowered afterwards: that lets go of the interpreter, which whoever has raised
        # it wants too, and would keep the loop waiting for.
        try:
            while self._words:
                take, word = self._words.popleft()
                take(word)
        finally:
            os.eventfd_read(self._flag)
            if self._words:  # said meanwhile, or one word failed: they are for the next turn
                os.eventfd_write(self._flag, 1)
