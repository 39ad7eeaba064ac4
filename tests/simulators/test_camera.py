"""The simulated camera, asked by independent clients: urllib, and OpenCV."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import cv2
import numpy as np
import pytest

from simulators.control import SimulatorError
from tests.contract.hosting import ROOT, Simulator
from tests.waiting import wait_until

MODULE = "simulators.camera"
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    control = tmp_path_factory.mktemp("camera") / "c.sock"
    with Simulator(MODULE, control, "--listen", "127.0.0.1:0") as camera:
        yield camera
        assert camera.stop() == 0
        assert not control.exists()


@pytest.fixture
def camera(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.tell("recover")
    running.tell("scene", name="empty")


class Client:
    """A multipart/x-mixed-replace client."""

    def __init__(self, camera: Simulator, timeout_s: float = 60.0) -> None:
        self._answer = urlopen(f"http://127.0.0.1:{camera.port}/stream.mjpg", timeout=timeout_s)
        kind, _, boundary = self._answer.headers["Content-Type"].partition("; boundary=")
        assert kind == "multipart/x-mixed-replace"
        self._boundary = b"--" + boundary.encode()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()

    def part(self) -> bytes:
        """Return the body of the next part; b"" when the stream has ended."""
        line = self._answer.readline()
        if not line:
            return b""
        assert line.strip() == self._boundary
        length = 0
        while line := self._answer.readline().strip():
            name, _, value = line.partition(b": ")
            if name == b"Content-Length":
                length = int(value)
        body = self._answer.read(length)
        assert self._answer.readline() == b"\r\n"
        return bytes(body)

    def parts(self, count: int) -> list[bytes]:
        return [self.part() for _ in range(count)]


def snapshot(camera: Simulator) -> bytes:
    with urlopen(f"http://127.0.0.1:{camera.port}/snapshot.jpg", timeout=60) as answer:
        assert answer.headers["Content-Type"] == "image/jpeg"
        return bytes(answer.read())


def grey(jpeg: bytes) -> Any:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return picture.astype(int)


def refuses(camera: Simulator) -> bool:
    try:
        snapshot(camera)
    except (URLError, ConnectionError):
        return True
    return False


def test_a_snapshot_is_a_picture_of_the_store(camera: Simulator) -> None:
    picture = grey(snapshot(camera))
    assert picture.shape == (360, 640)
    assert 80 < picture.mean() < 180
    assert picture.std() > 20  # shelves and a rack, not a wall


def test_the_stream_is_one_whole_jpeg_a_part_at_its_pace(camera: Simulator) -> None:
    with Client(camera) as client:
        client.part()
        began_s = time.monotonic()
        parts = client.parts(15)
        took_s = time.monotonic() - began_s
    assert all(part[:2] == JPEG_START and part[-2:] == JPEG_END for part in parts)
    assert 1.2 < took_s < 10.0  # 10 a second, and what a loaded machine adds


def test_the_noise_of_a_sensor_lies_over_a_still_scene(camera: Simulator) -> None:
    with Client(camera) as client:
        first, second = grey(client.part()), grey(client.part())
    assert 0.5 < abs(first - second).mean() < 6.0


def test_opencv_plays_the_stream(camera: Simulator) -> None:
    capture = cv2.VideoCapture(f"http://127.0.0.1:{camera.port}/stream.mjpg", cv2.CAP_FFMPEG)
    try:
        assert capture.isOpened()
        shapes = {capture.read()[1].shape for _ in range(5)}
    finally:
        capture.release()
    assert shapes == {(360, 640, 3)}


def test_somebody_walks_in_and_stays(camera: Simulator) -> None:
    empty = grey(snapshot(camera))
    camera.tell("scene", name="person")

    def changed_columns() -> list[int]:
        changed = abs(grey(snapshot(camera)) - empty) > 40
        return [int(column) for column in np.flatnonzero(changed.sum(axis=0) > 20)]

    left = wait_until(changed_columns, 3.0, "somebody in the picture")
    assert min(left) < 200  # comes in from the left
    wait_until(lambda: min(changed_columns(), default=0) > 320, 5.0, "somebody at the rack")


@pytest.mark.parametrize(("scene", "darkest", "brightest"), [("hand", 20, 60), ("dark", 0, 12)])
def test_a_scene_without_a_view(
    camera: Simulator, scene: str, darkest: int, brightest: int
) -> None:
    camera.tell("scene", name=scene)
    wait_until(lambda: darkest < grey(snapshot(camera)).mean() < brightest, 3.0, scene)


def film(path: Path, levels: range) -> Path:
    """Make a film of uniform pictures, 20 a second, each of one grey level."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (320, 180))
    for level in levels:
        writer.write(np.full((180, 320, 3), level, np.uint8))
    writer.release()
    return path


def test_a_clip_is_played_once_at_its_own_pace_and_the_scene_comes_back(
    camera: Simulator, tmp_path: Path
) -> None:
    clip = str(film(tmp_path / "steps.avi", range(40, 200, 4)))
    with Client(camera) as client:
        client.part()
        assert camera.tell("clip", path=clip, from_s=0.5)["clip"] == clip
        began_s = time.monotonic()
        pictures = [grey(client.part()) for _ in range(36)]  # 30 are left of the clip
        took_s = time.monotonic() - began_s
    levels = [round(picture.mean()) for picture in pictures if picture.std() < 4]
    assert levels == sorted(levels)
    assert 76 <= levels[0] <= 140  # the tenth step is 80; a loaded machine is late
    assert levels[-1] >= 188
    assert 1.6 < took_s < 10.0
    assert pictures[-1].std() > 20
    assert camera.tell("state")["clip"] is None


