"""A reader at no door: who is identified there for commands, and who is nobody."""

from __future__ import annotations

import pytest

from agent.site.inputs import CredentialRead
from tests.site.conftest import SECOND


@pytest.fixture
def desk(make):
    """A site whose officer has a finger and a PIN at a reader that no door names."""
    play = make()
    keep = play.site._house.people.keep
    known = [
        {"kind": "finger", "reference": "lobby:1"},
        {"kind": "pin", "reference": keep("pin", "123456")},
    ]
    play.enrol("p-1", credentials=known)
    play.enrol("p-3", "guard", credentials=[{"kind": "finger", "reference": "lobby:3"}])
    play.saved["person/p-3"]["revoked"] = True
    play.enrol("p-5", "guard")
    return play


def on_site(play):
    return play.site.on_site(play.now(play.t))["people"]


def denied(play):
    event = play.last("access.denied")
    return event.object, event.device, event.data["reason"], event.data.get("person")


@pytest.mark.parametrize("show", [("finger", "1"), ("pin", "123456")])
def test_any_one_credential_identifies_and_nothing_is_told(desk, show):
    how, what = show
    assert getattr(desk, how)(what, 5, reader="lobby") == []
    assert on_site(desk) == 1


def test_a_stranger_and_whoever_was_removed_are_told(desk):
    assert desk.finger(None, 5, reader="lobby") == ["access.denied lobby"]
    assert denied(desk) == ("lobby", "lobby", "unknown", None)
    desk.finger("3", 6, reader="lobby")
    assert denied(desk) == ("lobby", "lobby", "revoked", "p-3")
    assert on_site(desk) == 0


@pytest.mark.parametrize(("reference", "reason"), [("77", "unknown"), (None, "low-score")])
def test_a_good_match_of_nobody_here_is_a_strangers_and_a_bad_one_is_low(desk, reference, reason):
    for reader in ("lobby", "reader"):
        desk.step(CredentialRead(reader, "finger", reference, 5 * SECOND, score=150), 5)
        assert desk.last("access.denied").data["reason"] == reason


def test_guessing_locks_it_out_and_no_other(desk):
    for number in range(5):
        desk.pin(f"{number:06}", 5 + number, reader="lobby")
    desk.pin("123456", 10, reader="lobby")
    assert denied(desk) == ("lobby", "lobby", "lockout", "p-1")
    assert on_site(desk) == 0
    desk.start(20)
    desk.ready(20)
    desk.pin("123456", 21, reader="lobby")
    assert denied(desk)[2] == "lockout"
    assert desk.finger("2", 22) == ["access.pending store"]
    assert "access.denied lobby" not in desk.pin("123456", 69, reader="lobby")
    assert on_site(desk) == 2


def test_a_known_credential_begins_the_count_anew(desk):
    for number in range(12):
        digits = "123456" if number % 4 == 3 else "000000"
        desk.pin(digits, 5 + number, reader="lobby")
    assert desk.last("access.denied").data["reason"] == "unknown"


def test_duress_is_told_during_a_lockout(desk):
    forced = [{"kind": "finger", "reference": "lobby:9", "duress": True}]
    desk.enrol("p-9", credentials=forced)
    for number in range(5):
        desk.finger(None, 5 + number, reader="lobby")
    found = desk.finger("9", 10, reader="lobby")
    assert found == ["duress.raised lobby", "alarm.raised d1", "access.denied lobby"]


def test_a_look_alike_of_it_identifies_nobody(desk):
    desk.device("lobby", "ready", 4, serial="a")
    desk.device("lobby", "ready", 5, serial="b")
    desk.finger("1", 6, reader="lobby")
    assert denied(desk)[2] == "unknown"
    assert on_site(desk) == 0
