"""The record's disk as the rules see it."""

from __future__ import annotations

import pytest


def test_its_failure_is_an_alarm_and_its_return_an_event(play):
    assert play.storage("faulted", 5, reason="no space is left") == [
        "system.storage_failed test-1",
        "alarm.raised 1",
    ]
    assert play.last("system.storage_failed").data["reason"] == "no space is left"
    assert play.storage("faulted", 6, reason="otherwise") == []
    assert play.storage("ready", 7) == ["system.storage_back test-1"]
    assert play.storage("ready", 8) == []


def test_nobody_is_let_in_meanwhile_and_again_afterwards(play):
    play.storage("faulted", 5)
    play.finger("1", 6)
    assert play.last("access.denied").data["reason"] == "journal-unavailable"
    assert play.count("access.granted") == 0
    play.storage("ready", 7)
    play.finger("1", 8)
    play.finger("2", 9)
    assert play.count("access.granted") == 1


@pytest.mark.parametrize(
    ("told", "warned"),
    [((50,), 1), ((50, 50), 1), ((50, 90), 2), ((50, 90, 50), 2), ((50, 0, 50), 2)],
)
def test_each_filling_is_warned_of_once(play, told, warned):
    for second, used_pct in enumerate(told, 5):
        play.storage("ready", second, used_pct=used_pct)
    assert play.count("system.storage_warning") == warned
