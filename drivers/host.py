"""The host: the process in which one driver runs. Standard library only.

Started by the daemon as `python -m drivers.host FD [LOADING]`, FD being its end of a socketpair
that carries one JSON object a line. `{"load": driver}` may come first: its libraries are loaded
while the daemon still loads its own, and then LOADING, a pipe's end, is closed: it is the next
host's turn. The next line tells what to run; after that:

    daemon → host   {"do": "act", "id", "verb", "target", "args"} · {"do": "again"} ·
                    {"do": "stop"}
    host → daemon   {"is": "ready", "identity"} · {"is": "alive", "measured"?} ·
                    {"is": "answer", "id", "outcome", "reason", "data"} ·
                    {"is": "point", "point", "state", "at", "detail"} ·
                    {"is": "credential", "kind", "reference", "score", "at"} ·
                    {"is": "failed", "error", "reason", "stays"}

A driver that never found its device leaves its process as it was: such a host stays, and tries
again when the daemon says so. One whose device was there, and one whose driver has left threads
behind, ends; the next one begins clean.

A thread reads the daemon's end. When that ends, or the daemon takes nothing for `DEAF_S`, the
driver has `GRACE_S` to put its outputs into their fail state; then the process is gone, wherever
the driver hangs. In a library that keeps the interpreter to itself nobody hears of the daemon's
end: a process that is so for longer than the device's supervision interval is gone as well.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import select
import signal
import socket
import struct
import sys
import threading
import traceback
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from json.encoder import encode_basestring
from typing import Any

from drivers.contract import (
    Action,
    CredentialReading,
    DeviceError,
    Driver,
    Json,
    Outcome,
    Reading,
    Stopped,
)
from drivers.lifetime import Lifetime

GRACE_S = 1.0
READ_SIZE = 65_536
DEAF_S = 2  # a daemon whose end stays full for so long hangs; a strike must not wait for it
# json.dumps would make one a line
_written = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
TRIES = 100  # of one process; what a library may leave behind each time stays bounded
EXIT_FAILED = 70  # EX_SOFTWARE of sysexits.h: the driver raised; the reason was sent


class HostLink:
    """A driver's `Link` over the socketpair.

    Args:
        sock: our end of it.
        loading: what is closed once a driver is loaded ahead.

    Attributes:
        came_up: the driver has said that its hardware answers.
    """

    def __init__(self, sock: socket.socket, loading: int | None = None) -> None:
        self.spool = ""
        self.came_up = False
        self._sock = sock
        self._loading = loading
        self._lifetime = Lifetime()
        self._heard = b""
        self._ready = select.poll()
        self._ready.register(sock, select.POLLIN)
        self._sending = threading.Lock()
        self._actions: queue.SimpleQueue[Action | None] = queue.SimpleQueue()
        self._turns: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def first(self) -> dict[str, Any]:
        """Read the line that tells what to run."""
        line = self.line()
        if not line:
            raise Stopped
        start: dict[str, Any] = json.loads(line)
        if "load" in start:
            load_ahead(start["load"])
            self._loaded()
            return self.first()
        self.spool = start.get("spool", "")
        self._lifetime.begin(start["supervision_s"])
        threading.Thread(target=self._listen, name="daemon's end", daemon=True).start()
        return start

    def _loaded(self) -> None:
        if self._loading is not None:
            os.close(self._loading)
            self._loading = None

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := self.line():
                self._lifetime.go_on()
                said = json.loads(line)
                if said["do"] == "stop":
                    break
                if said["do"] == "again":
                    self._turns.put(True)
                    continue
                self._actions.put(Action(said["id"], said["verb"], said["target"], said["args"]))
        self._end()

    def line(self) -> bytes:
        """Return the next line from the daemon; b"" when it is gone.

        The wait is poll's: in `recv` it would be disturbed whenever the daemon has read a line of
        ours, for a socket wakes its reader, too, when there is room to write.
        """
        while not (found := self._heard.partition(b"\n"))[1]:
            if not self._ready.poll(self._lifetime.beat_ms):
                self._lifetime.go_on()
                continue
            data = self._sock.recv(READ_SIZE)
            if not data:
                return b""
            self._heard += data
        self._heard = found[2]
        return found[0] + b"\n"

    def _end(self) -> None:
        self._actions.put(None)
        self._turns.put(False)
        self._lifetime.end(GRACE_S)

    def send(self, what: str, **said: Json) -> None:
        """Send one line; silently nowhere when the daemon is gone or deaf (`Stopped` follows)."""
        self._send(_written({"is": what, **said}))

    def _send(self, text: str) -> None:
        # Half a character, of a path for one, is said as "?": the daemon would not read the line.
        line = text.encode(errors="replace") + b"\n"
        with self._sending:
            try:
                self._sock.sendall(line)
            except BlockingIOError:  # what SO_SNDTIMEO raises
                with contextlib.suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)  # half a line may be out: none after it
            except OSError:
                pass  # the daemon is gone: `_listen` hears of it

    def again(self) -> None:
        """Wait until the daemon wants another try; `Stopped` when it wants no more."""
        if not self._turns.get():
            raise Stopped

    def ready(self, identity: Mapping[str, Json]) -> None:
        self.came_up = True
        self.send("ready", identity=dict(identity))

    def report(self, reading: Reading) -> None:
        if isinstance(reading, CredentialReading):
            kind, reference, at_us, score = reading
            self.send("credential", kind=kind, reference=reference, score=score, at=at_us)
            return
        # By hand, for it may be a panic button's: the library's encoder is made anew every time.
        name, state, at_us, detail = reading
        more = _written(dict(detail)) if detail else "{}"
        self._send(
            f'{{"is":"point","point":{encode_basestring(name)},"state":"{state}",'
            f'"at":{at_us},"detail":{more}}}'
        )

    def alive(self, measured: Mapping[str, Json] | None = None) -> None:
        self.send("alive", **({"measured": dict(measured)} if measured else {}))

    def next_action(self, timeout_s: float) -> Action | None:
        try:
            action = self._actions.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None
        if action is None:
            self._actions.put(None)  # for every later call
            raise Stopped
        return action

    def answer(
        self,
        action: Action,
        outcome: Outcome,
        reason: str = "",
        data: Mapping[str, Json] | None = None,
    ) -> None:
        said = {"data": dict(data)} if data else {}
        self.send("answer", id=action.id, outcome=str(outcome), reason=reason, **said)


def build(shape: Any, raw: Any) -> Any:
    """Make the typed value that `raw` (validated JSON) stands for.

    Args:
        shape: a dataclass, `dict[str, X]`, `tuple[X, ...]`, or anything that JSON has.
        raw: what the daemon sent, already validated there.
    """
    if is_dataclass(shape) and isinstance(raw, dict):
        hints = typing.get_type_hints(shape)
        known = {f.name: hints[f.name] for f in fields(shape)}
        return shape(**{key: build(known[key], value) for key, value in raw.items()})  # type: ignore[operator]
    if typing.get_origin(shape) is dict:
        return {key: build(typing.get_args(shape)[1], value) for key, value in raw.items()}
    if typing.get_origin(shape) is tuple:
        return tuple(build(typing.get_args(shape)[0], value) for value in raw)
    for choice in typing.get_args(shape):  # X | None
        if is_dataclass(choice) and isinstance(raw, dict):
            return build(choice, raw)
    return raw


def load(where: str) -> Any:
    """Return the class that an entry point's value ("package.module:Class") names."""
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)


