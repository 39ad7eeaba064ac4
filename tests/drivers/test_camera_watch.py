"""From pictures to points: motion, a covered lens, a frozen picture. Time is an argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.camera.lens import Hindrance, Lens
from drivers.camera.mask import Masks, blacken, parse
from drivers.camera.motion import Motion, smoothed
from drivers.camera.options import POINTS, Options
from drivers.camera.watch import Settled, Watch
from drivers.contract import PointReading, PointState

FRAME_US = 200_000  # five a second
NOISE = np.random.default_rng(3).normal(0.0, 3.0, (64, 180, 320))


def room(step: int = 0) -> Any:
    """A room with shelves, under a sensor's noise; `step` counts the pictures."""
    picture = np.full((180, 320), 150.0)
    picture[130:] = 90
    for x in range(40, 300, 32):
        picture[40:120, x : x + 14] = 60
    return np.clip(picture + NOISE[step % len(NOISE)], 0, 255).astype(np.uint8)


def somebody(step: int, x: int) -> Any:
    picture = room(step)
    picture[50:150, x : x + 24] = 30
    return picture


def turned(picture: Any) -> Any:
    """The view after a blow: the camera hangs on its side."""
    return np.tile(np.rot90(picture)[:180], (1, 2))[:, :320]


class Film:
    """Feeds a watch, five pictures a second, and keeps what it reports."""

    def __init__(self, masks: Masks = (), **options: Any) -> None:
        self._watch = Watch(Options(url="x", **options), masks)
        self._step = 0
        self.told: list[tuple[str, str, int]] = []

    def play(self, seconds: float, draw: Callable[[int], Any]) -> list[tuple[str, str]]:
        """Show `draw(step)` for so long; return what was news."""
        before = len(self.told)
        for _ in range(round(seconds * 5)):
            for reading in self._watch.see(draw(self._step), self._step * FRAME_US):
                self.told.append((reading.point, str(reading.state), reading.at_us))
            self._step += 1
        return [(point, state) for point, state, _ in self.told[before:]]


@pytest.fixture
def film() -> Film:
    """A watch that has seen an empty room for five seconds."""
    film = Film()
    assert set(film.play(5, room)) == {(point, "normal") for point in POINTS}
    assert len(film.told) == len(POINTS)
    return film


def test_the_first_picture_tells_every_point() -> None:
    readings = list(Watch(Options(url="x")).see(room(), 0))
    assert {(r.point, r.state) for r in readings} == {(p, PointState.NORMAL) for p in POINTS}


def test_an_empty_room_is_quiet(film: Film) -> None:
    assert film.play(60, room) == []


def test_somebody_who_walks_is_motion_from_the_second_picture_on(film: Film) -> None:
    assert film.play(4, lambda step: somebody(step, 20 + step * 4 % 260)) == [("motion", "alarm")]
    assert film.told[-1][2] == 5_000_000 + FRAME_US


def test_motion_ends_when_it_was_quiet_for_the_hold(film: Film) -> None:
    film.play(4, lambda step: somebody(step, 20 + step * 4 % 260))
    assert film.play(2.8, room) == []  # a second in which the past still has somebody in it
    assert film.play(0.6, room) == [("motion", "normal")]


def test_one_torn_picture_is_no_motion(film: Film) -> None:
    torn = np.roll(room(), 40, axis=1)
    assert film.play(0.2, lambda _: torn) == []
    assert film.play(5, room) == []


@pytest.mark.parametrize(
    "light",
    [
        pytest.param(lambda p: p * 0.5, id="halved"),
        pytest.param(lambda p: p * 0.8 - 10, id="dimmed"),
        pytest.param(lambda p: p * 1.4, id="brighter"),
        pytest.param(lambda p: 255 * (p / 255) ** 0.8, id="gamma"),
        pytest.param(lambda p: p * np.linspace(0.5, 1.3, 320)[None, :], id="from one side"),
    ],
)
def test_a_change_of_the_light_is_no_motion(film: Film, light: Callable[[Any], Any]) -> None:
    def lit(step: int) -> Any:
        return np.clip(light(room(step).astype(float)), 0, 255).astype(np.uint8)

    assert film.play(5, lit) == []
    assert film.play(5, room) == []


