"""Evidence: what a camera's host is asked to keep, of what, and what is said of it."""

from __future__ import annotations

import pytest

from agent.site.inputs import ActionAnswered, Outcome
from agent.site.step import Release

S = 1_000_000
SEEN = {"covers": ["store", "board.pir"]}
FILE = {"sha256": "a" * 64, "bytes": 1234, "media": "video/x-msvideo"}


@pytest.fixture
def seen(make):
    play = make(camera=SEEN, door={"held_s": 300})
    play.actions.clear()
    return play


def forced(play, t):
    return play.point("board.contact", "alarm", t) + play.to(t + 0.1)


def asked(play, verb="keep"):
    return [action for action in play.actions if action.verb == verb]


def kept(play, t, action, outcome="done", **data):
    given = FILE | {"from": 0, "to": round(t * S)} | data
    what = ActionAnswered(action.id, Outcome(outcome), round(t * S), "", given)
    return play.to(t) + play.step(what, t)


def test_an_alarm_asks_for_a_picture_and_for_a_clip_from_before_to_after(seen):
    found = forced(seen, 100)
    assert found == ["door.forced store", "alarm.raised 1"]  # nothing of them waits for it
    (still,), (clip,) = asked(seen, "snapshot"), asked(seen)
    assert (clip.device, clip.target, clip.release) == ("cam", "picture", Release.ALARM)
    assert (clip.args["from"], clip.args["to"]) == (90 * S, 130 * S)
    assert 39_000 < clip.args["timeout_ms"] < 41_000
    assert still.args["at"] == seen.now(100.05).mono_us
    assert kept(seen, 101, still) == ["evidence.kept cam"]
    assert seen.last("evidence.kept").data["what"] == "snapshot"
    assert kept(seen, 131, clip, **{"from": 91 * S}) == ["evidence.kept cam"]
    assert seen.last("evidence.kept").data == {
        "area": "hall",
        "camera": "cam",
        "what": "clip",
        "subject": "door/store",
        "alarms": ["1"],
        "sha256": "a" * 64,
        "bytes": 1234,
        "media": "video/x-msvideo",
        "from": seen.now(91).utc_us,
        "to": seen.now(131).utc_us,
    }
    seen.to(1000)
    assert seen.count("evidence.failed") == 0


def test_what_is_raised_meanwhile_is_on_the_clip_and_the_next_one_goes_on_without_a_gap(seen):
    forced(seen, 100)
    seen.point("board.pir", "alarm", 120)
    seen.to(120.2)
    (clip,) = asked(seen)
    kept(seen, 130.5, clip)
    assert seen.last("evidence.kept").data["alarms"] == ["1", "2"]
    _, more = asked(seen)
    assert (more.args["from"], more.args["to"]) == (130 * S, 150 * S)
    kept(seen, 150.5, more)
    data = seen.last("evidence.kept").data
    assert (data["subject"], data["alarms"]) == ("zone/pir", ["2"])
    seen.to(300)
    assert len(asked(seen)) == 2


def test_what_no_camera_watches_is_not_kept(seen):
    seen.point("board.panic", "alarm", 100)
    assert seen.actions == []


def test_a_camera_watches_itself(seen):
    seen.point("cam.covered", "alarm", 100)
    assert [action.verb for action in seen.actions] == ["snapshot", "keep"]


def test_a_zone_names_its_cameras(make):
    zone = {"cameras": ["cam"]}
    play = make(zone=zone)
    play.point("board.pir", "alarm", 100)
    play.to(100.2)
    assert len(asked(play)) == 1


def test_a_grant_is_kept_as_a_picture(make):
    play = make(camera=SEEN, door={"people": 1})
    play.to(10)
    play.finger("1", 10)
    (still,) = asked(play, "snapshot")
    assert asked(play) == []
    kept(play, 11, still, media="image/jpeg")
    data = play.last("evidence.kept").data
    assert (data["subject"], data["persons"], data["what"]) == ("door/store", ["p-1"], "snapshot")


def test_what_is_taken_from_a_rack_is_kept_as_a_picture(make):
    rack = {"id": "rifles", "area": "hall", "doors": ["store"], "slots": {"board.s1": "M4-1"}}
    play = make(camera={"covers": ["rifles"]}, door={"people": 1}, rack=[rack])
    play.finger("1", 10)
    play.answer("done", 10.1)
    play.point("board.s1", "alarm", 12)
    play.to(13)
    (still,) = asked(play, "snapshot")
    kept(play, 14, still)
    data = play.last("evidence.kept").data
    assert (data["subject"], data["persons"]) == ("rack/rifles", ["p-1"])


