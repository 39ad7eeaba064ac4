"""An override key: an alarm unless two people identify within 60 s after it is turned."""

from __future__ import annotations

import pytest

from agent.site.identification import RECOGNISED_US
from agent.site.inputs import CredentialRead
from tests.site.conftest import SECOND


@pytest.fixture
def keyed(make):
    return make(door={"override_key": "board.key"})


def test_nobody_identifies(keyed):
    assert keyed.point("board.key", "alarm", 5) == ["point.changed board.key"]
    assert keyed.to(65) == []
    assert keyed.to(65.1) == ["door.forced store", "alarm.raised 1"]
    assert keyed.last("door.forced").data["state"] == "override-key"


def test_turning_it_again_puts_nothing_off(keyed):
    for t in (5, 55):
        keyed.point("board.key", "alarm", t)
        keyed.point("board.key", "normal", t + 1)
    assert keyed.to(65.1) == ["door.forced store", "alarm.raised 1"]
    keyed.point("board.key", "alarm", 110)
    assert "door.forced store" in keyed.to(170.1), "and turned after that it is due anew"


def test_turning_it_back_changes_nothing(keyed):
    keyed.point("board.key", "alarm", 5)
    keyed.point("board.key", "normal", 6)
    assert "door.forced store" in keyed.to(65.1)


def test_two_people_identify_in_time(keyed):
    keyed.point("board.key", "alarm", 5)
    keyed.finger("1", 10)
    keyed.finger("2", 64)
    keyed.to(70)
    assert keyed.count("door.forced") == 0


def test_the_last_instant_is_in_time_also_when_the_reader_tells_it_late(keyed):
    keyed.point("board.key", "alarm", 5)
    keyed.finger("1", 10)
    keyed.to(50)
    # One made anew from its state waits no longer, and rings all the same in order.
    assert keyed.reborn or keyed.site.wake_us() >= 65 * SECOND + RECOGNISED_US
    keyed.step(CredentialRead("reader", "finger", "2", 65 * SECOND), 66)
    assert "door.forced store" not in keyed.to(70)


def test_one_is_too_few_and_before_is_too_early(keyed):
    keyed.finger("2", 4)
    keyed.point("board.key", "alarm", 5)
    keyed.point("board.contact", "alarm", 6)
    keyed.to(7)
    keyed.finger("1", 10)
    assert "door.forced store" in keyed.to(65.1)


def test_an_opening_by_key_is_not_forced_meanwhile(keyed):
    keyed.point("board.key", "alarm", 5)
    keyed.point("board.contact", "alarm", 6)
    assert keyed.to(7) == ["door.opened store"]
    assert keyed.last("door.opened").data["key"] is True


@pytest.mark.parametrize("boot", ["boot-1", "boot-2"])
def test_a_key_that_stays_turned_over_a_start_still_opens(keyed, boot):
    keyed.point("board.key", "alarm", 1000)
    keyed.finger("1", 1001)
    keyed.finger("2", 1002)
    keyed.to(1100)
    if boot != keyed.boot:
        keyed.boot, keyed.t = boot, 1.0
    keyed.start()
    for name, state in (("key", "alarm"), ("contact", "normal")):
        keyed.point(f"board.{name}", state, keyed.t + 1)
    keyed.point("board.contact", "alarm", keyed.t + 10)
    keyed.to(keyed.t + 1)
    assert keyed.count("door.forced") == 0
    assert keyed.last("door.opened").data["key"] is True
