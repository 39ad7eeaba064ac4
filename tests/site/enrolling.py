"""Words of the tests for making people known."""

from __future__ import annotations


def enrol(play, person, t, *credentials, roles=("guard",), **more):
    given = list(credentials or ({"kind": "finger", "reference": f"reader:{person[2:]}"},))
    return play.command(
        "person.enrol", t, person=person, roles=list(roles), credentials=given, **more
    )


def officers_there(play, t):
    play.finger("1", t)
    play.finger("2", t)
