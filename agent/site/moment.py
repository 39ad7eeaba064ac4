"""Time as an argument: the site never looks at a clock."""

from __future__ import annotations

from msgspec import Struct


class Moment(Struct, frozen=True):
    """One instant, as the gateway's clocks gave it.

    Attributes:
        utc_us: wall time, microseconds since 1970-01-01 UTC. For people and schedules only.
        mono_us: CLOCK_MONOTONIC in microseconds; every interval and timer is counted in it.
        boot: the kernel's boot id; `mono_us` of different boots cannot be compared.
        trusted: whether the wall clock was synchronised since boot.
    """

    utc_us: int
    mono_us: int
    boot: str
    trusted: bool

    def at(self, mono_us: int) -> Moment:
        """Return the instant at which the monotonic clock showed `mono_us` in this boot."""
        return Moment(self.utc_us + mono_us - self.mono_us, mono_us, self.boot, self.trusted)
