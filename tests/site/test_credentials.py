"""What people are known by: whole, one more, one less, and what is refused."""

from __future__ import annotations

import pytest

from agent.site.inputs import CredentialRead
from tests.site.conftest import SECOND, TABLES
from tests.site.enrolling import enrol, officers_there


class TestCredentials:
    @pytest.fixture
    def desk(self, play):
        officers_there(play, 5)
        return play

    @pytest.mark.parametrize(
        ("credential", "reason"),
        [
            ({"kind": "finger", "reference": "reader:1"}, "already-enrolled"),
            ({"kind": "finger", "reference": "nowhere:1"}, "bad-finger"),
            ({"kind": "finger", "reference": "7"}, "bad-finger"),
            ({"kind": "finger", "reference": "reader:07"}, "bad-finger"),  # readers write no 07
            ({"kind": "finger", "reference": "board:7"}, "bad-finger"),  # no reader
            ({"kind": "finger", "reference": "cam:7"}, "bad-finger"),
            ({"kind": "pin", "reference": "12345"}, "bad-pin"),
            ({"kind": "pin", "reference": "1234567890123"}, "bad-pin"),
            ({"kind": "pin", "reference": "12345a"}, "bad-pin"),
            ({"kind": "pin", "reference": "١٢٣٤٥٦"}, "bad-pin"),  # digits, and none on a keypad
            ({"kind": "iris", "reference": "x"}, "bad-params"),
        ],
    )
    def test_refused(self, desk, credential, reason):
        enrol(desk, "p-5", 6, credential)
        assert desk.refusal == reason
        assert desk.site.enrolled(desk.now(desk.t))["enrolled"] == 4

    def test_a_finger_is_on_what_reads_fingers_whatever_else_is_used_of_it(self, make):
        lids = [("box", "box.lid"), ("gate", "gate.tamper")]  # of a board, and of a reader
        others = [{"id": name, "reads_fingers": False} for name in ("box", "keypad")]
        zones = [
            {"id": name, "area": "hall", "point": point, "kind": "tamper", "supervision": "eol"}
            for name, point in lids
        ]
        devices = [*TABLES["device"], *others, {"id": "gate"}]
        desk = make(device=devices, zone=[*TABLES["zone"], *zones])
        officers_there(desk, 5)
        for device, reason in (("box", "bad-finger"), ("keypad", "bad-finger"), ("gate", "")):
            enrol(desk, "p-5", 6, {"kind": "finger", "reference": f"{device}:7"})
            assert desk.refusal == reason

    @pytest.mark.parametrize(
        ("kind", "reference"), [("finger", "reader:7"), ("card", "0A1B"), ("finger", "lobby:0")]
    )
    def test_nothing_is_both_plain_and_for_duress(self, desk, kind, reference):
        given = {"kind": kind, "reference": reference}
        enrol(desk, "p-5", 6, given, given | {"duress": True})
        assert desk.refusal == "given-twice"
        enrol(desk, "p-5", 7, given)
        assert desk.refusal == ""

    @pytest.mark.parametrize("length", [6, 12])
    def test_a_pin_of_six_to_twelve_digits(self, desk, length):
        enrol(desk, "p-5", 6, {"kind": "pin", "reference": "7" * length})
        assert desk.refusal == ""

    @pytest.mark.parametrize(
        ("duress", "reason"),
        [
            ("500010", "pin-too-close"),
            ("499990", "pin-too-close"),
            ("500011", ""),
            ("499989", ""),
        ],
    )
    def test_a_duress_pin_keeps_away_from_every_pin(self, desk, duress, reason):
        enrol(desk, "p-5", 6, {"kind": "pin", "reference": "500000"})
        enrol(desk, "p-6", 7, {"kind": "pin", "reference": duress, "duress": True})
        assert desk.refusal == reason
        enrol(
            desk,
            "p-7",
            8,
            {"kind": "pin", "reference": "600000"},
            {"kind": "pin", "reference": str(int(duress) + 100_000), "duress": True},
        )
        assert desk.refusal == reason

    def test_a_pin_keeps_away_from_every_duress_pin(self, desk):
        enrol(desk, "p-5", 6, {"kind": "pin", "reference": "000001", "duress": True})
        enrol(desk, "p-6", 7, {"kind": "pin", "reference": "000011"})
        assert desk.refusal == "pin-too-close"

    @pytest.mark.parametrize(
        ("pin", "duress", "reason"),
        [
            ("999999", "1000009", "pin-too-close"),
            ("1000009", "999999", "pin-too-close"),
            ("000005", "0000000005", "pin-too-close"),
            ("999999", "1000010", ""),
        ],
    )
    def test_they_are_apart_as_numbers_however_many_digits(self, desk, pin, duress, reason):
        enrol(desk, "p-5", 6, {"kind": "pin", "reference": pin})
        enrol(desk, "p-6", 7, {"kind": "pin", "reference": duress, "duress": True})
        assert desk.refusal == reason

    def test_two_people_cannot_have_one_pin(self, desk):
        enrol(desk, "p-5", 6, {"kind": "pin", "reference": "500000"})
        enrol(desk, "p-6", 7, {"kind": "pin", "reference": "500000"})
        assert desk.refusal == "already-enrolled"

    def test_nothing_that_is_saved_or_recorded_shows_a_pin_or_a_card(self, desk):
        enrol(
            desk,
            "p-5",
            6,
            {"kind": "pin", "reference": "975310"},
            {"kind": "card", "reference": "0A1B2C3D"},
        )
        for told in (desk.saved, desk.events, desk.site.view(), desk.answers):
            assert "975310" not in str(told)
            assert "0A1B2C3D" not in str(told)


