"""What an output can do, held against what will be asked of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Mistakes = Callable[[str], list[str]]
REFERENCE = (Path(__file__).parents[2] / "config" / "reference.toml").read_text()
SIREN = 'siren = { pin = 25, fail_state = "off", kind = "siren", max_on_s = 180 }'
STRIKE = 'store-strike = { pin = 23, fail_state = "off", kind = "strike", max_on_s = 10 }'
ALIVE = 'alive = { pin = 21, fail_state = "off" }'
SILENT = 'id = "guard-room"\narea = "guards"\n'


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            SIREN,
            SIREN.replace("180", "60"),
            'output.siren.output: found "board.siren", which may be on for 60 s; '
            "give that output max_on_s = 180 or more: it is asked to be on so long",
        ),
        (
            STRIKE,
            STRIKE.replace("max_on_s = 10", "max_on_s = 2"),
            'door.store.strike: found "board.store-strike", which may be on for 2 s; ',
        ),
        (
            STRIKE,
            STRIKE.replace('"off"', '"on"'),
            'door.store.strike: found "board.store-strike", which is on in its fail state; '
            'write fail_state = "off" there',
        ),
        (
            STRIKE,
            'store-strike = { pin = 4, fail_state = "off", kind = "led", max_on_s = 10 }',
            'door.store.strike: found "board.store-strike", which is on at every start of the '
            "machine; move it to a pin from 9 on",
        ),
        (
            SILENT,
            f'{SILENT}escalate_output = "sirene"\n',
            'panic.guard-room.escalate_output: found sirene; did you mean "siren"?',
        ),
        (
            SILENT,
            f'{SILENT.replace("guards", "store")}escalate_output = "siren"\n',
            "panic.guard-room.escalate_output: found siren; an output outside store: ",
        ),
        (
            SILENT,  # the nearest one that would be right is none here
            f'{SILENT.replace("guards", "store")}escalate_output = "sirens"\n',
            "panic.guard-room.escalate_output: found sirens; the id of an [[output]] ",
        ),
        (
            ALIVE,
            ALIVE.replace('"off"', '"off", max_on_s = 60'),
            'output.alive.output: found "board.alive", which may be on for 60 s; '
            "leave max_on_s out",
        ),
        (
            ALIVE,
            ALIVE.replace('"off"', '"on"'),
            'output.alive.output: found "board.alive", which is on in its fail state; ',
        ),
        (
            SILENT,
            f'{SILENT}escalate_output = "alive"\n',
            "panic.guard-room.escalate_output: found alive; ",
        ),
    ],
)
def test_what_an_output_cannot_do_is_a_mistake(
    mistakes: Mistakes, before: str, after: str, said: str
) -> None:
    assert before in REFERENCE
    (line,) = mistakes(REFERENCE.replace(before, after, 1))
    assert said in line


def test_a_buzzer_that_a_panic_escalates_to_is_asked_for_as_long_as_a_siren(
    mistakes: Mistakes,
) -> None:
    text = REFERENCE
    for before, after in [
        (SIREN, SIREN.replace('"siren"', '"relay"').replace("180", "60")),
        ('kind = "siren"\non_s = 180', 'kind = "buzzer"\non_s = 180'),
    ]:
        assert before in text
        text = text.replace(before, after, 1)
    assert mistakes(text) == []
    (line,) = mistakes(text.replace(SILENT, f'{SILENT}escalate_output = "siren"\n', 1))
    assert 'output.siren.output: found "board.siren", which may be on for 60 s; give' in line


def test_a_panic_may_sound_in_another_area(mistakes: Mistakes) -> None:
    assert mistakes(REFERENCE.replace(SILENT, f'{SILENT}escalate_output = "siren"\n', 1)) == []
