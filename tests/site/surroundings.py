"""What happens around a site under arbitrary input: devices, lines, certificates, clocks."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from agent.site.inputs import (
    CertificateRead,
    ClockStepped,
    Condition,
    DeviceFlooded,
    DeviceNews,
    PathCarries,
    PathNews,
    PathTested,
)
from tests.site.conftest import SECOND
from tests.site.whole_plan import PLAN


class Surroundings(RuleBasedStateMachine):
    """Of a machine that has `put`, and its clocks in `at_us`, `utc_us` and `trusted`."""

    @rule(
        device=st.sampled_from([device.id for device in PLAN.device]),
        condition=st.sampled_from([Condition.READY, Condition.LOST, Condition.FAULTED]),
        serial=st.sampled_from(["a", "a", "b"]),
    )
    def a_device_comes_or_goes(self, device, condition, serial):
        self.put(DeviceNews(device, condition, self.at_us, "", {"serial": serial}))

    @rule(condition=st.sampled_from(Condition), reason=st.sampled_from(["", "why"]))
    def the_line_comes_or_goes(self, condition, reason):
        self.put(PathNews("main", condition, self.at_us, reason))

    @rule(path=st.sampled_from(["main", "spare"]))
    def another_path_carries_and_the_spare_is_tested(self, path):
        for known in ("main", "spare"):
            self.put(PathNews(known, Condition.READY, self.at_us))
        self.put(PathCarries(path, self.at_us))
        self.put(PathTested("spare", 5, self.at_us))

    @rule(days=st.sampled_from([-1, 0.5, 5, 20, 100]), whose=st.sampled_from(["own", "broker"]))
    def a_certificate_is_read(self, days, whose):
        ends_us = self.utc_us + self.at_us + round(days * 86400 * SECOND)
        self.put(CertificateRead("main", whose, ends_us, self.at_us))

    @rule(dropped=st.integers(1, 1000))
    def a_board_floods(self, dropped):
        self.put(DeviceFlooded("board", "pir", dropped, self.at_us))

    @rule(seconds=st.sampled_from([-7200, -60, 60, 7200]), trusted=st.booleans())
    def the_clock_steps(self, seconds, trusted):
        before_us = self.utc_us + self.at_us
        self.utc_us += seconds * SECOND
        self.trusted = trusted
        self.put(ClockStepped(before_us, self.utc_us + self.at_us, self.at_us))
