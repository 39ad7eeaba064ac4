"""What a cut wire shows: a loop that tells nothing of it has to be accepted in so many words."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.mistakes import SiteFileMistakes
from agent.config.sitefile import load

REFERENCE = (Path(__file__).parents[2] / "config" / "reference.toml").read_text()
OPEN = ', normal = "open"'
CUT = "where a cut wire shows nothing; wire it normally closed, or accept that"


def said(tmp_path: Path, *changes: tuple[str, str]) -> list[str]:
    """Return the mistakes of the reference armoury with these changes."""
    text = REFERENCE
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    file = tmp_path / "site.toml"
    file.write_text(text)
    try:
        load(file)
    except SiteFileMistakes as error:
        return [f"{one.key}: {one.found}; {one.remedy}" for one in error.mistakes]
    return []


@pytest.mark.parametrize(
    ("pin", "key"),
    [
        ('guard-panic = { pin = 27, pull = "up"', "panic.guard-room.point"),
        ('gateway-tamper = { pin = 19, pull = "up"', "zone.gateway-lid.point"),
        ('store-contact = { pin = 17, pull = "up"', "door.store.contact"),
        ('store-pir = { pin = 5, pull = "up"', "zone.store-movement.point"),
    ],
)
def test_normally_open_is_refused(tmp_path: Path, pin: str, key: str) -> None:
    (mistake,) = said(tmp_path, (pin, pin + OPEN))
    assert mistake.startswith(f"{key}: ")
    assert CUT in mistake


@pytest.mark.parametrize(
    ("pin", "claim", "accepted"),
    [
        ("guard-panic = { pin = 27, pull = \"up\"",
         'point = "board.guard-panic"\nsupervision = "nc"',
         'point = "board.guard-panic"\nsupervision = "none"'),
        ("store-contact = { pin = 17, pull = \"up\"", 'contact = "board.store-contact"',
         'contact = "board.store-contact"\nsupervision = "none"'),
    ],
)  # fmt: skip
def test_unless_it_is_accepted(tmp_path: Path, pin: str, claim: str, accepted: str) -> None:
    assert said(tmp_path, (pin, pin + OPEN), (claim, accepted)) == []


def test_what_needs_no_supervision_may_be_open(tmp_path: Path) -> None:
    assert 'normal = "open"' in REFERENCE  # the exit button
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    ("wired", "fits"),
    [
        ('pull = "up", normal = "low"', True),  # a detector's output that holds the pin down
        ('pull = "down", normal = "high"', True),
        ('pull = "up", normal = "high"', False),
        ('pull = "down", normal = "low"', False),
        ('pull = "floating", normal = "low"', False),
        ('pull = "down"', True),
    ],
)
def test_what_the_pin_falls_to_by_itself_decides(tmp_path: Path, wired: str, fits: bool) -> None:
    found = said(
        tmp_path, ('store-pir = { pin = 5, pull = "up"', f"store-pir = {{ pin = 5, {wired}")
    )
    assert (found == []) is fits


def test_a_plain_contact_has_no_four_states(tmp_path: Path) -> None:
    claim = 'point = "board.store-pir"\nkind = "instant"\nsupervision = "nc"'
    (mistake,) = said(tmp_path, (claim, claim.replace('"nc"', '"eol"')))
    assert "zone.store-movement.point" in mistake
    assert mistake.endswith('write supervision = "nc"')


def test_what_is_no_loop_is_not_judged(tmp_path: Path) -> None:
    claim = 'point = "store-keypad.tamper"\nkind = "tamper"\nsupervision = "none"'
    assert said(tmp_path, (claim, claim.replace('"none"', '"nc"'))) == []


LOOP = "store-hatch = { channel = 1, end_ohm = 5600, alarm_ohm = 5600 }"


@pytest.mark.parametrize(
    ("wired", "claim", "mistakes"),
    [
        ("alarm_ohm = 5600", "eol", 0),
        ("alarm_ohm = 5600", "nc", 0),
        ('alarm_ohm = 5600, contact = "no"', "eol", 0),
        ('contact = "no"', "eol", 0),
        ('contact = "nc"', "eol", 1),  # three states: a cut is the same as an alarm
        ('contact = "nc"', "nc", 0),
    ],
)
def test_a_loop_has_as_many_states_as_its_resistors_give(
    tmp_path: Path, wired: str, claim: str, mistakes: int
) -> None:
    loop = f"store-hatch = {{ channel = 1, end_ohm = 5600, {wired} }}"
    zone = 'point = "loops.store-hatch"\nkind = "instant"\nsupervision = '
    found = said(tmp_path, (LOOP, loop), (f'{zone}"eol"', f'{zone}"{claim}"'))
    assert len(found) == mistakes
    assert all("shows as an alarm and not as its own state" in one for one in found)


def test_resistors_that_tell_nothing_apart_are_told_with_their_line(tmp_path: Path) -> None:
    (mistake,) = said(tmp_path, (LOOP, LOOP.replace("alarm_ohm = 5600", "alarm_ohm = 100")))
    assert mistake.startswith(
        "device.loops.inputs.store-hatch.alarm_ohm: normal and alarm too close"
    )
    assert "take resistors like the pull-up's value" in mistake


@pytest.mark.parametrize(
    "wired", ['pull = "up", normal = "open"', 'pull = "floating", normal = "low"']
)
def test_a_slot_whose_cut_wire_looks_like_a_weapon_is_a_warning(tmp_path: Path, wired: str) -> None:
    slot = 'slot-1 = { pin = 4, pull = "up"'
    assert slot in REFERENCE
    file = tmp_path / "site.toml"
    file.write_text(REFERENCE.replace(slot, f"slot-1 = {{ pin = 4, {wired}"))
    (warning,) = [one for one in load(file).warnings if not one.key.endswith("factory")]
    assert warning.key == 'rack.rifles.slots."rack-board.slot-1"'
    assert "a cut wire may look like what stands there; a contact that is closed" in str(warning)
