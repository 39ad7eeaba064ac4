"""The pauses between attempts grow, are jittered, and are capped."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from agent.runtime.pauses import Pauses


@given(st.integers())
def test_pauses_grow_to_the_cap_and_stay_jittered(seed: int) -> None:
    pauses = Pauses(0.2, 9.0, Random(seed))
    drawn = [pauses.next_s() for _ in range(40)]
    assert 0.1 <= drawn[0] <= 0.2
    assert all(4.5 <= pause <= 9.0 for pause in drawn[7:])
    assert len(set(drawn[7:])) > 1
    pauses.reset()
    assert pauses.next_s() <= 0.2
