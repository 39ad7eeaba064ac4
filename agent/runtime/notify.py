"""What systemd is told: ready, alive, stopping (sd_notify(3))."""

from __future__ import annotations

import os
import time

import sdnotify

EXTEND_S = 60.0
AGAIN_S = 1.0
# It may be busy, and then hears of it later. One that is frozen must not freeze us: its socket
# fills, and whoever waits for room there waits for ever.
PATIENCE_S = 0.1


class Notify:
    """Speaks to systemd where it listens; says nothing elsewhere."""

    def __init__(self) -> None:
        self._notifier = sdnotify.SystemdNotifier()
        if self._notifier.socket is not None:
            self._notifier.socket.settimeout(PATIENCE_S)
        self._again_s = 0.0

    @property
    def watchdog_s(self) -> float | None:
        """Return within what time systemd wants to hear `alive`, None if it does not."""
        micros = os.environ.get("WATCHDOG_USEC", "")
        mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        return int(micros) / 1e6 if micros.isdigit() and mine else None

    def working(self) -> None:
        """Ask for another minute, before `ready`: the start takes long, and gets on."""
        if time.monotonic() >= self._again_s:
            self._again_s = time.monotonic() + AGAIN_S
            self._notifier.notify(f"EXTEND_TIMEOUT_USEC={EXTEND_S * 1e6:.0f}")

    def ready(self) -> None:
        self._notifier.notify("READY=1")

    def alive(self) -> None:
        self._notifier.notify("WATCHDOG=1")

    def stopping(self) -> None:
        self._notifier.notify("STOPPING=1")

    def status(self, text: str) -> None:
        """Say in one line how things are; `systemctl status` shows it."""
        self._notifier.notify(f"STATUS={text}")
