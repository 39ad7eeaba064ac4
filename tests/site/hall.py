"""The hall of the tests: an area with a zone of every kind, and words for what happens there."""

from __future__ import annotations

ARMED = "area.armed hall"
ZONES = [
    {"id": zone, "area": "hall", "point": f"board.{zone}", "supervision": "eol", "kind": kind}
    for zone, kind in (
        ("way", "entry_route"),
        ("gate", "entry_route"),
        ("near", "follower"),
        ("pir", "instant"),
        ("glass", "instant"),
        ("wall", "always"),
        ("lid", "tamper"),
    )
]
AREA = {"exit_delay_s": 45, "entry_delay_s": 30, "part_sets": {"night": ["pir", "near"]}}


def arm(play, t=5.0, **more):
    """Ask for arming, and wait until it is."""
    play.finger("1", t)
    found = play.command("area.arm", t, area="hall", **more)
    return found + play.to(t + 45.1)


def trip(play, zone, t, state="alarm"):
    """Trip a zone, and wait until it has settled."""
    return play.point(f"board.{zone}", state, t) + play.to(t + 0.2)


def mode(play):
    return play.site.view()["areas"][0]["mode"]
