"""Talking to a device's simulator: the client of its control channel."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import click

TIMEOUT_S = 10.0  # a clip takes a while to open
DEFAULT_RUN = Path("run/demo")


def default_run() -> Path:
    """Return the folder of a simulated site where none is given: $ARMOURY_RUN, or the demo's."""
    return Path(os.environ.get("ARMOURY_RUN") or DEFAULT_RUN)


def tell(run: Path, device: str, do: str, /, **params: Any) -> Any:
    """Ask the simulator of a device to do something; return its answer.

    Raises:
        ClickException: it refuses, or does not answer.
    """
    path = run / "sim" / f"{device}.sock"
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(TIMEOUT_S)
            sock.connect(str(path))
            sock.sendall(json.dumps({"do": do, **params}).encode() + b"\n")
            with sock.makefile("rb") as lines:
                said = json.loads(lines.readline() or b"{}")
    except (OSError, ValueError) as error:
        start = "start it: armoury simulate start FILE"
        raise click.ClickException(f"no simulator answers at {path} ({error}); {start}") from error
    if "ok" not in said:
        raise click.ClickException(f"{device}: {said.get('error', 'it hung up')}")
    return said["ok"]
