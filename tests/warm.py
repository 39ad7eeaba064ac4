"""Simulators that start warm: each is a process of its own, forked where the imports are made.

Starting an interpreter and importing what a simulator needs costs more than most tests do with it.
A process beside each of pytest's makes the imports once and forks whenever a simulator is asked
for; from there on it is the same program on the same wires, with a session, a process id and an
end of its own. What is under test (the daemon, its hosts, its commands) is never started like this.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import BinaryIO

MODULES = ("simulators.board", "simulators.camera", "simulators.osdp", "simulators.zfm")
PR_SET_PDEATHSIG = 1  # prctl(2)

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__, *MODULES])


class Warm:
    """A program of `MODULES`, as `subprocess.Popen` would have it.

    Args:
        words: the module's name and its arguments.
        err: the file that takes its standard error; without one it is this process's.

    Attributes:
        stdout: a pipe.
    """

    def __init__(self, words: Sequence[str], err: int = 2) -> None:
        said, out = _forks.Pipe(duplex=False)
        with said, out, Connection(os.dup(err), readable=False) as complaints:
            self._process = _forks.Process(target=_run, args=(words, out, complaints), daemon=True)
            self._process.start()
            self.stdout: BinaryIO = os.fdopen(os.dup(said.fileno()), "rb")
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # its end may not be known here yet
            if self.poll() is None:
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _run(words: Sequence[str], out: Connection, err: Connection) -> None:
    """Become the program; it ends with the process that forked it, and that with pytest's."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    for given, own in ((out, 1), (err, 2)):
        os.dup2(given.fileno(), own)
        given.close()
    sys.argv = [*words]
    sys.exit(importlib.import_module(words[0]).main())
