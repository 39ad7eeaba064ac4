"""A simulated OSDP v2 reader with keypad and card reader on a pseudo-terminal.

    python -m simulators.osdp --link PATH --control PATH [--address 0] [--baud 9600]
                              [--key FILE] [--store FILE]

Without a key it is new from the shop and has the default one. Over the control channel keys are
pressed and cards shown, and the line is made to misbehave; its verb `help` says how.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from simulators.control import SimulatorError
from simulators.osdp_bench import Bench
from simulators.osdp_frame import FrameReader
from simulators.osdp_reader import Reader
from simulators.program import serve


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM."""
    asked = _parser().parse_args(arguments)
    try:
        reader = _reader(asked)
        serve(asked.link, asked.control, reader, FrameReader(), lambda line: Bench(line, reader))
    except (SimulatorError, ValueError, OSError) as error:
        sys.stderr.write(f"osdp: {error}\n")
        return 1
    return 0


def _reader(asked: argparse.Namespace) -> Reader:
    """Return a reader whose key outlives it, as in a real one's flash."""
    reader = Reader(asked.address, asked.baud)
    kept = asked.store if asked.store and asked.store.exists() else asked.key
    if kept:
        reader.key = bytes.fromhex(kept.read_text().strip())
    if asked.store:
        reader.keep = lambda: _write(asked.store, reader.key)
    return reader


def _write(store: Path, key: bytes) -> None:
    store.write_text(key.hex() + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="osdp", description="A simulated OSDP reader.")
    add = parser.add_argument
    add("--link", type=Path, required=True, help="name of the port that is made")
    add("--control", type=Path, required=True, help="control socket that is made")
    add("--address", type=int, default=0, help="its address on the bus (0)")
    add("--baud", type=int, default=9600, help="its speed (9600)")
    add("--key", type=Path, help="file with its key, 32 hexadecimal digits")
    add("--store", type=Path, help="file that is its flash; wins over --key")
    return parser


if __name__ == "__main__":
    sys.exit(main())
