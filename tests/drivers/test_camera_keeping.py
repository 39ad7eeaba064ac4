"""What a camera keeps: the ring of pictures, clips that any player opens, masks."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera.avi import AviWriter
from drivers.camera.keeping import CLIPS, Keeping
from drivers.camera.mask import area, blacken, parse
from drivers.camera.ring import Picture, Ring
from drivers.contract import Action, Json, Outcome

S = 1_000_000


class FakeLink:
    """The daemon's end: keeps what is answered."""

    def __init__(self, spool: Path | str) -> None:
        self.spool = str(spool)
        self.answers: list[tuple[int, Outcome, str, Mapping[str, Json]]] = []

    def answer(
        self,
        action: Action,
        outcome: Outcome,
        reason: str = "",
        data: Mapping[str, Json] | None = None,
    ) -> None:
        self.answers.append((action.id, outcome, reason, data or {}))


def picture(level: int, size: tuple[int, int] = (320, 180)) -> Any:
    return np.full((size[1], size[0], 3), level, np.uint8)


def keep(number: int, from_s: float, to_s: float) -> Action:
    return Action(number, "keep", "picture", {"from": int(from_s * S), "to": int(to_s * S)})


def shown(keeping: Keeping, from_s: int, to_s: int, size: tuple[int, int] = (320, 180)) -> None:
    """Show pictures, five a second, whose level is their number."""
    for number in range(from_s * 5, to_s * 5):
        keeping.see(picture(number, size), number * S // 5)


def levels(path: Path) -> list[int]:
    """Return the level of every picture of a film."""
    film = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    found = []
    while film.grab():
        found.append(round(film.retrieve()[1].mean()))
    film.release()
    return found


@pytest.fixture
def link(tmp_path: Path) -> FakeLink:
    return FakeLink(tmp_path)


def test_a_clip_begins_before_it_is_asked_for_and_ends_after(
    link: FakeLink, tmp_path: Path
) -> None:
    keeping = Keeping(link)  # type: ignore[arg-type]
    shown(keeping, 0, 10)
    keeping.asked(keep(1, 8, 12))
    assert link.answers == []
    shown(keeping, 10, 14)
    [(number, outcome, _, data)] = link.answers
    assert (number, outcome) == (1, Outcome.DONE)
    assert data["media"] == "video/x-msvideo"
    assert (data["from"], data["to"]) == (8 * S, 12 * S)
    path = tmp_path / str(data["file"])
    assert levels(path) == pytest.approx(range(40, 61), abs=1)
    film = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    assert film.get(cv2.CAP_PROP_FPS) == pytest.approx(5.0)
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 21
    film.release()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_clip_that_is_cut_off_is_whole_up_to_there(link: FakeLink, tmp_path: Path) -> None:
    keeping = Keeping(link)  # type: ignore[arg-type]
    shown(keeping, 0, 10)
    keeping.asked(keep(1, 8, 40))
    keeping.end()
    [(_, outcome, _, data)] = link.answers
    assert outcome is Outcome.DONE
    assert data["to"] == 9_800_000
    assert len(levels(tmp_path / str(data["file"]))) == 10


def test_until_it_is_whole_a_clip_has_no_name(link: FakeLink, tmp_path: Path) -> None:
    keeping = Keeping(link)  # type: ignore[arg-type]
    shown(keeping, 0, 10)
    keeping.asked(keep(1, 8, 40))
    assert [entry.suffix for entry in tmp_path.iterdir()] == [".part"]
    keeping.end()


def test_a_snapshot_is_the_picture_nearest_to_its_instant(link: FakeLink, tmp_path: Path) -> None:
    keeping = Keeping(link)  # type: ignore[arg-type]
    shown(keeping, 0, 10)
    keeping.asked(Action(1, "snapshot", "picture", {"at": 5 * S + 1}))
    [(_, outcome, _, data)] = link.answers
    assert (outcome, data["media"], data["from"]) == (Outcome.DONE, "image/jpeg", 5 * S)
    kept = cv2.imread(str(tmp_path / str(data["file"])))
    assert kept is not None
    assert round(kept.mean()) == 25


def test_a_large_picture_is_reduced(link: FakeLink, tmp_path: Path) -> None:
    keeping = Keeping(link)  # type: ignore[arg-type]
    shown(keeping, 0, 1, (1280, 720))
    keeping.asked(Action(1, "snapshot", "picture", {"at": 0}))
    kept = cv2.imread(str(tmp_path / str(link.answers[0][3]["file"])))
    assert kept is not None
    assert kept.shape == (360, 640, 3)


def test_a_picture_of_a_line_is_reduced_to_one(link: FakeLink) -> None:
    keeping = Keeping(link)  # type: ignore[arg-type]
    shown(keeping, 0, 1, (4000, 2))
    keeping.asked(Action(1, "snapshot", "picture", {"at": 0}))
    assert link.answers[0][1] is Outcome.DONE


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (keep(1, 20, 30), ""),
        (Action(1, "keep", "picture", {"from": 0}), "needs `to`"),
        (Action(1, "keep", "picture", {"from": True, "to": 1}), "needs `from`"),
        (Action(1, "snapshot", "picture", {}), "needs `at`"),
    ],
)
def test_what_cannot_be_kept_is_refused_once(
    link: FakeLink, tmp_path: Path, action: Action, reason: str
) -> None:
    keeping = Keeping(link)  # type: ignore[arg-type]
    shown(keeping, 0, 2)
    keeping.asked(action)
    keeping.end()
    [(_, outcome, why, _)] = link.answers
    assert outcome is Outcome.REFUSED
    assert reason in why
    assert list(tmp_path.iterdir()) == []


