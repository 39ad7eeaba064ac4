"""A simulated ZFM-20 / R30x fingerprint module on a pseudo-terminal.

    python -m simulators.zfm --link PATH --control PATH [--templates 1,2,3] [--capacity 162]
                             [--password N] [--store FILE]

Position N of `--templates` holds the finger named "N". Over the control channel fingers are
laid, and the module is made to misbehave; its verb `help` says how.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from simulators.control import SimulatorError
from simulators.program import serve
from simulators.zfm_bench import Bench
from simulators.zfm_finger import Window
from simulators.zfm_frame import FrameReader
from simulators.zfm_memory import Memory
from simulators.zfm_module import Module


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
    serve(asked.link, asked.control, module, FrameReader(), lambda line: Bench(line, module))


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
