"""A simulated ZFM-20 / R30x fingerprint module on a pseudo-terminal.

    python -m simulators.zfm --link PATH --control PATH [--templates 1,2,3] [--capacity 162]
                             [--password N] [--store FILE]

Position N of `--templates` holds the finger named "N". Over the control channel fingers are
laid, and the module is made to misbehave; its verb `help` says how.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from simulators.control import ControlServer, Json, SimulatorError, Verb, until_stopped
from simulators.zfm_bench import Bench
from simulators.zfm_finger import Window
from simulators.zfm_line import Line
from simulators.zfm_memory import Memory
from simulators.zfm_module import Module

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


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM."""
    asked = _parser().parse_args(arguments)
    try:
        run(asked)
    except (SimulatorError, ValueError, OSError) as error:
        sys.stderr.write(f"zfm: {error}\n")
        return 1
    return 0


def run(asked: argparse.Namespace) -> None:
    """Plug the module in and serve the control channel until SIGTERM."""
    memory = _memory(asked)
    module = Module(memory, Window(), _saving(asked, memory))
    with Program() as program, contextlib.ExitStack() as ends:
        line = program.do(lambda: Line(asked.link, module))
        ends.callback(program.do, line.unplug)
        program.do(line.plug)
        bench = Bench(line)
        verbs = {name: program.there(verb) for name, verb in bench.verbs().items()}
        control = ControlServer(asked.control, verbs)
        control.start()
        ends.callback(control.close)
        until_stopped(f"listening on {asked.link}")


def _memory(asked: argparse.Namespace) -> Memory:
    if asked.store and asked.store.exists():
        return Memory.load(asked.store)
    memory = Memory(capacity=asked.capacity, password=asked.password)
    memory.enrol(asked.templates)
    return memory


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zfm", description="A simulated fingerprint module.")
    add = parser.add_argument
    add("--link", type=Path, required=True, help="name of the port that is made")
    add("--control", type=Path, required=True, help="control socket that is made")
    add("--templates", type=_positions, default="1,2,3", help="positions in use (1,2,3)")
    add("--capacity", type=int, default=162, help="how many templates it holds (162)")
    add("--password", type=lambda text: int(text, 0), default=0, help="the module's password (0)")
    add("--store", type=Path, help="file that is the module's flash; wins over what is given here")
    return parser


def _positions(text: str) -> list[int]:
    return [int(position) for position in text.split(",") if position]


def _saving(asked: argparse.Namespace, memory: Memory) -> Callable[[], None]:
    return (lambda: memory.save(asked.store)) if asked.store else (lambda: None)


if __name__ == "__main__":
    sys.exit(main())
