"""Cameras: motion, and what keeps them from seeing."""

from __future__ import annotations

import pytest

from agent.site.camera import CONDITIONS


def test_motion_begins_and_ends(play):
    play.point("cam.motion", "normal", 4)
    assert play.point("cam.motion", "alarm", 5) == ["camera.motion_started cam"]
    assert play.point("cam.motion", "alarm", 6) == []
    assert play.point("cam.motion", "normal", 7) == ["camera.motion_ended cam"]


@pytest.mark.parametrize("condition", sorted(CONDITIONS))
def test_each_condition_is_told_once_and_cleared(play, condition):
    play.point(f"cam.{condition}", "normal", 4)
    found = play.point(f"cam.{condition}", "alarm", 5)
    assert found[0] == f"camera.{condition} cam"
    assert found[1:] == ([] if condition == "dark" else ["alarm.raised 1"])
    assert play.point(f"cam.{condition}", "alarm", 6) == []
    assert play.point(f"cam.{condition}", "normal", 7) == ["camera.cleared cam"]
    assert play.last("camera.cleared").data["condition"] == condition


def test_what_it_offers_not_at_first_is_no_event(play):
    for name in (*CONDITIONS, "motion"):
        assert play.point(f"cam.{name}", "normal", 5) == []


def test_motion_ends_with_the_camera(play):
    play.point("cam.motion", "alarm", 5)
    assert play.device("cam", "lost", 6) == [
        "device.lost cam",
        "alarm.raised 1",
        "camera.motion_ended cam",
    ]


def test_the_view_says_what_it_is_like(play):
    play.point("cam.covered", "alarm", 5)
    play.point("cam.motion", "alarm", 6)
    (view,) = play.site.view()["cameras"]
    assert view["motion"] is True
    assert view["conditions"] == ["covered"]