class TestOneCredential:
    """A card, a PIN or a finger more, or less, and all else stays."""

    @pytest.fixture
    def desk(self, make):
        play = make(door={"people": 1, "factors": ["finger", "card"]})
        play.saved["sightings/all"] = {
            "last": {"p-1": {"at_us": 5_000_000}, "p-2": {"at_us": 5_000_000}}
        }
        play.forget("nothing")  # made anew from what is saved
        return play

    def add(self, play, t, kind, reference, person="p-3", **more):
        return play.command(
            "credential.add", t, person=person, kind=kind, reference=reference, **more
        )

    def card(self, play, number, t):
        return play.step(CredentialRead("reader", "card", number, round(t * SECOND)), t)

    def test_a_card_more(self, desk):
        found = self.add(desk, 6, "card", "0A1B")
        assert found[0] == "person.changed p-3"
        assert desk.last("person.changed").data == {
            "roles": ["guard"],
            "credentials": ["finger", "card"],
            "by": ["p-1", "p-2"],
        }
        desk.finger("3", 7)
        assert self.card(desk, "0A1B", 8) == ["access.granted store"]
        assert "0A1B" not in str((desk.saved, desk.events, desk.answers, desk.site.view()))

    def test_a_card_less(self, desk):
        self.add(desk, 6, "card", "0A1B")
        self.add(desk, 6, "card", "0C2D")
        desk.command("credential.remove", 7, person="p-3", kind="card", reference="0A1B")
        self.card(desk, "0A1B", 8)
        assert desk.last("access.denied").data["reason"] == "unknown"
        desk.finger("3", 9)
        assert self.card(desk, "0C2D", 10) == ["access.granted store"]
        desk.command("credential.remove", 11, person="p-3", kind="card")
        assert desk.last("person.changed").data["credentials"] == ["finger"]
        desk.command("credential.remove", 12, person="p-3", kind="card")
        assert desk.refusal == "unknown-credential"

    def test_a_finger_less_is_forgotten_by_the_reader(self, desk):
        desk.command("credential.remove", 6, person="p-3", kind="finger", reference="reader:3")
        assert (desk.actions[-1].verb, desk.actions[-1].target) == ("delete", "3")

    def test_a_new_pin_takes_the_old_ones_place(self, desk):
        self.add(desk, 6, "pin", "271828")
        self.add(desk, 7, "pin", "271829")
        assert desk.last("person.changed").data["credentials"] == ["finger", "pin"]
        self.add(desk, 8, "pin", "271828", person="p-4")
        assert desk.refusal == ""

    @pytest.mark.parametrize(
        ("first", "second", "reason"),
        [
            ({"reference": "271828"}, {"reference": "271838", "duress": True}, "pin-too-close"),
            ({"reference": "271828", "duress": True}, {"reference": "271838"}, "pin-too-close"),
            ({"reference": "271828"}, {"reference": "271839", "duress": True}, ""),
            ({"reference": "271828"}, {"reference": "271828", "duress": True}, "pin-too-close"),
        ],
    )
    def test_ones_own_pin_and_duress_pin_are_apart(self, desk, first, second, reason):
        self.add(desk, 6, "pin", **first)
        self.add(desk, 7, "pin", **second)
        assert desk.refusal == reason
        # Nothing shows that there are two.
        assert desk.last("person.changed").data["credentials"] == ["finger", "pin"]

    @pytest.mark.parametrize("name", ["credential.add", "credential.remove"])
    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ({"person": "p-99"}, "unknown-person"),
            ({"person": "p-3", "t": 126}, "two-officers-needed"),
            ({"person": "p-3", "origin": "monitor"}, "not-from-here"),
        ],
    )
    def test_refused(self, desk, name, given, reason):
        t = given.get("t", 6)
        given = {key: value for key, value in given.items() if key != "t"}
        desk.command(name, t, kind="card", reference="0A1B", **given)
        assert desk.refusal == reason

    def test_what_others_have_is_refused(self, desk):
        self.add(desk, 6, "finger", "reader:1")
        assert desk.refusal == "already-enrolled"
        self.add(desk, 7, "card", "0A1B")
        self.add(desk, 8, "card", "0A1B", person="p-4")
        assert desk.refusal == "already-enrolled"
