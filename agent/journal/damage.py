"""Damage that is met while the record is in use.

An opening looks at the end of a record only, and what is open cannot be succeeded. So what is met
later is noted beside the record, and the next opening succeeds it. The note names the record:
nothing else that lies there by then is taken for it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from agent.journal import last

NAME = "journal.damaged"


def note(folder: Path, log: str, found: str) -> None:
    """Note what was found in the record `log`, in a sentence."""
    last.remember(folder, f"{log}\n{found}\n", NAME)


def noted(folder: Path, log: str) -> str | None:
    """Return what was found in the record `log`; None: nothing, or in one that is set aside."""
    path = folder / NAME
    with contextlib.suppress(OSError, UnicodeDecodeError):
        name, _, found = path.read_text(encoding="utf-8").partition("\n")
        if name == log:
            return found.strip()
        path.unlink()
    return None
