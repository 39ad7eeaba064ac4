"""Where a desk keeps what it must not forget: one small file, whole at every moment."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Any

from agent.monitor.feed import REMEDY, MemoryUnusable


class Store:
    """One file, held by one process.

    Args:
        path: of the file; made with its folder.

    Raises:
        MemoryUnusable: it cannot be written, or another process has it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = path.with_suffix(path.suffix + ".lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            text = f"another `armoury feed` uses {path}; give this one a --state of its own"
            raise MemoryUnusable(text) from error
        except OSError as error:
            raise MemoryUnusable(f"{path} cannot be used: {error.strerror}") from error

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.close()

    def own(self) -> str:
        """Return what tells this desk from any other: random, made once, nobody's to guess.

        Raises:
            MemoryUnusable: it cannot be kept.
        """
        path = self._path.with_suffix(f"{self._path.suffix}.id")
        try:
            if not path.exists() or not path.stat().st_size:
                fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
                with os.fdopen(fd, "w", encoding="ascii") as file:
                    file.write(secrets.token_hex(8))
            return path.read_text(encoding="ascii")
        except OSError as error:
            raise MemoryUnusable(f"{path} cannot be used: {error.strerror}") from error

    def read(self) -> dict[str, Any] | None:
        """Return what was kept; None when nothing was.

        Raises:
            MemoryUnusable: it cannot be read.
        """
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MemoryUnusable(f"{self._path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise MemoryUnusable(f"{self._path} is damaged: {REMEDY}") from error
        if not isinstance(found, dict):
            raise MemoryUnusable(f"{self._path} is of something else: {REMEDY}")
        return found

    def write(self, memory: dict[str, Any]) -> None:
        """Keep this from now on; it is on the disk when this returns.

        Raises:
            MemoryUnusable: the disk refused; what was kept before still is.
        """
        text = json.dumps(memory)
        if text == self._written:
            return
        half = self._path.with_suffix(self._path.suffix + ".new")
        try:
            with half.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            half.replace(self._path)
        except OSError as error:
            raise MemoryUnusable(f"{self._path} cannot be written: {error.strerror}") from error
        self._written = text
