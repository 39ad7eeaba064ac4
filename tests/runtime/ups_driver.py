"""A supply without mains whose charge falls, run in a real host process by the tests."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.contract import Link, PointReading, PointState, now_us


@dataclass(frozen=True, kw_only=True)
class Options:
    """No options."""


class Ups:
    """Reports the mains away, and a charge of 12 %, 11 % and so on."""

    Options = Options

    def __init__(self, device: str, options: Options) -> None:
        self.device = device

    def run(self, link: Link) -> None:
        link.ready({"serial": "1"})
        link.report(PointReading("mains", PointState.ALARM, now_us()))
        charge = 12
        while True:
            link.report(PointReading("battery", PointState.NORMAL, now_us(), {"pct": charge}))
            charge = max(charge - 1, 0)
            link.next_action(0.05)
            link.alive()