def load_ahead(where: str) -> None:
    """Load a driver and what its options say that it needs; what fails will fail again."""
    with contextlib.suppress(ImportError, AttributeError):
        package = where.partition(":")[0].rpartition(".")[0]
        for library in getattr(importlib.import_module(f"{package}.options"), "LIBRARIES", ()):
            importlib.import_module(library)
        load(where)


def run(link: HostLink) -> int:
    """Run the driver that the first line names; return the exit status."""
    try:
        start = link.first()
        kind = load(start["driver"])
        options = build(kind.Options, start["options"])
        for number in range(1, TRIES + 1):
            if not _try(link, kind(start["device"], options), last=number == TRIES):
                break
            link.again()
    except Stopped:
        return 0
    except Exception as error:  # noqa: BLE001 - the last frame: whatever it is, report it
        traceback.print_exc()
        _failed(link, error, f"driver bug: {error}")
    return EXIT_FAILED


def _try(link: HostLink, driver: Driver, *, last: bool) -> bool:
    """Run the driver until its device fails; return whether it may be tried again here."""
    threads = _threads()
    try:
        driver.run(link)
    except DeviceError as error:
        stays = not (last or link.came_up or _threads() > threads)
        _failed(link, error, str(error), stays=stays)
        return stays
    raise Stopped


def _threads() -> int:
    """Count this process's threads, those of C libraries too."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - pathlib is no small import


def _failed(link: HostLink, error: Exception, reason: str, *, stays: bool = False) -> None:
    link.send("failed", error=type(error).__name__, reason=reason, stays=stays)


def main() -> int:
    """Take what the daemon hands over, and run."""
    daemon, *loading = map(int, sys.argv[1:])
    # The daemon decides, not the terminal, nor systemd, which tells all of the unit to end: a host
    # ends with its daemon, in `GRACE_S`, and in order where that ends in order.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy's: a thread for each core, for no use of ours
    with socket.socket(fileno=daemon) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", DEAF_S, 0))
        status = run(HostLink(sock, *loading))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # libraries' threads may hang; nothing is left to save


if __name__ == "__main__":
    main()
