"""What systemd is told, on a socket as it has."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.runtime import notify
from agent.runtime.notify import PATIENCE_S, Notify
from tests.waiting import BUSY


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Return systemd's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield ear


def test_a_start_that_gets_on_asks_for_more_time_and_not_a_thousand_times(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    monkeypatch.setattr(notify.time, "monotonic", lambda: now_s)
    told = Notify()
    for _ in range(1000):
        told.working()
    assert systemd.recv(100) == b"EXTEND_TIMEOUT_USEC=60000000"
    with pytest.raises(BlockingIOError):
        systemd.recv(100)
    now_s += 1.0
    told.working()
    assert systemd.recv(100) == b"EXTEND_TIMEOUT_USEC=60000000"
    told._notifier.socket.close()


def test_a_systemd_that_is_frozen_does_not_freeze_us(systemd: socket.socket) -> None:
    told = Notify()

    def speak_until_its_socket_is_full() -> None:
        took_s = 0.0
        while took_s < PATIENCE_S / 2:
            began_s = time.monotonic()
            told.alive()
            took_s = time.monotonic() - began_s

    speaking = threading.Thread(target=speak_until_its_socket_is_full)
    speaking.start()
    speaking.join(10 * BUSY)
    waits = speaking.is_alive()
    systemd.close()  # whoever waits there is let go
    speaking.join()
    told._notifier.socket.close()
    assert not waits
