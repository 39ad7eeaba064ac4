"""The gateway's clocks, read in one place."""

from __future__ import annotations

import time
from pathlib import Path

from agent.site.moment import Moment

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# systemd-timesyncd makes this file when it has set the clock (systemd-timesyncd.service(8)).
SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
TRUST_AGE_US = 10_000_000


class Clock:
    """Wall time, monotonic time, boot id and whether the wall clock can be trusted.

    Args:
        synchronised: the file that is there once the clock is set.
    """

    def __init__(self, synchronised: Path = SYNCHRONISED) -> None:
        self.boot = BOOT_ID.read_text(encoding="ascii").strip()
        self._synchronised = synchronised
        self._trusted = False
        self._looked_us = -TRUST_AGE_US

    def now(self) -> Moment:
        """Return the present; the trust in it is looked up every ten seconds."""
        mono_us = time.monotonic_ns() // 1000
        if mono_us - self._looked_us >= TRUST_AGE_US:
            self._looked_us = mono_us
            self._trusted = self._synchronised.exists()
        return Moment(time.time_ns() // 1000, mono_us, self.boot, self._trusted)
