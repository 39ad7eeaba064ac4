"""The daemon's own log: lines for a person, JSON for systemd's journal."""

from __future__ import annotations

import json
import logging
import os
import sys

PRIORITY = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}  # sd-daemon(3)


class JsonLines(logging.Formatter):
    """One JSON object a line, with sd-daemon's priority prefix."""

    def format(self, record: logging.LogRecord) -> str:
        said = {"logger": record.name, "level": record.levelname, "message": record.getMessage()}
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return f"<{PRIORITY.get(record.levelname, 6)}>{json.dumps(said, ensure_ascii=False)}"


def set_up(*, verbose: bool) -> None:
    """Log to standard error, in the form that whoever reads it wants."""
    handler = logging.StreamHandler(sys.stderr)
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
