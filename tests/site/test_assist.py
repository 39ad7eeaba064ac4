"""Opening from afar: two operators, and somebody on site."""

from __future__ import annotations

import pytest

from agent.site.inputs import Commanded, Origin


class TestAssist:
    @pytest.fixture
    def assisted(self, make):
        play = make(door={"remote_open": "assist"})
        play.finger("1", 5)
        return play

    def ask(self, play, t, by="op-1", second="op-2"):
        def command(at):
            params = {"door": "store"}
            return Commanded(f"c-{t}", "door.assist", params, by, Origin.MONITOR, at, second)

        return play._at(command, t)

    def strike(self, play, outcome, t, reason=""):
        return play.answer(outcome, t, reason=reason)

    def test_two_operators_and_somebody_on_site(self, assisted):
        assert self.ask(assisted, 6) == ["access.granted store", "command.accepted c-6"]
        data = assisted.last("access.granted").data
        assert data["operators"] == ["op-1", "op-2"]
        assert data["persons"] == ["p-1"]
        assert len(assisted.actions) == 1
        assert self.strike(assisted, "done", 6.1) == ["door.unlocked store", "command.done c-6"]
        assert assisted.last("command.done").data["second"] == "op-2"
        assert [a.data["outcome"] for a in assisted.answers] == ["accepted", "done"]

    @pytest.mark.parametrize("second", ["", "op-1"])
    def test_one_operator_is_not_enough(self, assisted, second):
        self.ask(assisted, 6, "op-1", second)
        assert assisted.refusal == "second-operator-needed"
        assert assisted.actions == []

    @pytest.mark.parametrize(
        ("outcome", "end"),
        [("unknown", "unknown"), ("refused", "refused"), ("cancelled", "refused")],
    )
    def test_what_became_of_the_strike_is_what_became_of_it(self, assisted, outcome, end):
        self.ask(assisted, 6)
        happened = self.strike(assisted, outcome, 7, "the board went away over it")
        assert f"command.{end} c-6" in happened
        answer = assisted.answers[-1]
        assert (answer.command, answer.accepted, answer.data["outcome"]) == ("c-6", False, end)
        assert assisted.last(f"command.{end}").data["reason"] == "the board went away over it"

    def test_a_restart_leaves_it_unknown(self, assisted):
        self.ask(assisted, 6)
        assert "command.unknown c-6" in assisted.start(8)

    def test_an_opening_by_people_on_site_ends_nobodys_command(self, assisted):
        assisted.finger("2", 6)
        assert "command.done" not in " ".join(self.strike(assisted, "done", 6.1))

    def test_whoever_waits_and_is_not_let_in_is_told(self, make):
        play = make(door={"remote_open": "assist", "roles": ["officer", "technician"]})
        play.finger("1", 5)
        play.to(40)
        play.finger("4", 41)  # a technician, who is not among those who are let in
        told = self.ask(play, 45)
        assert told == ["access.denied store", "access.granted store", "command.accepted c-45"]
        assert play.last("access.granted").data["persons"] == ["p-1"]
        data = play.last("access.denied").data
        assert (data["person"], data["reason"]) == ("p-4", "second-person-missing")
        assert play.to(120) == []

    def test_whoever_is_let_in_with_half_of_their_factors_shown_is_not_denied(self, make):
        play = make(door={"remote_open": "assist", "factors": ["finger", "pin"]})
        forms = [{"kind": "finger", "reference": f"{name}:1"} for name in ("reader", "lobby")]
        play.enrol("p-1", credentials=forms)
        play.finger("1", 5, reader="lobby")
        play.finger("1", 6)
        self.ask(play, 7)
        assert play.refusal == ""
        play.to(100)
        assert play.count("access.denied") == 0

    def test_nobody_there(self, make):
        play = make(door={"remote_open": "assist"})
        self.ask(play, 6)
        assert play.refusal == "not-on-site"

    def test_never_unless_the_file_says_so(self, play):
        play.finger("1", 5)
        self.ask(play, 6)
        assert play.refusal == "never-remote"

    def test_never_while_armed(self, assisted):
        assisted.command("area.arm", 6, area="hall", origin="monitor")
        assisted.to(60)
        self.ask(assisted, 61)
        assert assisted.refusal == "armed-or-alarm"

    def test_never_in_alarm_not_even_in_a_silent_one(self, assisted):
        assisted.point("board.panic", "alarm", 6)
        self.ask(assisted, 7)
        assert assisted.refusal == "armed-or-alarm"

    def test_nothing_on_site_shows_that_duress_refused_it(self, assisted):
        given = {"kind": "finger", "reference": "reader:9", "duress": True}
        assisted.enrol("p-9", credentials=[given])
        assisted.finger("9", 6)
        assert self.ask(assisted, 7) == ["command.refused c-7"]
        assert assisted.refusal == "armed-or-alarm"
        assert assisted.last("command.refused").data["hidden"] is True
        assisted.point("board.panic", "alarm", 8)
        self.ask(assisted, 9)
        assert "hidden" not in assisted.last("command.refused").data

    def test_never_in_lockdown(self, assisted):
        assisted.command("site.lock_down", 6)
        self.ask(assisted, 7)
        assert assisted.refusal == "locked-down"

    def test_never_on_site(self, assisted):
        assisted.command("door.assist", 6, door="store")
        assert assisted.refusal == "not-from-here"