def test_a_camera_that_is_away_keeps_what_is_left_once_it_is_back(seen):
    seen.device("cam", "lost", 90)
    forced(seen, 100)
    assert asked(seen) == asked(seen, "snapshot") == []
    seen.device("cam", "ready", 110)
    (clip,) = asked(seen)
    assert (clip.args["from"], clip.args["to"]) == (90 * S, 130 * S)
    kept(seen, 130, clip)
    assert seen.count("evidence.kept") == 1


def test_a_camera_that_stays_away_is_told_of_when_the_time_is_over(seen):
    seen.device("cam", "lost", 90)
    forced(seen, 100)
    assert seen.to(129) == []
    assert seen.to(131) == ["evidence.failed cam"]
    data = seen.last("evidence.failed").data
    assert (data["alarms"], data["reason"]) == (
        ["2"],
        "cam is not there",
    )  # the first one is of the camera


def test_a_host_that_dies_over_a_clip_is_asked_for_the_rest(seen):
    forced(seen, 100)
    (clip,) = asked(seen)
    seen.device("cam", "faulted", 110)
    assert "evidence.failed cam" not in kept(seen, 110, clip, "unknown")
    seen.device("cam", "ready", 112)
    _, rest = asked(seen)
    assert rest.args["to"] == 130 * S
    kept(seen, 130, rest)
    assert seen.last("evidence.kept").data["alarms"] == ["1"]


@pytest.mark.parametrize("outcome", ["refused", "unknown", "cancelled"])
def test_a_clip_that_fails_after_its_time_is_told(seen, outcome):
    forced(seen, 100)
    (clip,) = asked(seen)
    seen.to(131)
    assert kept(seen, 132, clip, outcome) == ["evidence.failed cam"]


def test_a_restart_keeps_what_is_left_of_the_time(seen):
    forced(seen, 100)
    seen.start(110)
    seen.device("cam", "ready", 112)
    _, rest = asked(seen)
    assert (rest.args["from"], rest.args["to"]) == (110 * S, 130 * S)


def test_a_restart_after_the_time_says_that_nothing_was_kept(seen):
    forced(seen, 100)
    seen.start(200)
    seen.to(201)
    assert seen.last("evidence.failed").data["reason"] == "restart"


def test_what_is_kept_of_duress_shows_nowhere(make):
    views, shown = [], []
    for finger in ("1", "9"):
        play = make(camera=SEEN, door={"people": 1})
        plain = {"kind": "finger", "reference": "reader:1"}
        forced_one = {"kind": "finger", "reference": "reader:9", "duress": True}
        play.enrol("p-1", credentials=[plain, forced_one])
        play.to(10)
        play.finger(finger, 10)
        for action in [a for a in play.actions if a.verb in ("snapshot", "keep")]:
            kept(play, 41, action)
        views.append(play.site.view())
        plain = [e for e in play.events if not e.data.get("hidden")]
        shown.append([(e.kind, e.object, e.at, e.data) for e in plain if "person" not in e.kind])
        hidden = [e for e in play.events if e.data.get("hidden") and e.kind == "evidence.kept"]
        assert [e.data["what"] for e in hidden] == ([] if finger == "1" else ["snapshot", "clip"])
    assert views[0] == views[1]
    assert shown[0] == shown[1]


def test_masks_are_told_to_the_host_whenever_it_comes(make):
    play = make(camera={"masks": [[[0, 0], [200, 300]]]})
    (mask,) = asked(play, "mask")
    assert mask.args["masks"] == [[[0, 0], [200, 300]]]
    assert play.answer("refused", 2, mask.id) == ["device.faulted cam", "alarm.raised 1"]
    play.device("cam", "lost", 5)
    play.device("cam", "ready", 6)
    assert len(asked(play, "mask")) == 2


@pytest.mark.parametrize("condition", ["covered", "blinded", "defocused", "moved", "lost"])
def test_a_blind_camera_may_be_a_fault_only_while_its_area_is_not_armed(make, condition):
    play = make(camera={"blind_alarm": "armed"})
    assert play.point(f"cam.{condition}", "alarm", 5) == [f"camera.{condition} cam"]
    assert play.last(f"camera.{condition}").severity == "fault"
    play.finger("1", 6)
    play.command("area.arm", 6, area="hall")
    assert play.last("area.arm_failed").data["points"] == {"cam": "faulted"}
    play.point(f"cam.{condition}", "normal", 7)
    play.finger("1", 8)
    play.command("area.arm", 8, area="hall")
    play.to(60)
    found = play.point(f"cam.{condition}", "alarm", 61)
    assert found == [f"camera.{condition} cam", "alarm.raised 1"]
    assert play.last(f"camera.{condition}").severity == "alarm"
