"""Devices: there, lost, faulted, substituted."""

from __future__ import annotations


def test_lost_and_restored(play):
    assert play.device("reader", "lost", 5) == ["device.lost reader", "alarm.raised 1"]
    assert play.device("reader", "lost", 6) == []
    assert play.device("reader", "ready", 7) == ["device.restored reader"]
    assert play.device("reader", "ready", 8) == []


def test_faulted_after_lost_is_told_too(play):
    play.device("reader", "lost", 5)
    assert play.device("reader", "faulted", 6) == ["device.faulted reader", "alarm.raised 2"]


def test_the_first_time_it_is_just_there(make):
    play = make()
    play.forget("device")
    play.start(5)
    assert play.device("reader", "ready", 6, serial="a") == []


def test_lost_over_a_restart_it_is_restored_after_it(play):
    play.device("reader", "lost", 5)
    play.start(6)
    assert play.device("reader", "ready", 7) == ["device.restored reader"]


class TestSubstituted:
    def test_another_identity_is_an_alarm(self, play):
        play.device("reader", "ready", 4, serial="a", templates=2)
        found = play.device("reader", "ready", 5, serial="b", templates=3)
        assert found == ["device.substituted reader", "alarm.raised 1"]
        assert play.last("device.substituted").data["changed"] == ["serial", "templates"]
        assert play.device("reader", "ready", 6, serial="b", templates=3) == []

    def test_swapped_over_a_restart(self, play):
        play.device("reader", "ready", 4, serial="a")
        play.start(5)
        assert "device.substituted reader" in play.device("reader", "ready", 6, serial="b")

    def test_something_that_it_no_longer_says(self, play):
        play.device("reader", "ready", 4, serial="a", capacity=162)
        play.device("reader", "ready", 5, serial="a")
        assert play.last("device.substituted").data["changed"] == ["capacity"]

    def test_the_right_one_back_is_trusted_again(self, play):
        play.device("reader", "ready", 4, serial="a")
        play.device("reader", "ready", 5, serial="b")
        assert play.device("reader", "ready", 6, serial="a") == []
        assert play.finger("1", 7) == ["access.pending store"]

    def test_accepted_by_a_technician_and_an_officer(self, play):
        play.device("reader", "ready", 4, serial="a")
        play.device("reader", "ready", 5, serial="b")
        play.command("alarm.acknowledge", 6, alarm="1")
        play.enrol("p-4", "technician", "guard", finger="4")
        for person in ("p-4", "p-1"):  # at another reader: this one identifies nobody
            play.saved[f"person/{person}"]["credentials"].append(
                {"kind": "finger", "reference": f"lobby:{person[2:]}"}
            )
        play.reborn = True
        play.finger("4", 7, reader="lobby")
        play.command("alarm.check", 8, alarm="1")
        play.command("alarm.restore", 9, alarm="1")
        assert play.refusal == "technician-and-officer-needed"
        play.finger("1", 10, reader="lobby")
        play.command("alarm.restore", 11, alarm="1")
        assert play.refusal == ""
        assert play.device("reader", "ready", 12, serial="b") == []
        assert play.finger("1", 13) == ["access.pending store"]

    def test_as_many_templates_more_as_were_enrolled(self, play):
        play.device("reader", "ready", 4, templates=4)
        enrol(play, "p-5", "5")
        assert play.device("reader", "ready", 20, templates=5) == []
        assert "device.substituted reader" in play.device("reader", "ready", 21, templates=6)

    def test_more_templates_than_were_enrolled(self, play):
        play.device("reader", "ready", 4, templates=4)
        enrol(play, "p-5", "5")
        assert "device.substituted reader" in play.device("reader", "ready", 20, templates=6)


def enrol(play, person, position):
    play.finger("1", 5)
    play.finger("2", 6)
    credentials = [{"kind": "finger", "reference": f"reader:{position}"}]
    play.command("person.enrol", 7, person=person, roles=["guard"], credentials=credentials)
    assert play.refusal == ""


def test_a_point_that_was_never_seen_and_is_not_now_is_nothing(play):
    before = play.site.view()["points"]
    assert play.point("board.spare", "unknown", 5) == []
    assert play.site.view()["points"] == before
