"""One officer is left: the monitor and that officer together make another."""

from __future__ import annotations

import pytest

NEW = {"kind": "finger", "reference": "reader:5"}


@pytest.fixture
def alone(play):
    """The second officer has expired."""
    play.enrol("p-2", valid_to_us=play.utc_us + 2_000_000)
    return play


def recover(play, t, origin="monitor"):
    return play.command("officer.recover", t, origin=origin)


def enrol(play, t, *roles):
    return play.command(
        "person.enrol", t, person="p-5", roles=list(roles or ("officer",)), credentials=[NEW]
    )


def test_the_officer_left_makes_another(alone):
    alone.finger("1", 5)
    found = recover(alone, 6)
    assert found[0] == "person.recovery_started p-1"
    assert alone.last("person.recovery_started").data == {"by": "someone", "for_s": 900}
    enrol(alone, 7)
    assert alone.refusal == ""
    assert alone.last("person.enrolled").data["by"] == ["p-1"]


def test_it_makes_one(alone):
    alone.finger("1", 5)
    recover(alone, 6)
    enrol(alone, 7)
    enrol(alone, 8)
    assert alone.refusal == "two-officers-needed"
    recover(alone, 9)
    assert alone.refusal == "not-the-last"


def test_it_lasts_until_the_new_one_can_be_identified(alone):
    alone.finger("1", 5)
    recover(alone, 6)
    alone.command("person.enrol", 7, person="p-5", roles=["officer"])
    assert alone.refusal == ""
    alone.command("person.enrol", 8, person="p-6", roles=["officer"])
    assert alone.refusal == "two-officers-needed"
    alone.command("finger.enrol", 9, person="p-5", reader="reader")
    assert alone.refusal == ""
    alone.answer("done", 10)
    assert alone.last("person.changed").data["by"] == ["p-1"]
    alone.command("finger.enrol", 11, person="p-5", reader="reader")
    assert alone.refusal == "two-officers-needed"


def test_it_makes_officers_only(alone):
    alone.finger("1", 5)
    recover(alone, 6)
    enrol(alone, 7, "guard")
    assert alone.refusal == "two-officers-needed"


def test_the_officer_alone_cannot(alone):
    alone.finger("1", 5)
    recover(alone, 6, origin="local")
    assert alone.refusal == "not-from-here"
    enrol(alone, 7)
    assert alone.refusal == "two-officers-needed"


def test_the_monitor_alone_cannot(alone):
    recover(alone, 6)
    assert alone.refusal == "not-on-site"
    alone.finger("2", 7)  # whoever has expired is nobody
    recover(alone, 8)
    assert alone.refusal == "not-on-site"


def test_the_officer_is_still_there(alone):
    alone.finger("1", 5)
    recover(alone, 6)
    enrol(alone, 200)
    assert alone.refusal == "not-on-site"
    alone.finger("1", 201)
    enrol(alone, 202)
    assert alone.refusal == ""


@pytest.mark.parametrize(("t", "reason"), [(905.9, ""), (906, "two-officers-needed")])
def test_it_lasts_fifteen_minutes(alone, t, reason):
    alone.finger("1", 5)
    recover(alone, 6)
    alone.finger("1", 900)
    enrol(alone, t)
    assert alone.refusal == reason


def test_a_restart_ends_it(alone):
    alone.finger("1", 5)
    recover(alone, 6)
    alone.start(7)
    alone.ready(7)
    alone.finger("1", 8)
    enrol(alone, 9)
    assert alone.refusal == "two-officers-needed"


def test_not_while_there_are_two(play):
    play.finger("1", 5)
    recover(play, 6)
    assert play.refusal == "not-the-last"
