"""The pauses between attempts grow, are drawn, and are capped."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from agent.pauses import Pauses


def test_pauses_spread_over_a_range_that_doubles_up_to_its_cap() -> None:
    many = [Pauses(0.5, 30.0, Random(seed)) for seed in range(300)]
    for turn in range(10):
        drawn = [pauses.next_s() for pauses in many]
        top = min(30.0, 0.5 * 2**turn)
        assert 0 <= min(drawn) < 0.1 * top
        assert 0.9 * top < max(drawn) <= top
    many[0].reset()
    assert many[0].next_s() <= 0.5


@given(st.integers())
def test_with_a_least_part_no_pause_is_shorter(seed: int) -> None:
    pauses = Pauses(0.2, 9.0, Random(seed), least=0.5)
    drawn = [pauses.next_s() for _ in range(40)]
    assert 0.1 <= drawn[0] <= 0.2
    assert all(4.5 <= pause <= 9.0 for pause in drawn[7:])
    assert len(set(drawn[7:])) > 1