def test_a_faint_change_is_seen_by_high_sensitivity_only() -> None:
    def faint(step: int) -> Any:
        picture = room(step).astype(int)
        left = 40 + step * 5 % 200
        picture[40:140, left : left + 40] -= 14
        return np.clip(picture, 0, 255).astype(np.uint8)

    heard = {}
    for sensitivity in (20, 80):
        film = Film(sensitivity=sensitivity)
        film.play(3, room)
        heard[sensitivity] = film.play(4, faint)
    assert heard == {20: [], 80: [("motion", "alarm")]}


def test_what_is_smaller_than_the_least_area_is_no_motion() -> None:
    film = Film(min_area_permille=100)
    film.play(3, room)
    assert film.play(4, lambda step: somebody(step, 20 + step * 4 % 260)) == []


def test_a_blank_view_for_a_second_is_covered_and_clears(film: Film) -> None:
    hand = np.clip(40 + NOISE, 0, 255).astype(np.uint8)
    assert ("covered", "alarm") not in film.play(0.8, lambda step: hand[step % 64])
    assert ("covered", "alarm") in film.play(1, lambda step: hand[step % 64])
    assert ("covered", "normal") not in film.play(0.8, room)
    assert ("covered", "normal") in film.play(1, room)


@pytest.mark.parametrize(
    ("view", "why"),
    [
        (lambda: np.clip(4 + NOISE[0], 0, 255), Hindrance.DARK),
        (lambda: np.clip(250 + NOISE[0], 0, 255), Hindrance.BRIGHT),
        (lambda: np.clip(90 + NOISE[0], 0, 255), Hindrance.BLANK),
        (lambda: turned(room()), Hindrance.OTHER_VIEW),
        (lambda: cv2.GaussianBlur(room(), (0, 0), 4), Hindrance.SOFT),
        (lambda: cv2.GaussianBlur(room(), (0, 0), 6), Hindrance.SOFT),
    ],
)
def test_the_reason_of_a_hindrance(view: Callable[[], Any], why: Hindrance) -> None:
    lens = Lens()
    for step in range(20):
        assert lens.look(smoothed(room(step)), step * FRAME_US).hindrance is None
    sight = lens.look(smoothed(view().astype(np.uint8)), 20 * FRAME_US)
    assert sight.hindrance is why
    assert sight.dark is (why is Hindrance.DARK)


@pytest.mark.parametrize(
    ("view", "point", "after_s"),
    [
        (lambda step: np.clip(250 + NOISE[step % 64], 0, 255).astype(np.uint8), "blinded", 1),
        (lambda step: turned(room(step)), "moved", 2),
        (lambda step: cv2.GaussianBlur(room(step), (0, 0), 6), "defocused", 3),
    ],
)
def test_each_hindrance_is_a_point_that_comes_and_goes(
    film: Film, view: Callable[[int], Any], point: str, after_s: int
) -> None:
    assert (point, "alarm") not in film.play(after_s - 0.2, view)
    told = film.play(1, view)
    assert (point, "alarm") in told
    assert {name for name, _ in told} <= {point, "motion"}
    assert (point, "normal") in film.play(2, room)


def test_a_dim_room_that_is_seen_is_dark_and_not_covered(film: Film) -> None:
    def dim(step: int) -> Any:
        return (room(step) * 0.36).astype(np.uint8)

    told = film.play(5, dim)
    assert ("dark", "alarm") in told
    assert ("covered", "alarm") not in told
    assert ("dark", "normal") in film.play(2, room)


