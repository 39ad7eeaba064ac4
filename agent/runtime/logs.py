"""The daemon's own log: lines for a person, JSON for systemd's journal."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import queue
import sys
import time
from logging.handlers import QueueHandler, QueueListener

KEPT = 1000
DRAIN_S = 1.0
PRIORITY = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}  # sd-daemon(3)


class JsonLines(logging.Formatter):
    """One JSON object a line, with sd-daemon's priority prefix."""

    def format(self, record: logging.LogRecord) -> str:
        said = {"logger": record.name, "level": record.levelname, "message": record.getMessage()}
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
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
    QueueListener(lines, handler).start()
    atexit.register(_drain, lines)
    level = logging.DEBUG if verbose else logging.INFO
    patient = Patient(lines)
    patient.setFormatter(logging.Formatter("%(message)s"))  # the writing thread adds the rest
    logging.basicConfig(level=level, handlers=[patient])


def _drain(lines: queue.Queue[logging.LogRecord]) -> None:
    """Let the last lines out; a pipe that nobody reads is not waited for."""
    deadline = time.monotonic() + DRAIN_S
    while not lines.empty() and time.monotonic() < deadline:
        time.sleep(0.01)


class Patient(QueueHandler):
    """Hands lines to the thread that writes them; never waits for it."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):
            self.queue.put_nowait(record)
