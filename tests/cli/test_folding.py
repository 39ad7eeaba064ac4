"""Repeats in a list of events: the last one stands for all."""

from __future__ import annotations

from agent.cli.folding import fold


def event(kind: str, about: str = "desk") -> dict[str, str]:
    return {"kind": kind, "object": about}


def folded(*kinds: tuple[str, str] | str) -> list[tuple[str, str, int]]:
    events = [event(kind) if isinstance(kind, str) else event(*kind) for kind in kinds]
    return [(line.event["kind"], line.event["object"], line.folded) for line in fold(events)]


def test_the_last_repeat_stands_for_all_wherever_others_stand_between() -> None:
    again = "panic.repeated"
    assert folded("panic.raised", again, ("door.opened", "store"), again, again) == [
        ("panic.raised", "desk", 0),
        ("door.opened", "store", 0),
        (again, "desk", 2),
    ]


def test_each_button_and_each_alarm_has_its_own() -> None:
    again = "panic.repeated"
    told = folded(again, again, (again, "hall"), "panic.raised", again)
    assert told == [
        (again, "desk", 1),
        (again, "hall", 0),
        ("panic.raised", "desk", 0),
        (again, "desk", 0),
    ]


def test_nothing_else_is_folded() -> None:
    assert folded("door.forced", "door.forced") == [("door.forced", "desk", 0)] * 2
