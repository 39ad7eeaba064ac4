"""The daemon's own log: lines for a person, JSON for systemd's journal.

The standard library's handlers for a queue come with sockets, mail and pickle: 1 MiB for years.
"""

from __future__ import annotations

import atexit
import contextlib
import copy
import json
import logging
import os
import queue
import sys
import threading
import time

KEPT = 1000
DRAIN_S = 1.0
PRIORITY = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}  # sd-daemon(3)


class JsonLines(logging.Formatter):
    """One JSON object a line, with sd-daemon's priority prefix."""

    def format(self, record: logging.LogRecord) -> str:
        said = {"logger": record.name, "level": record.levelname, "message": record.getMessage()}
        return f"<{PRIORITY.get(record.levelname, 6)}>{json.dumps(said, ensure_ascii=False)}"


def set_up(*, verbose: bool) -> None:
    """Log to standard error, in the form that whoever reads it wants.

    A thread writes: standard error may be a pipe to a journal whose disk stalls, and the loop
    must not stall with it. What is more than `KEPT` lines behind is dropped.
    """
    handler = logging.StreamHandler(sys.stderr)
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    lines: queue.Queue[logging.LogRecord] = queue.Queue(KEPT)
    threading.Thread(target=_write, args=[lines, handler], name="log", daemon=True).start()
    atexit.register(_drain, lines)
    level = logging.DEBUG if verbose else logging.INFO
    patient = Patient(lines)
    patient.setFormatter(logging.Formatter("%(message)s"))  # the writing thread adds the rest
    logging.basicConfig(level=level, handlers=[patient])


def _drain(lines: queue.Queue[logging.LogRecord]) -> None:
    """Let the last lines out; a pipe that nobody reads is not waited for."""
    deadline = time.monotonic() + DRAIN_S
    while lines.unfinished_tasks and time.monotonic() < deadline:
        time.sleep(0.01)


def _write(lines: queue.Queue[logging.LogRecord], handler: logging.Handler) -> None:
    while True:
        handler.handle(lines.get())
        lines.task_done()


class Patient(logging.Handler):
    """Hands lines to the thread that writes them; never waits for it.

    Args:
        lines: taken from by that thread.
    """

    def __init__(self, lines: queue.Queue[logging.LogRecord]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        said = copy.copy(record)
        try:
            said.msg = self.format(record)  # now: what it is about may be another by then
        except Exception:  # noqa: BLE001 - a line that cannot be written is no reason to stop
            self.handleError(record)
            return
        said.args = said.exc_info = said.exc_text = said.stack_info = None
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(said)