def test_a_clip_in_a_loop_begins_again(camera: Simulator, tmp_path: Path) -> None:
    clip = film(tmp_path / "short.avi", range(60, 220, 40))
    camera.tell("clip", path=str(clip), loop=True)
    with Client(camera) as client:
        levels = [round(grey(client.part()).mean()) for _ in range(30)]
    assert sum(later < earlier for earlier, later in pairwise(levels)) >= 4


def test_frozen_it_stalls_within_a_picture_and_goes_on_later(camera: Simulator) -> None:
    with Client(camera, timeout_s=2.0) as client:
        client.part()
        camera.tell("freeze")
        with pytest.raises(TimeoutError):
            client.parts(4)  # one or two may have been on their way
        assert camera.tell("state")["clients"] == 1
        camera.tell("recover")
    with Client(camera) as client:
        assert client.part()[:2] == JPEG_START


def test_a_client_that_leaves_a_frozen_stream_is_forgotten(camera: Simulator) -> None:
    camera.tell("freeze")
    with Client(camera):
        wait_until(lambda: camera.tell("state")["clients"] == 1, 3.0, "the client")
    wait_until(lambda: camera.tell("state")["clients"] == 0, 3.0, "nobody")


def test_repeating_it_sends_the_same_bytes_for_ever(camera: Simulator) -> None:
    with Client(camera) as client:
        camera.tell("repeat")
        client.parts(2)
        assert len(set(client.parts(10))) == 1
        camera.tell("recover")
        client.parts(2)
        assert len(set(client.parts(5))) > 1


def test_garbage_is_framed_well_but_no_picture(camera: Simulator) -> None:
    with Client(camera) as client:
        camera.tell("garbage")
        client.parts(2)
        part = client.part()
    assert cv2.imdecode(np.frombuffer(part, np.uint8), cv2.IMREAD_GRAYSCALE) is None


def test_a_slow_camera_still_sends_pictures(camera: Simulator) -> None:
    with Client(camera) as client:
        camera.tell("slow", fps=4)
        client.parts(2)
        began_s = time.monotonic()
        client.parts(3)
        assert time.monotonic() - began_s > 0.6


def test_it_hangs_up_and_welcomes_back(camera: Simulator) -> None:
    with Client(camera) as client:
        client.part()
        camera.tell("disconnect")
        wait_until(lambda: not ended(client), 3.0, "the end of the stream")
    with Client(camera) as client:
        assert client.part()[:2] == JPEG_START


def ended(client: Client) -> bytes:
    try:
        return client.part()
    except (ConnectionError, AssertionError):  # cut within a part
        return b""


def test_it_vanishes_and_returns_at_the_same_port(camera: Simulator) -> None:
    camera.tell("vanish", for_s=2)
    assert refuses(camera)
    wait_until(lambda: not refuses(camera), 5.0, "its return")
    camera.tell("vanish")  # until it is told to recover
    assert refuses(camera)
    camera.tell("recover")
    assert not refuses(camera)


def test_with_nobody_watching_it_uses_no_processor_time(camera: Simulator) -> None:
    snapshot(camera)
    wait_until(lambda: camera.tell("state")["clients"] == 0, 3.0, "nobody")
    before_s, until_s = camera.cpu_s(), time.monotonic() + 1.5
    wait_until(lambda: time.monotonic() > until_s, 3.0, "the measure")
    assert camera.cpu_s() - before_s <= 0.05  # one that is watched takes 0.15 and more


@pytest.mark.parametrize(
    ("verb", "params", "hint"),
    [
        ("scene", {"name": "moonlight"}, "empty, person, hand, dark"),
        ("scene", {}, "name"),
        ("clip", {"path": "/nowhere.mp4"}, "cannot be played"),
        ("slow", {"fps": 0}, "fps"),
        ("vanish", {"for_s": "a while"}, "could not convert"),
    ],
)
def test_what_cannot_be_is_refused_with_a_hint(
    camera: Simulator, verb: str, params: dict[str, Any], hint: str
) -> None:
    with pytest.raises(SimulatorError, match=hint):
        camera.tell(verb, **params)


def test_an_unknown_path_is_404(camera: Simulator) -> None:
    with pytest.raises(HTTPError, match="404") as caught:
        urlopen(f"http://127.0.0.1:{camera.port}/other", timeout=60)
    caught.value.close()


def test_it_asks_for_the_password(tmp_path: Path) -> None:
    login = ("--user", "guard", "--password", "s3cret:x")
    with Simulator(MODULE, tmp_path / "c", "--listen", "127.0.0.1:0", *login) as camera:
        url = f"http://127.0.0.1:{camera.port}/snapshot.jpg"
        with pytest.raises(HTTPError, match="401") as caught:
            urlopen(url, timeout=60)
        caught.value.close()
        header = "Basic " + base64.b64encode(b"guard:s3cret:x").decode()
        with urlopen(Request(url, headers={"Authorization": header}), timeout=60) as answer:
            assert answer.read(2) == JPEG_START


def test_a_port_that_is_taken_is_one_clear_line(camera: Simulator, tmp_path: Path) -> None:
    address = f"127.0.0.1:{camera.port}"
    command = [sys.executable, "-m", MODULE, "--listen", address, "--control", tmp_path / "c"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr == f"cannot listen at {address}: Address already in use\n"
