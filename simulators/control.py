"""The control channel of every simulator: how a person, a test or a scenario moves it.

A Unix stream socket, one JSON object a line, answered in order:

    → {"do": "<verb>", ...parameters}
    ← {"ok": <result>}   or   {"error": "what happened, what to do"}

Every simulator has the verb `help`. A program with a control channel prints one line when it
is ready and ends with status 0 on SIGTERM: see `until_stopped`.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Verb: TypeAlias = Callable[[dict[str, Any]], Json]

ANSWER_S = 30.0  # a scene takes its time to be drawn, on a busy machine
LONGEST_LINE = 1 << 20  # bytes; a longer one is no request


# One error: whatever goes wrong between a person and a simulator, said in one sentence. A verb
# raises it to refuse; `tell` raises it for the refusal, and where nobody answers.
class SimulatorError(Exception):
    """The simulator refuses, or is not there."""


class ControlServer:
    """Answers a simulator's control channel in threads of its own.

    Verbs are called one at a time, with the request's parameters. One may raise
    `SimulatorError` with a sentence; a missing parameter (`KeyError`) and an unfit one
    (`ValueError`, `TypeError`) are answered as errors too.

    Args:
        path: where the socket is made; a stale one is removed.
        verbs: what can be asked, by name; the docstrings are the help.
    """

    def __init__(self, path: Path | str, verbs: Mapping[str, Verb]) -> None:
        self._path = Path(path)
        self._verbs = {**verbs, "help": self._help}
        self._one_at_a_time = threading.Lock()
        self._clients: set[socket.socket] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._thread = threading.Thread(target=self._accept, name="control", daemon=True)

    def start(self) -> None:
        """Listen from now on.

        Raises:
            SimulatorError: the socket cannot be made.
        """
        try:
            self._path.unlink(missing_ok=True)
            self._listener.bind(str(self._path))
            self._listener.listen()
        except OSError as error:
            self._listener.close()
            raise SimulatorError(f"{self._path}: cannot listen here: {error}") from error
        self._thread.start()

    def close(self) -> None:
        """Hang up on everybody and remove the socket."""
        for sock in (self._listener, *tuple(self._clients)):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it
        self._thread.join(timeout=2.0)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            self._clients.add(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as lines, contextlib.suppress(OSError):
            while line := lines.readline(LONGEST_LINE):
                client.sendall(json.dumps(self._answer(line)).encode() + b"\n")
        self._clients.discard(client)

    def _answer(self, line: bytes) -> dict[str, Json]:
        try:
            asked = json.loads(line)
            do = asked.pop("do")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return {"error": 'a request is one JSON object a line: {"do": "help"}'}
        verb = self._verbs.get(do) if isinstance(do, str) else None
        if verb is None:
            return {"error": f"no verb {do!r}; there are: {', '.join(sorted(self._verbs))}"}
        try:
            with self._one_at_a_time:
                return {"ok": verb(asked)}
        except KeyError as error:
            return {"error": f"{do} needs {error}"}
        except (SimulatorError, ValueError, TypeError) as error:
            return {"error": f"{do}: {error}"}

    def _help(self, _asked: dict[str, Any]) -> Json:
        """Say what can be asked."""
        return {name: (verb.__doc__ or "").strip() for name, verb in sorted(self._verbs.items())}


def tell(path: Path | str, do: str, /, *, timeout_s: float = ANSWER_S, **params: Any) -> Json:
    """Ask the simulator whose control socket is at `path`; return its result.

    Raises:
        SimulatorError: it refuses, or nobody answers within `timeout_s`.
    """
    request = json.dumps({"do": do, **params}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(timeout_s)
        try:
            sock.connect(str(path))
            sock.sendall(request)
            with sock.makefile("rb") as lines:
                line = lines.readline()
        except OSError as error:
            raise SimulatorError(f"no simulator answers at {path}: {error}; start it") from error
    if not line.endswith(b"\n"):
        raise SimulatorError(f"the simulator at {path} hung up before it answered {do!r}")
    said = json.loads(line)
    if "error" in said:
        raise SimulatorError(said["error"])
    result: Json = said["ok"]
    return result


def until_stopped(ready: str) -> None:
    """Print the one line that says the simulator is ready; return on SIGTERM or SIGINT.

    To be called from the main thread.
    """
    with contextlib.suppress(_StopAsked):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        sys.stdout.write(ready + "\n")
        sys.stdout.flush()
        while True:
            signal.pause()


class _StopAsked(Exception):
    """The signal, on its way out of `signal.pause`."""


def _stop(_number: int, _frame: object) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # once is enough; the way out is not disturbed
    raise _StopAsked
