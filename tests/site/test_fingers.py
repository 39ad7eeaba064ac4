"""Fingers learned and forgotten on the readers."""

from __future__ import annotations

import pytest


@pytest.fixture
def desk(play):
    """Two officers at a reader that holds four templates."""
    play.device("reader", "ready", 2, capacity=162, templates=4)
    play.finger("1", 5)
    play.finger("2", 6)
    play.actions.clear()
    return play


def learn(play, t, person="p-3", **more):
    return play.command("finger.enrol", t, person=person, reader="reader", **more)


class TestLearn:
    def test_the_reader_is_asked_after_the_record(self, desk):
        assert learn(desk, 7) == [f"command.accepted c-{len(desk.answers) - 1}"]
        action = desk.actions[-1]
        assert (action.device, action.verb, action.target) == ("reader", "enrol", "0")
        assert action.args == {"timeout_ms": 30_000}
        assert action.release == "recorded"
        assert desk.answers[-1].data == {"outcome": "accepted"}

    def test_once_learned_the_finger_is_theirs(self, desk):
        learn(desk, 7)
        command = desk.events[-1].object
        desk.finger("0", 8)
        assert desk.last("access.denied").data["reason"] == "unknown"
        assert desk.answer("done", 10) == ["person.changed p-3", f"command.done {command}"]
        assert desk.last("person.changed").data == {
            "roles": ["guard"],
            "credentials": ["finger", "finger"],
            "by": ["p-1", "p-2"],
        }
        assert desk.last("command.done").data == {
            "name": "finger.enrol",
            "by": "someone",
            "origin": "local",
        }
        desk.finger("0", 60)
        assert desk.last("access.pending").data["person"] == "p-3"
        desk.finger("3", 61)
        assert desk.last("access.denied").data["reason"] == "same-person"

    @pytest.mark.parametrize(
        ("outcome", "kind"),
        [
            ("refused", "command.refused"),
            ("cancelled", "command.refused"),
            ("unknown", "command.unknown"),
        ],
    )
    def test_what_was_not_learned_is_nobodys(self, desk, outcome, kind):
        learn(desk, 7)
        assert [found.split()[0] for found in desk.answer(outcome, 10)] == [kind]
        desk.finger("0", 60)
        assert desk.last("access.denied").data["reason"] == "unknown"

    def test_a_duress_finger(self, desk):
        learn(desk, 7, duress=True)
        desk.answer("done", 10)
        assert "duress" not in str(desk.events)
        assert desk.finger("0", 60)[0] == "duress.raised store"

    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ({"person": "p-99"}, "unknown-person"),
            ({"position": 1}, "already-enrolled"),
            ({"reader": "board"}, "unknown-reader"),
            ({"reader": "nowhere"}, "unknown-reader"),
            ({"position": 10_000}, "bad-params"),
            ({"origin": "monitor"}, "not-from-here"),
        ],
    )
    def test_refused(self, desk, given, reason):
        desk.command("finger.enrol", 7, **{"person": "p-3", "reader": "reader", **given})
        assert desk.refusal == reason
        assert desk.actions == []

    def test_it_takes_two_officers(self, play):
        play.finger("1", 5)
        learn(play, 6)
        assert play.refusal == "two-officers-needed"

    def test_one_finger_at_a_time(self, desk):
        learn(desk, 7)
        learn(desk, 8, person="p-4")
        assert desk.refusal == "reader-busy"
        desk.answer("refused", 9)
        learn(desk, 10, person="p-4")
        assert desk.refusal == ""

    @pytest.mark.parametrize("change", [{"condition": "lost"}, {"condition": "ready", "serial": 1}])
    def test_a_reader_that_is_away_or_another_one(self, desk, change):
        desk.device("reader", t=6.5, **change)
        learn(desk, 7)
        assert desk.refusal == "reader-away"

    def test_a_full_reader(self, desk):
        desk.device("reader", "ready", 6.2, capacity=162, templates=4)
        for position in range(162):
            desk.enrol(f"p-{100 + position}", "guard", finger=str(position))
        learn(desk, 7)
        assert desk.refusal == "reader-full"

    def test_removed_while_the_finger_lay_there(self, desk):
        learn(desk, 7)
        enrol = desk.actions[-1].id
        desk.command("person.remove", 8, person="p-3")
        desk.answer("done", 9, enrol)
        assert desk.last("command.refused").data["reason"] == "revoked"
        assert (desk.actions[-1].verb, desk.actions[-1].target) == ("delete", "0")

    def test_a_restart_leaves_it_unknown(self, desk):
        learn(desk, 7)
        desk.start(8)
        assert desk.last("command.unknown").data["reason"] == "the agent stopped over it"
        assert desk.count("person.changed") == 0


class TestTemplates:
    """The reader's own count follows, and one template more than that is a look-alike's."""

    @pytest.mark.parametrize(
        ("outcome", "fits", "strange"),
        [("done", [5], [4, 6]), ("refused", [4], [5, 3]), ("unknown", [4, 5], [6])],
    )
    def test_after_learning(self, desk, outcome, fits, strange):
        learn(desk, 7)
        desk.answer(outcome, 10)
        counted(desk, fits, strange)

    @pytest.mark.parametrize(
        ("outcome", "fits", "strange"),
        [("done", [3], [4, 2]), ("refused", [4], [3, 5]), ("unknown", [4, 3], [2])],
    )
    def test_after_forgetting(self, desk, outcome, fits, strange):
        desk.command("person.remove", 7, person="p-3")
        desk.answer(outcome, 10)
        counted(desk, fits, strange)


