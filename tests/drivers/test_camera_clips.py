"""Motion over whole real clips. When somebody is in the picture was noted by eye, by frame."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drivers.camera.options import POINTS, Options
from drivers.camera.watch import Watch
from drivers.contract import PointReading, PointState

CLIPS = Path(__file__).parents[3] / "shared" / "video"
WIDTH = 320
OTHERS = len(POINTS) - 1  # than motion
LAG_S = 1.0  # how long the detector remembers (drivers.camera.motion)
HOLD_S = 0.5
SEEN_WITHIN_S = 0.8  # after the first of a head is in the picture

# One person after the other: first frame with a head, last frame with a shadow.
PEOPLE = ((60, 203), (227, 453), (501, 705), (745, 873), (920, 1207), (1234, 1367))
# A hand takes bottles away and puts them back: first and last frame with a hand or its shadow.
HANDS = ((168, 219), (328, 408), (469, 542), (649, 740), (807, 966), (1027, 1128))


def frames(name: str, every: int) -> Iterator[tuple[float, Any]]:
    """Yield time in seconds and picture, grey and reduced, of every so many frames."""
    path = CLIPS / name
    if not path.exists():
        pytest.skip(f"NOT TESTED: {name} is not in shared/video beside the checkout")
    clip = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    fps, number = clip.get(cv2.CAP_PROP_FPS), 0
    while clip.grab():
        if number % every == 0:
            picture = cv2.cvtColor(clip.retrieve()[1], cv2.COLOR_BGR2GRAY)
            height = picture.shape[0] * WIDTH // picture.shape[1]
            yield number / fps, cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA)
        number += 1
    clip.release()


def watched(name: str, every: int) -> tuple[list[PointReading], float, float]:
    """Return everything reported of a clip, its length, and the processor time it took."""
    watch = Watch(Options(url=name, motion_hold_ms=int(HOLD_S * 1000)))
    told: list[PointReading] = []
    began_s, at_s = time.process_time(), 0.0
    for at_s, grey in frames(name, every):
        told += watch.see(grey, int(at_s * 1_000_000))
    return told, at_s, time.process_time() - began_s


def motions(told: list[PointReading], fps: float, length_s: float) -> list[tuple[float, float]]:
    """Return the stretches of motion, in frames."""
    changes = [r for r in told if r.point == "motion"] + [
        PointReading("motion", PointState.NORMAL, int(length_s * 1_000_000))
    ]
    return [
        (this.at_us * fps / 1e6, after.at_us * fps / 1e6)
        for this, after in pairwise(changes)
        if this.state is PointState.ALARM
    ]


@pytest.mark.parametrize(
    ("name", "every", "fps", "stretches"),
    [
        ("one-by-one-person-detection.mp4", 2, 10.0, PEOPLE),
        ("bottle-detection.mp4", 6, 29.8333, HANDS),
    ],
)
def test_motion_is_found_when_somebody_moves_and_at_no_other_time(
    name: str, every: int, fps: float, stretches: tuple[tuple[int, int], ...]
) -> None:
    told, length_s, took_s = watched(name, every)
    found = motions(told, fps, length_s)
    tail = (LAG_S + HOLD_S + every / fps) * fps
    for first, last in stretches:
        starts = [start for start, _ in found if first <= start <= last]
        assert starts, f"nothing found from {first} to {last}"
        assert starts[0] <= first + SEEN_WITHIN_S * fps
    for start, end in found:
        assert any(first <= start and end <= last + tail for first, last in stretches), (start, end)
    assert [r.state for r in told if r.point != "motion"] == [PointState.NORMAL] * OTHERS
    assert took_s < length_s / 5  # decoding included


def test_where_people_walk_all_the_time_there_is_motion_all_the_time() -> None:
    told, length_s, _ = watched("vtest.avi", 2)
    assert [r.state for r in told if r.point != "motion"] == [PointState.NORMAL] * OTHERS
    [(start, end)] = motions(told, 10.0, length_s)
    assert start <= 10
    assert end == length_s * 10.0


def test_where_only_the_light_changes_there_is_no_motion() -> None:
    told, _, _ = watched("dvrscan-issue53_brightness_change.avi", 2)
    assert {r.point for r in told} == POINTS
    assert [r.state for r in told] == [PointState.NORMAL] * len(POINTS)


@pytest.mark.parametrize(
    ("name", "every"),
    [("one-by-one-person-detection.mp4", 2), ("bottle-detection.mp4", 6), ("vtest.avi", 2)],
)
@pytest.mark.parametrize(
    ("hindered", "point", "within_s"),
    [
        ("turned", "moved", 2.7),
        ("nudged", "moved", 2.7),
        ("defocused", "defocused", 3.7),
        ("blurred", "defocused", 3.7),
        ("taped", "covered", 1.7),
        ("dazzled", "blinded", 1.7),
    ],
)
def test_what_is_done_to_a_camera_is_told_as_what_it_is(
    name: str, every: int, hindered: str, point: str, within_s: float
) -> None:
    watch = Watch(Options(url=name))
    hinder = {
        "turned": lambda grey: np.ascontiguousarray(grey[::-1, ::-1]),
        "nudged": lambda grey: np.ascontiguousarray(np.roll(grey, (25, 40), (0, 1))),
        "defocused": lambda grey: cv2.GaussianBlur(grey, (0, 0), 8),
        "blurred": lambda grey: cv2.GaussianBlur(grey, (0, 0), 3),
        "taped": lambda grey: grey // 20,
        "dazzled": lambda grey: 245 + grey // 40,
    }[hindered]
    told: list[PointReading] = []
    for at_s, grey in frames(name, every):
        if at_s > 11:
            break
        told += watch.see(hinder(grey) if at_s > 5 else grey, int(at_s * 1_000_000))
    alarms = [(r.point, r.at_us) for r in told if r.state is PointState.ALARM]
    (found,) = [one for one in alarms if one[0] not in ("motion", "dark")]
    assert found[0] == point
    assert 6_000_000 < found[1] < (5 + within_s) * 1_000_000
    assert ("dark" in [name for name, _ in alarms]) is (hindered == "taped")
