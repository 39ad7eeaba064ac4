"""The control socket's protocol, and its client: how every local command reaches the daemon.

A Unix stream socket, one JSON object a line; a request's has at most `MAX_LINE` bytes.

    → {"id": 1, "do": "status", ...parameters}
    ← {"id": 1, "ok": <result>}            or  {"id": 1, "error": "what happened, what to do"},
                                            with "data" where there is more to it
                                            (beside "ok" or "item": "damaged", see `events`)
    ← {"id": 1, "item": <one>} ...          for a request that streams ("follow": true); it
                                            ends with "ok", or when the client hangs up

Requests: `status` (the whole site as it is now), `people` (who is known), `events` (`after`,
`limit`, `kind`, `severity`, `object`, `since_us`, `follow`; oldest first, and with
`newest_first` it is the newest that `limit` leaves; what is damaged is left out, and beside the
answer `damaged` has its numbers, as pairs of first and last; in a stream beside an item that is
null, before what follows), `watch` (streams `status` on every change) and `command` (`name`,
`params`: asked of the site, see `agent.site.commands`).
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DEFAULT_SOCKET = Path("/run/armoury/control.sock")
MAX_LINE = 65_536  # bytes of a request; an answer may be longer
LOOKING = frozenset({"status", "people", "events", "watch"})  # these change nothing
PERHAPS = (
    "; what was asked may be done all the same: "
    "when a daemon answers, look (`armoury events`) before you ask again"
)


class ControlError(Exception):
    """Base of what can go wrong between a command and the daemon."""


class DaemonAbsent(ControlError):
    """No daemon answers at the socket."""


class RequestRefused(ControlError):
    """The daemon answered that it will not; `data` is what it says besides."""

    def __init__(self, text: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.data = dict(data or {})


def socket_path(given: Path | None) -> Path:
    """Return where the daemon listens: as given, by $ARMOURY_SOCKET, or the default."""
    return given or Path(os.environ.get("ARMOURY_SOCKET") or DEFAULT_SOCKET)


class Client:
    """One connection to the daemon; blocking.

    Args:
        path: the socket.
        timeout_s: for connecting and for each answer; None waits for ever.

    Attributes:
        beside: what stood beside the last result or item.
    """

    def __init__(self, path: Path, timeout_s: float | None = 5.0) -> None:
        self._path, self._timeout_s = path, timeout_s
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(timeout_s)
        try:
            self._sock.connect(str(path))
        except OSError as error:
            self._sock.close()
            raise DaemonAbsent(_absent(path, error)) from error
        self._lines = self._sock.makefile("rb")
        self._ids = iter(range(1, 2**31))
        self.beside: Mapping[str, Any] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._sock.close()

    def ask(self, do: str, **params: Any) -> Any:
        """Send one request and return its result.

        Raises:
            RequestRefused: the daemon says no, and why; or the request is too long for it.
            DaemonAbsent: it went away before it answered, or is none; the text says whether it may
                do what was asked all the same.
        """
        *_, result = self.stream(do, **params)
        return result

    def stream(self, do: str, **params: Any) -> Iterator[Any]:
        """Send one request and yield what comes; the last one is its result, if it has any."""
        number = next(self._ids)
        request = json.dumps({"id": number, "do": do, **params}).encode() + b"\n"
        if len(request) > MAX_LINE:
            size = len(request)
            raise RequestRefused(f"a request has at most {MAX_LINE} bytes, this one has {size}")
        perhaps = ""
        try:
            self._sock.sendall(request)
            perhaps = "" if do in LOOKING else PERHAPS  # the daemon has it
            for line in self._lines:
                said = self._said(line)
                if "error" in said:
                    raise RequestRefused(said["error"], said.get("data"))
                self.beside = said
                if "item" not in said:
                    yield said["ok"]
                    return
                yield said["item"]
        except TimeoutError as error:
            raise DaemonAbsent(
                f"the daemon at {self._path} has said nothing for {self._timeout_s:g} s; "
                f"see: sudo journalctl -u armoury-agent{perhaps}"
            ) from error
        except OSError as error:
            raise DaemonAbsent(f"the daemon went away: {error.strerror}{perhaps}") from error
        raise DaemonAbsent(f"the daemon went away before it answered{perhaps}")

    def _said(self, line: bytes) -> dict[str, Any]:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or said.keys().isdisjoint(("ok", "item", "error")):
            raise DaemonAbsent(
                f"what answers at {self._path} is not armoury's daemon; "
                "give the daemon's socket with --socket"
            )
        return said


def _absent(path: Path, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"{path}: not allowed; join the group armoury, or use sudo"
    return (
        f"no daemon answers at {path}; start it with `sudo systemctl start armoury-agent` "
        "(`sudo journalctl -u armoury-agent` says why it ended), or give its socket with --socket"
    )
