"""What is typed at a keypad, key by key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.osdp.keypad import CLEAR, ENTER, LONGEST, Keypad, Pin

SECOND = 1_000_000
PATIENCE_US = 10 * SECOND


def typed(keypad: Keypad, keys: bytes, at_us: int = 0) -> list[str | None]:
    return [pin.digits for pin in keypad.press(keys, at_us)]


def test_a_pin_that_nobody_goes_on_with_is_forgotten() -> None:
    keypad = Keypad(PATIENCE_US)
    assert keypad.press(b"2718", 0) == []
    assert keypad.press(b"28", PATIENCE_US) == []
    assert keypad.press(b"\r", 2 * PATIENCE_US) == [Pin("271828", 2 * PATIENCE_US)]
    keypad.press(b"2718", 3 * PATIENCE_US)
    assert keypad.press(b"28\r", 4 * PATIENCE_US + 1) == [Pin("28", 4 * PATIENCE_US + 1)]


@pytest.mark.parametrize("end", [bytes([ENTER]), bytes([CLEAR])])
def test_what_keys_were_lost_from_is_no_pin_and_the_next_one_is(end: bytes) -> None:
    keypad = Keypad(PATIENCE_US)
    keypad.press(b"27", 0)
    keypad.interrupt()
    assert typed(keypad, b"28" + end, 1) == []
    assert typed(keypad, b"271828\r", 2) == ["271828"]


def test_keys_that_were_lost_long_ago_are_of_another_pin() -> None:
    keypad = Keypad(PATIENCE_US)
    keypad.press(b"27", 0)
    keypad.interrupt()
    assert typed(keypad, b"271828\r", PATIENCE_US + 1) == ["271828"]


def test_a_pin_that_is_begun_after_keys_may_have_been_lost_is_one() -> None:
    keypad = Keypad(PATIENCE_US)
    keypad.interrupt()
    assert typed(keypad, b"271828\r") == ["271828"]


@given(st.lists(st.integers(0, 255)), st.lists(st.integers(0, 9)))
def test_whatever_was_pressed_before_delete_begins_anew(
    before: list[int], digits: list[int]
) -> None:
    keypad = Keypad(PATIENCE_US)
    keypad.press(bytes(before), 0)
    keypad.press(bytes([CLEAR]), 1)
    number = "".join(map(str, digits))
    told = typed(keypad, number.encode() + bytes([ENTER]), 2)
    assert told == ([] if not number else [number if len(number) <= LONGEST else None])


@given(st.binary(), st.integers(0, 50))
def test_however_it_is_cut_it_is_the_same(keys: bytes, cut: int) -> None:
    whole, parts = Keypad(PATIENCE_US), Keypad(PATIENCE_US)
    assert typed(parts, keys[:cut]) + typed(parts, keys[cut:]) == typed(whole, keys)