def test_without_a_picture_a_spool_or_room_nothing_is_kept(tmp_path: Path) -> None:
    for spool, pictures in ((tmp_path, 0), ("", 2), (tmp_path / "none", 2)):
        link = FakeLink(spool)
        keeping = Keeping(link)  # type: ignore[arg-type]
        shown(keeping, 0, pictures)
        keeping.asked(keep(1, 0, 5))
        keeping.asked(Action(2, "snapshot", "picture", {"at": 0}))
        assert [outcome for _, outcome, _, _ in link.answers] == [Outcome.REFUSED] * 2
        assert all(reason for _, _, reason, _ in link.answers)


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """Have the kernel take no more bytes of a file, as a full disk does."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@pytest.mark.parametrize(
    "action", [keep(1, 0, 9), Action(1, "snapshot", "picture", {"at": 0})], ids=["clip", "snapshot"]
)
def test_a_full_disk_is_not_filled_by_what_was_given_up(
    link: FakeLink, tmp_path: Path, action: Action
) -> None:
    keeping = Keeping(link)  # type: ignore[arg-type]
    shown(keeping, 0, 2)
    with no_file_longer_than(500):
        keeping.asked(action)
        shown(keeping, 2, 20)
        [(_, outcome, why, _)] = link.answers
    assert outcome is Outcome.REFUSED
    assert "cannot be written" in why
    assert list(tmp_path.iterdir()) == []


def test_only_so_many_clips_are_kept_at_a_time(link: FakeLink) -> None:
    keeping = Keeping(link)  # type: ignore[arg-type]
    shown(keeping, 0, 2)
    for number in range(CLIPS + 1):
        keeping.asked(keep(number, 0, 60))
    [(number, outcome, reason, _)] = link.answers
    assert (number, outcome) == (CLIPS, Outcome.REFUSED)
    assert "8 clips" in reason
    keeping.end()
    assert len(link.answers) == CLIPS + 1


def test_another_size_of_picture_is_another_film(link: FakeLink, tmp_path: Path) -> None:
    keeping = Keeping(link)  # type: ignore[arg-type]
    shown(keeping, 0, 10)
    keeping.asked(keep(1, 8, 40))
    keeping.see(picture(7, (160, 90)), 10 * S)
    [(_, outcome, _, data)] = link.answers
    assert outcome is Outcome.DONE
    assert len(levels(tmp_path / str(data["file"]))) == 10


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 60)), min_size=1, max_size=60))
def test_the_ring_holds_the_newest_within_its_bounds(given_: list[tuple[int, int]]) -> None:
    ring, at_us, all_of_them = Ring(most_us=20, most_bytes=200), 0, []
    for later_us, size in given_:
        at_us += later_us
        all_of_them.append(Picture(at_us, bytes(size)))
        ring.add(all_of_them[-1])
    held = list(ring.between(0, at_us))
    assert held == all_of_them[-len(held) :]
    assert sum(len(one.jpeg) for one in held) <= 200
    assert held[0].at_us >= at_us - 20
    before = all_of_them[: -len(held)]
    if before:  # the next older one did not fit
        size = sum(len(one.jpeg) for one in held) + len(before[-1].jpeg)
        assert size > 200 or before[-1].at_us < at_us - 20
    assert ring.nearest(at_us) is not None


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=20))
def test_a_film_holds_every_picture_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, pictures: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("film") / "film.avi"
    with path.open("wb") as file:
        film = AviWriter(file, (320, 180))
        for number, jpeg in enumerate(pictures):
            film.add(jpeg, number * 200_000)
        film.finish()
    content = path.read_bytes()
    assert int.from_bytes(content[4:8], "little") == len(content) - 8
    begin = content.index(b"movi")
    index = begin + int.from_bytes(content[begin - 4 : begin], "little") + 8
    assert content[index - 8 : index - 4] == b"idx1"
    for number, jpeg in enumerate(pictures):
        entry = content[index + 16 * number : index + 16 * (number + 1)]
        at, size = (int.from_bytes(entry[k : k + 4], "little") for k in (8, 12))
        assert content[begin + at : begin + at + 4] == b"00dc"
        assert content[begin + at + 8 : begin + at + 8 + size] == jpeg


def test_a_mask_is_black_and_everything_else_is_as_it_was() -> None:
    seen = picture(200, (100, 100))
    blacken(seen, parse([[[0, 0], [500, 200]], [[600, 600], [900, 600], [600, 900]]]))
    assert seen[10, 10].max() == 0
    assert seen[65, 65].max() == 0
    assert seen[88, 88].min() == 200
    assert seen[50, 50].min() == 200
    masked = area(parse([[[0, 0], [500, 200]]]), (100, 100))
    assert masked is not None
    assert masked[22, 10] == 255  # its border is no edge of the room
    assert masked[60, 60] == 0
    assert area([], (100, 100)) is None


@pytest.mark.parametrize("given_", [None, 5, [5], [[[0, 0]]], [[[0], [1]]], [[["a", 1], [1, 2]]]])
def test_what_is_no_mask_is_said(given_: Any) -> None:
    with pytest.raises(ValueError, match="thousandths"):
        parse(given_)
