"""Who watches a point only since another site file holds is told what it shows by then.

The file comes by a reload, or at a start after it was changed while the daemon was stopped.
"""

from __future__ import annotations

import pytest

from agent.site.inputs import Configured, Started
from agent.site.site import Site
from tests.site.conftest import SECOND, TABLES, disk, plan
from tests.site.racks import ONE, RACK

PIR, WINDOW = TABLES["zone"][0], {"id": "window", "point": "board.window"}
DESK = TABLES["panic"][0]
BACK = TABLES["door"][0] | {
    "id": "back",
    "reader_in": "lobby",
    "strike": "board.strike-2",
    "contact": "board.contact-2",
    "rex": None,
}


def reload(play, t, after):
    given = Configured("c-1", "uid:0", after, f"digest-{t}", (), (), round(t * SECOND))
    told = play.to(t) + play.step(given, t)
    play.plan = after
    return told


def start(play, t, after):
    """Stop, and start with another file. Each device says what its points show, as it does."""
    shown = play.site.view()["points"]
    play.to(t)
    play.plan, play.site = after, Site(after, disk(play.saved))
    told = play.step(Started("1.0", round(t * SECOND), config=f"digest-{t}"), t)
    for device in after.device:
        told += play.device(device.id, "ready", t)
    for ref, state in shown.items():
        told += play.point(ref, state, t) if state != "unknown" else []
    return told


@pytest.fixture(params=[reload, start])
def another_file(request):
    return request.param


@pytest.mark.parametrize(
    ("shown", "before", "after", "told"),
    [
        ("board.window alarm", {}, {"zone": [PIR, PIR | WINDOW]}, "zone.alarmed window"),
        ("board.window open", {}, {"zone": [PIR, PIR | WINDOW]}, "zone.tampered window"),
        (
            "board.window alarm",
            {"zone": [PIR, PIR | WINDOW | {"kind": "instant"}]},
            {"zone": [PIR, PIR | WINDOW]},
            "zone.alarmed window",
        ),
        (
            "board.window alarm",
            {"zone": [PIR | {"id": "window"}]},
            {"zone": [PIR | WINDOW]},
            "zone.alarmed window",
        ),
        (
            "board.button open",
            {},
            {"panic": [DESK, DESK | {"id": "two", "point": "board.button"}]},
            "panic.raised two",
        ),
        ("board.contact-2 open", {}, {"door": [*TABLES["door"], BACK]}, "door.forced back"),
        ("board.contact-2 alarm", {}, {"door": [*TABLES["door"], BACK]}, "door.opened back"),
        ("cam.covered alarm", {"camera": []}, {}, "camera.covered cam"),
        ("board.s1 alarm", {"door": ONE}, {"door": ONE, "rack": [RACK]}, "rack.intrusion r1"),
        ("board.s1 open", {"door": ONE}, {"door": ONE, "rack": [RACK]}, "rack.intrusion r1"),
    ],
)
def test_what_it_shows_is_told_once(make, another_file, shown, before, after, told):
    play = make(**before)
    ref, state = shown.split()
    play.point(ref, state, 5)
    play.to(6)
    play.events.clear()
    assert told in another_file(play, 10, plan(**after))
    again = another_file(play, 20, plan(**after)) + play.to(25)
    assert told not in again, "once"


def test_mains_that_are_away_are_lost(make, another_file):
    play = make()
    play.point("board.mains", "alarm", 5)
    another_file(play, 10, plan(power={"mains": "board.mains"}))
    assert "power.mains_lost test-1" in play.to(21)


def test_weapons_that_stand_in_a_new_rack_are_counted(make, another_file):
    play = make(door=ONE)
    for ref, serial in RACK["slots"].items():
        play.point(ref, "alarm" if serial == "empty" else "normal", 5)
    told = another_file(play, 10, plan(door=ONE, rack=[RACK]))
    assert not [event for event in told if event.startswith("rack.")]
    (rack,) = play.site.view()["racks"]
    assert all(slot["normal"] for slot in rack["slots"])


def test_what_its_device_cannot_show_is_told_when_it_can(make):
    play = make()
    play.point("board.window", "alarm", 5)
    play.device("board", "lost", 6)
    reload(play, 10, plan(zone=[PIR, PIR | WINDOW]))
    assert play.count("zone.alarmed") == 0
    play.device("board", "ready", 20)
    assert "zone.alarmed window" in play.point("board.window", "alarm", 20)


def test_whoever_watched_it_before_is_told_nothing_again(make, another_file):
    """A door's contact becomes a zone as well: the door, open since long, did not open now."""
    play = make()
    play.point("board.rex", "alarm", 4)
    play.point("board.contact", "alarm", 5)
    play.to(6)
    play.events.clear()
    shared = PIR | {"id": "leaf", "point": "board.contact"}
    told = another_file(play, 10, plan(zone=[PIR, shared]))
    assert [event for event in told if event.startswith(("door.", "zone."))] == [
        "zone.alarmed leaf"
    ]