def test_what_is_masked_is_no_part_of_the_room() -> None:
    """A black mask has sharp edges that no hand over the lens can take away."""
    masks = parse([[[0, 0], [500, 1000]], [[600, 0], [1000, 400]]])
    hand = np.clip(40 + NOISE, 0, 255).astype(np.uint8)

    def masked(draw: Callable[[int], Any], step: int) -> Any:
        picture = draw(step).copy()
        blacken(picture, masks)
        return picture

    film = Film(masks=masks)
    film.play(5, lambda step: masked(room, step))
    assert ("covered", "alarm") in film.play(2, lambda s: masked(lambda n: hand[n % 64], s))


def test_a_lens_that_is_covered_from_the_start_is_told_at_once() -> None:
    dark = np.clip(4 + NOISE, 0, 255).astype(np.uint8)
    assert ("covered", "alarm") in Film().play(0.2, lambda step: dark[step])


def test_the_room_may_change_slowly_without_being_covered(film: Film) -> None:
    def rearranged(step: int) -> Any:
        """One shelf after the other is moved, one a minute."""
        picture = room(step)
        for shelf in range(min(8, step // 300)):
            x = 40 + 32 * shelf
            picture[40:120, x : x + 14] = 150
            picture[20:34, x : x + 14] = 60
        return picture

    assert not [told for told in film.play(8 * 60, rearranged) if told[0] == "covered"]


def test_equal_pictures_are_frozen_and_one_other_ends_it() -> None:
    film = Film(frozen_s=3)
    film.play(2, room)
    still = room(7)
    assert film.play(3, lambda _: still) == []
    assert film.play(0.6, lambda _: still) == [("frozen", "alarm")]
    assert film.play(0.2, room) == [("frozen", "normal")]


def test_another_resolution_starts_afresh(film: Film) -> None:
    assert film.play(3, lambda step: np.ascontiguousarray(room(step)[:90])) == []


@settings(max_examples=40, deadline=None)
@given(factor=st.floats(0.3, 1.0), offset=st.integers(-20, 0))
def test_no_darkening_is_motion(factor: float, offset: int) -> None:
    motion = Motion(50)
    motion.permille(smoothed(room(0)), 0)
    darker = np.clip(room(1) * factor + offset, 0, 255).astype(np.uint8)
    assert motion.permille(smoothed(darker), FRAME_US) < 5


@settings(max_examples=40, deadline=None)
@given(x=st.integers(0, 290), y=st.integers(0, 130), factor=st.floats(0.5, 1.0))
def test_somebody_is_seen_anywhere_whatever_the_light_does(x: int, y: int, factor: float) -> None:
    motion = Motion(50)
    motion.permille(smoothed(room(0)), 0)
    picture = room(1)
    behind = picture[y : y + 50, x : x + 24]
    picture[y : y + 50, x : x + 24] = np.where(behind > 128, 10, 220)
    assert motion.permille(smoothed((picture * factor).astype(np.uint8)), FRAME_US) >= 5


looks = st.lists(st.tuples(st.booleans(), st.integers(1, 3_000_000)), max_size=40)


@given(looks=looks, rise_us=st.integers(0, 2_000_000), fall_us=st.integers(0, 2_000_000))
def test_a_point_settles_exactly_when_what_is_seen_lasted(
    looks: list[tuple[bool, int]], rise_us: int, fall_us: int
) -> None:
    settled = Settled("p", rise_us, fall_us)
    now_us, told, run_began_us, last = 0, None, 0, None
    for on, step_us in looks:
        now_us += step_us
        if on is not last:
            last, run_began_us = on, now_us
        heard = list(settled.look(on, now_us, {}))
        lasted = now_us - run_began_us >= (rise_us if on else fall_us)
        if told is None or (on is not told and lasted):
            state = PointState.ALARM if on else PointState.NORMAL
            assert heard == [PointReading("p", state, now_us, {})]
            told = on
        else:
            assert heard == []
