"""lgpio, the library of a Raspberry Pi's own pins and buses. For drivers that use it."""

from __future__ import annotations

import contextlib
import tempfile
from typing import Any


def lgpio() -> Any:
    """Load lgpio and return it.

    At its import it makes a FIFO in the current folder, whose name is the same in every process,
    and opens it (lgpio 0.2.2.0, `lgNotifyOpen`). A daemon's current folder is `/`, and read-only:
    so it has a folder of its own for that moment. The FIFO is not needed once it is open.

    Raises:
        ModuleNotFoundError: it is not installed.
        OSError: no folder can be made.
    """
    with tempfile.TemporaryDirectory(prefix="armoury-pins-") as folder, contextlib.chdir(folder):
        import lgpio

    return lgpio
