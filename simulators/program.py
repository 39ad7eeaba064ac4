"""A simulator's program on one serial line: an event loop, the line, the control channel."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from simulators.control import ControlServer, Json, Verb, until_stopped
from simulators.line_bench import LineBench
from simulators.serial_line import Frames, Line, Module

T = TypeVar("T")


class Program:
    """An event loop in a thread of its own, which alone touches the module and its line."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="line")

    def __enter__(self) -> Program:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, what: Callable[[], T]) -> T:
        """Do something on the loop's thread; return its result."""

        async def done() -> T:
            return what()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result()

    def there(self, verb: Verb) -> Verb:
        """Return the same verb, done on the loop's thread."""

        @functools.wraps(verb)
        def done(asked: dict[str, Any]) -> Json:
            return self.do(lambda: verb(asked))

        return done


def serve(
    link: Path, control: Path, module: Module, frames: Frames, bench: Callable[[Line], LineBench]
) -> None:
    """Plug a module in and serve its control channel until SIGTERM."""
    with Program() as program, contextlib.ExitStack() as ends:
        line = program.do(lambda: Line(link, module, frames))
        ends.callback(program.do, line.unplug)
        program.do(line.plug)
        verbs = {name: program.there(verb) for name, verb in bench(line).verbs().items()}
        server = ControlServer(control, verbs)
        server.start()
        ends.callback(server.close)
        until_stopped(f"listening on {link}")