class TestClear:
    def test_what_is_nobodys_is_forgotten(self, desk):
        desk.enrol("p-6", revoked=True)
        assert desk.command("reader.clear", 7, reader="reader") == [
            f"command.accepted c-{len(desk.answers) - 1}"
        ]
        command, action = desk.events[-1].object, desk.actions[-1]
        assert (action.device, action.verb, action.release) == ("reader", "clear", "recorded")
        assert action.args == {"keep": [1, 2, 3, 4], "timeout_ms": 60_000}
        assert desk.answer("done", 8) == [f"command.done {command}"]
        desk.finger("6", 9)
        assert desk.last("access.denied").data["reason"] == "unknown"

    @pytest.mark.parametrize(
        ("outcome", "fits", "strange"),
        [("done", [4], [3, 5, 7]), ("refused", [7], [6, 4]), ("unknown", [4, 7], [15])],
    )
    def test_its_number_of_templates_is_as_it_must_be(self, desk, outcome, fits, strange):
        desk.device("reader", "ready", 6.1, capacity=162, templates=7)
        technician_accepts(desk)
        desk.command("reader.clear", 7, reader="reader")
        desk.answer(outcome, 10)
        counted(desk, fits, strange)

    def test_it_takes_two_officers_but_for_the_first_two(self, play):
        play.command("reader.clear", 5, reader="reader")
        assert play.refusal == "two-officers-needed"
        play.forget("person")
        play.forget("enrolment")
        play.command("reader.clear", 6, reader="reader")
        assert play.refusal == ""
        assert play.actions[-1].args["keep"] == []

    @pytest.mark.parametrize("first", ["finger.enrol", "reader.clear"])
    def test_not_while_the_reader_is_busy(self, desk, first):
        person = {"person": "p-3"} if first == "finger.enrol" else {}
        desk.command(first, 7, reader="reader", **person)
        desk.command("reader.clear", 8, reader="reader")
        assert desk.refusal == "reader-busy"
        learn(desk, 9)
        assert desk.refusal == "reader-busy"

    def test_a_restart_leaves_it_unknown(self, desk):
        desk.command("reader.clear", 7, reader="reader")
        desk.start(8)
        assert desk.last("command.unknown").data["name"] == "reader.clear"

    def test_no_such_reader(self, desk):
        desk.command("reader.clear", 7, reader="board")
        assert desk.refusal == "unknown-reader"


def technician_accepts(play):
    """Take the reader as it says that it is, as a technician and an officer would."""
    identity = play.saved["device/reader"].pop("other", None)
    play.saved["device/reader"] |= {"identity": identity} if identity else {}
    play.forget("nothing")  # made anew from what is saved
    play.events.clear()


def counted(play, fits, strange):
    for count in strange:
        play.device("reader", "ready", 20, capacity=162, templates=count)
        assert play.last("device.substituted").data["changed"] == ["templates"]
        play.events.clear()
    for count in fits[:1]:
        play.device("reader", "ready", 21, capacity=162, templates=count)
        assert play.count("device.substituted") == 0


class TestForget:
    def test_whoever_is_removed_is_forgotten_by_the_readers(self, desk):
        desk.command("person.remove", 7, person="p-3")
        action = desk.actions[-1]
        assert (action.device, action.verb, action.target) == ("reader", "delete", "3")
        assert action.release == "recorded"
        assert desk.answer("done", 8) == ["device.template_deleted reader"]
        assert desk.last("device.template_deleted").data == {"person": "p-3", "position": 3}

    def test_the_place_can_be_used_again(self, desk):
        desk.command("person.remove", 7, person="p-3")
        learn(desk, 8, person="p-4", position=3)
        assert desk.refusal == "already-enrolled"
        desk.answer("done", 9)
        learn(desk, 10, person="p-4", position=3)
        assert desk.refusal == ""

    @pytest.mark.parametrize("outcome", ["refused", "unknown", "cancelled"])
    def test_a_template_that_may_be_left_is_told(self, desk, outcome):
        desk.command("person.remove", 7, person="p-3")
        assert desk.answer(outcome, 8) == ["device.template_left reader"]
        assert desk.last("device.template_left").data["outcome"] == outcome
        desk.finger("3", 9)
        assert desk.last("access.denied").data["reason"] == "revoked"

    def test_a_restart_tells_what_may_be_left(self, desk):
        desk.command("person.remove", 7, person="p-3")
        desk.start(8)
        assert desk.last("device.template_left").data["outcome"] == "unknown"

    def test_after_a_restart_all_of_them_in_the_order_in_which_they_were_asked_for(self, desk):
        places = list(range(20, 32))
        fingers = [{"kind": "finger", "reference": f"reader:{place}"} for place in places]
        desk.saved["person/p-3"] |= {"credentials": fingers}
        desk.forget("nothing")  # made anew from what is saved
        desk.command("person.remove", 7, person="p-3")
        desk.start(8)
        told = [e for e in desk.events if e.kind == "device.template_left"]
        assert [event.data["position"] for event in told] == places
