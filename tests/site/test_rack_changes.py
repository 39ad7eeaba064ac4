"""Every change of a rack's slots is somebody's, or an intrusion."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.site.conftest import MIDNIGHT_US, Play, plan
from tests.site.racks import ONE, RACK

STATES = ["normal", "alarm", "open", "short"]
INPUTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["board.s1", "board.s2", "board.s3"]), st.sampled_from(STATES)),
        st.tuples(st.just("finger"), st.sampled_from(["1", "2"])),
        st.tuples(st.just("board"), st.sampled_from(["lost", "ready"])),
        st.tuples(st.just("start"), st.just("")),
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=60)
@given(INPUTS, st.lists(st.sampled_from([0.1, 0.3, 0.7, 50, 1000]), min_size=30, max_size=30))
def test_every_change_is_somebody_s_or_an_intrusion(inputs, pauses):
    """Whatever happens, a slot's last told state is its present one, and sessions explain it."""
    plays = [Play(plan(door=ONE, rack=[RACK]), reborn=reborn) for reborn in (False, True)]
    for play in plays:
        play.start(0)
        play.enrol("p-1")
        play.enrol("p-2")
        play.ready(1)
        play.to(5)
        for (what, how), pause in zip(inputs, pauses, strict=False):
            act(play, what, how, play.t + pause)
        play.to(play.t + 10)
    assert plays[0].events == plays[1].events
    check_told(plays[0])


def act(play, what, how, t):
    if what == "finger":
        play.finger(how, t)
    elif what == "start":
        play.start(t, last_utc_us=MIDNIGHT_US)
        play.ready(t)
    elif what == "board":
        play.device(what, how, t)
    else:
        play.point(what, how, t)


def check_told(play):
    stands = {"board.s1": True, "board.s2": True, "board.s3": False}  # as `ready` shows first
    for event in play.events:
        if event.kind in ("rack.removed", "rack.returned"):
            assert event.data["persons"]
            assert stands[event.data["slot"]] is (event.kind == "rack.removed")
            stands[event.data["slot"]] = event.kind == "rack.returned"
        elif event.kind == "rack.wrong_slot":
            stands[event.data["slot"]] = True
        elif event.kind == "rack.intrusion" and "state" not in event.data:
            assert "persons" not in event.data
            stands[event.data["slot"]] = not stands[event.data["slot"]]
    view = play.site.view()["racks"][0]
    for slot in view["slots"]:
        if slot["point"] in ("normal", "alarm"):
            assert stands[slot["slot"]] is (slot["point"] == "normal")
