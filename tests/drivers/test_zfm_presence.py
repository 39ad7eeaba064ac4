"""When a finger was laid, and when it was lifted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract import PointState
from drivers.zfm.presence import EMPTY_IMAGES, Presence

COVERED_US = 30_000_000


def shown(images: str) -> Presence:
    """Show images 100 ms apart: "#" something, "." nothing, "r" something that is read."""
    presence = Presence(COVERED_US)
    for number, image in enumerate(images):
        presence.see(image != ".", number * 100_000)
        if image == "r":
            presence.read()
    return presence


@pytest.mark.parametrize(
    ("images", "fresh"),
    [
        ("", False),
        ("#", True),
        ("r", False),
        ("r#####", False),
        ("r.#", False),  # one empty image is a twitch
        ("r..#", True),
        ("#..", False),
        ("#.#", True),
        ("r.#.#.#", False),
    ],
)
def test_a_finger_is_fresh_until_it_is_read_and_again_after_a_lift(
    images: str, fresh: bool
) -> None:
    assert shown(images).fresh is fresh


@given(st.text("#.", max_size=60))
def test_every_presentation_is_read_once(images: str) -> None:
    presence = Presence(COVERED_US)
    read = 0
    for number, image in enumerate(images):
        presence.see(image == "#", number)
        if image == "#" and presence.fresh:
            presence.read()
            read += 1
    apart = images.strip(".").split("." * EMPTY_IMAGES)
    assert read == sum("#" in part for part in apart)


def test_what_lies_there_too_long_covers_the_window_until_it_is_gone() -> None:
    presence = Presence(COVERED_US)
    assert presence.see(True, 5_000_000) is False
    assert presence.see(True, 34_999_999) is False
    assert presence.see(True, 35_000_000) is True
    assert presence.window is PointState.ALARM
    assert presence.see(True, 90_000_000) is False
    assert presence.see(False, 91_000_000) is False
    assert presence.see(False, 91_100_000) is True
    assert presence.window is PointState.NORMAL
    assert presence.see(True, 92_000_000) is False


def test_fingers_one_after_the_other_do_not_cover_it() -> None:
    presence = Presence(COVERED_US)
    for start_s in range(0, 300, 20):
        for image in (True, True, False, False):
            presence.see(image, start_s * 1_000_000)
    assert presence.window is PointState.NORMAL
