"""`armoury device`: what the loops measure."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Armoury

pytestmark = pytest.mark.usefixtures("daemon")


def test_each_loop_stands_with_its_state_and_what_it_measures(armoury: Armoury) -> None:
    said = armoury("device", "measure")
    assert said.out.splitlines() == [
        "WHAT       STATE   MEASURES",
        "loops.pir  normal  4 702 Ω",
        "loops.lid  open    999 999 Ω",
    ]


def test_json_has_the_units_in_its_names(armoury: Armoury) -> None:
    said = armoury("device", "measure", "loops", "--json")
    assert json.loads(said.out) == {"loops": {"pir_ohm": 4702, "lid_ohm": 999_999}}


def test_what_measures_nothing_says_so(armoury: Armoury) -> None:
    said = armoury("device", "measure", "board")
    assert said.status == 1
    assert "no device that is ready measures" in said.err


def test_an_unknown_device_is_told(armoury: Armoury) -> None:
    said = armoury("device", "measure", "loup")
    assert said.status == 1
    assert "there is no device loup" in said.err
