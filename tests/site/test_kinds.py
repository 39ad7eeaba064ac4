"""The table of kinds: complete, with a text in both languages, and its page up to date."""

from __future__ import annotations

import inspect
import re
import string
from pathlib import Path

import pytest

import agent.site
from agent.site.kinds import COMMON, KINDS
from agent.site.page import page
from agent.site.texts import TEXTS, describe

FOLDER = Path(inspect.getfile(agent.site)).parent
TYPES = {"text", "int", "bool", "list", "map"}


def names(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_kind_has_a_text_and_no_other(language):
    assert TEXTS[language].keys() == KINDS.keys()


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_text_names_only_fields_that_the_kind_has(kind, language):
    known = {*KINDS[kind].fields, *COMMON, "object", "object_id"}
    assert names(TEXTS[language][kind]) <= known


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_both_languages_tell_the_same(kind):
    assert names(TEXTS["en"][kind]) == names(TEXTS["es"][kind])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_codes_and_fields_are_of_their_form(kind):
    row = KINDS[kind]
    assert re.fullmatch(r"([1-6]\d\d)?", row.contact_id)
    assert re.fullmatch(r"([A-Z]{2})?", row.sia)
    assert set(row.fields.values()) <= TYPES


def test_every_kind_is_told_somewhere():
    """A kind that neither a rule nor the record itself ever tells promises what is not there."""
    source = "".join(
        file.read_text()
        for folder in (FOLDER, FOLDER.parent / "journal")
        for file in folder.glob("*.py")
        if file.name not in ("kinds.py", "texts.py")
    )
    told = {kind for kind in KINDS if f'"{kind}"' in source}
    assert KINDS.keys() - told == {"command.accepted"}  # f"command.{outcome}"


# The kinds that the rules and the monitor were agreed on, by noun; there may be more.
AGREED = """
access: pending granted denied
door: opened closed unlocked relocked forced held held_ended exit_requested lock_fault
duress: raised
panic: raised repeated stuck tested
area: exit_started armed arm_failed disarmed entry_started overridden late_to_close early_to_open
area: warned postponed
zone: alarmed confirmed tampered faulted shut_down bypassed unbypassed test_overdue
zone: nuisance_exceeded
point: changed normal flooded
alarm: raised acknowledged checked restored closed overdue
rack: removed returned intrusion wrong_slot unknown_tag overdue counted discrepancy count_overdue
camera: motion_started motion_ended covered blinded defocused moved frozen dark lost cleared
device: lost faulted restored substituted
person: enrolled changed removed
power: mains_lost mains_back battery_low undervoltage
system: started stopped blind clock_stepped clock_trusted configured technician_on technician_off
system: storage_warning storage_failed storage_back
uplink: lost back switched
command: accepted done refused unknown
"""


def test_every_agreed_kind_is_there():
    for line in AGREED.strip().splitlines():
        noun, _, kinds = line.partition(": ")
        assert {f"{noun}.{kind}" for kind in kinds.split()} <= KINDS.keys()


def test_a_sentence_for_people():
    data = {"cause": "door.forced", "object": "store"}
    assert describe("alarm.raised", "3", data) == "Alarm 3 raised: door.forced of store"
    assert describe("alarm.raised", "3", data, "es") == "Alarma 3: door.forced de store"
    granted = describe("access.granted", "store", {"persons": ["p-1", "p-2"]})
    assert granted == "Door store: p-1, p-2 may pass"
    assert describe("access.denied", "store", {"reason": "unknown"}) == (
        "At store: - refused (unknown)"
    )


def test_the_page_is_written_from_the_table():
    written = FOLDER.parents[1] / "docs" / "events.md"
    assert written.read_text() == page(), "run: python -m agent.site.page > docs/events.md"
