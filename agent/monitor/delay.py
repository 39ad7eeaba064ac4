"""How late what is signed comes: whoever holds it back cannot let it out slowly. Pure.

A gateway's clocks need not show what ours does, but they go as fast. What took the shortest time
shows how far they are apart; whatever seems farther was on its way for as much longer.
"""

from __future__ import annotations

DRIFT = 1e-4  # how much faster one clock may go than another: crystals, within 50 ppm each


class Delay:
    """One gateway's, by both of its clocks.

    It is late when both say so: the wall clock may be set back, and the other one stands while
    the gateway sleeps.
    """

    def __init__(self) -> None:
        self._boot = ""
        self._apart_s = (0.0, 0.0)  # how far our clock is ahead of each, at the least ...
        self._heard_s = 0.0  # ... as of then

    def late_s(self, boot: str, mono_us: int, utc_us: int, now_s: float) -> float:
        """Return for how much longer this was on its way than what took the shortest; seconds.

        Args:
            boot: of the gateway; with another one its clocks begin anew.
            mono_us: its clock of that boot, when it said this ...
            utc_us: ... and its wall clock.
            now_s: the present.
        """
        apart_s = (now_s - mono_us / 1e6, now_s - utc_us / 1e6)
        if boot != self._boot:
            self._boot, self._apart_s = boot, apart_s
        drift_s = DRIFT * (now_s - self._heard_s)
        least_s = [min(a, b + drift_s) for a, b in zip(apart_s, self._apart_s, strict=True)]
        self._apart_s, self._heard_s = (least_s[0], least_s[1]), now_s
        return min(apart_s[0] - least_s[0], apart_s[1] - least_s[1])
