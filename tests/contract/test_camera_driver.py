"""The camera driver in its host, against the simulated camera over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drivers.camera.options import POINTS
from tests.contract.hosting import Host, Message, Simulator
from tests.waiting import wait_until

DRIVER = "drivers.camera.driver:CameraDriver"
READY_S = 10.0
REPORTED_S = 10.0  # whatever happens to a camera is known by then
SPIN = 0.25  # of a core: what no failing camera may cost
LOGIN = ("guard", "p@ss/w:rd#1")


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator("simulators.camera", tmp_path / "control", "--listen", "127.0.0.1:0") as camera:
        yield camera


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Simulator]:
    """A camera that asks for a login."""
    login = ("--user", LOGIN[0], "--password", LOGIN[1])
    with Simulator(
        "simulators.camera", tmp_path / "control", "--listen", "127.0.0.1:0", *login
    ) as camera:
        yield camera


def url(camera: Simulator, login: str = "") -> str:
    return f"http://{login}127.0.0.1:{camera.port}/stream.mjpg"


def hosted(camera: Simulator, **options: Any) -> Host:
    return Host(DRIVER, "store-camera", {"url": url(camera)} | options)


@pytest.fixture
def host(camera: Simulator) -> Iterator[Host]:
    """A driver that has looked at the empty store for a moment."""
    with hosted(camera, motion_hold_ms=500) as host:
        host.expect("ready", READY_S)
        for point in sorted(POINTS):
            host.expect("point", point=point, state="normal")
        assert points(host.gather(1.3)) == []
        yield host


def points(messages: list[Message]) -> list[tuple[str, str]]:
    return [(m["point"], m["state"]) for m in messages if m["is"] == "point"]


def failure(host: Host, timeout_s: float = REPORTED_S) -> tuple[str, str]:
    """Wait until the driver gives up; return the kind of error and the reason."""
    message = host.expect("failed", timeout_s)
    assert message["stays"] or host.exited(60) == 70
    return message["error"], message["reason"]


def test_ready_says_what_camera_it_is_and_an_empty_store_stays_quiet(
    camera: Simulator, host: Host
) -> None:
    messages = host.gather(3.0)
    assert points(messages) == []
    assert 2 <= [m["is"] for m in messages].count("alive") <= 5
    assert host.stop() == 0


def test_the_identity_is_size_and_codec(camera: Simulator) -> None:
    with hosted(camera) as host:
        identity = host.expect("ready", READY_S)["identity"]
    assert identity == {"width": 640, "height": 360, "codec": "MJPG"}


def test_somebody_who_walks_in_is_motion_and_ends_when_they_stand(
    camera: Simulator, host: Host
) -> None:
    camera.tell("scene", name="person")
    began_s = time.monotonic()
    alarm = host.expect("point", point="motion", state="alarm")
    assert alarm["at"] / 1e6 - began_s < REPORTED_S
    assert alarm["detail"]["area_permille"] >= 5
    normal = host.expect("point", 8.0, point="motion", state="normal")
    assert normal["at"] / 1e6 - began_s > 3.0  # walks for 3 s


def test_a_hand_over_the_lens_is_covered_until_it_is_gone(camera: Simulator, host: Host) -> None:
    camera.tell("scene", name="hand")
    began_s = time.monotonic()
    covered = host.expect("point", 6.0, point="covered", state="alarm")
    assert covered["at"] / 1e6 - began_s < REPORTED_S
    assert covered["detail"] == {"because": "blank"}
    camera.tell("scene", name="empty")
    host.expect("point", 4.0, point="covered", state="normal")


def test_darkness_is_covered_with_its_reason(camera: Simulator, host: Host) -> None:
    camera.tell("scene", name="dark")
    covered = host.expect("point", 6.0, point="covered", state="alarm")
    assert covered["detail"] == {"because": "dark"}
    host.expect("point", 6.0, point="dark", state="alarm")


def test_one_picture_for_ever_is_frozen_though_the_camera_lives(
    camera: Simulator, host: Host
) -> None:
    began_s = time.monotonic()
    camera.tell("repeat")
    frozen = host.expect("point", REPORTED_S, point="frozen", state="alarm")
    assert 4.5 < frozen["at"] / 1e6 - began_s < REPORTED_S
    assert "alive" in [m["is"] for m in host.gather(1.5)]
    camera.tell("recover")
    host.expect("point", 3.0, point="frozen", state="normal")


@pytest.mark.parametrize(
    ("trouble", "params", "hint"),
    [
        ("freeze", {}, "for 2000 ms, though the connection stands"),
        ("garbage", {}, "cannot be decoded"),
        ("disconnect", {}, "breaks off"),
        ("vanish", {"for_s": 60}, "nothing answers (Connection refused)"),
    ],
)
def test_a_camera_in_trouble_is_lost_in_time_and_nothing_spins(
    camera: Simulator, host: Host, trouble: str, params: dict[str, Any], hint: str
) -> None:
    before_s, began_s = host.cpu_s(), time.monotonic()
    camera.tell(trouble, **params)
    lost = host.expect("failed", REPORTED_S)
    took_s, cost_s = time.monotonic() - began_s, host.cpu_s() - before_s
    assert host.exited(60) == 70
    assert took_s < REPORTED_S / 2
    assert cost_s < SPIN * took_s
    assert lost["error"] == "DeviceSilent"
    assert hint in lost["reason"]
    assert f"127.0.0.1:{camera.port}" in lost["reason"]
    assert "stream.mjpg" not in lost["reason"]


@pytest.mark.parametrize(
    ("trouble", "hint"),
    [
        ("freeze", "for 4000 ms"),
        ("garbage", "for 4000 ms"),
        ("vanish", "nothing answers"),
    ],
)
def test_a_camera_that_is_in_trouble_from_the_start_is_told_in_time(
    camera: Simulator, trouble: str, hint: str
) -> None:
    camera.tell(trouble, **({"for_s": 60} if trouble == "vanish" else {}))
    with hosted(camera) as host:
        error, reason = failure(host)
    assert error == "DeviceSilent"
    assert hint in reason


def test_it_is_back_when_the_camera_is(camera: Simulator) -> None:
    camera.tell("vanish", for_s=60)
    with hosted(camera) as host:
        failure(host)
        camera.tell("recover")
        host.again()
        host.expect("ready", READY_S)


def test_a_slow_camera_is_no_lost_camera(camera: Simulator, host: Host) -> None:
    camera.tell("slow", fps=1)
    assert "failed" not in [m["is"] for m in host.gather(3.5)]


def test_a_login_in_the_password_file_opens_the_camera(locked: Simulator, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(LOGIN[1] + "\n")
    with hosted(locked, user=LOGIN[0], password_file=str(secret)) as host:
        host.expect("ready", READY_S)


@pytest.mark.parametrize(
    ("login", "hint"),
    [("guard:not-th1s@", "refuses the user name or the password"), ("", "wants a login")],
)
def test_a_wrong_login_is_refused_and_never_shown(
    locked: Simulator, capfd: pytest.CaptureFixture[str], login: str, hint: str
) -> None:
    with Host(DRIVER, "store-camera", {"url": url(locked, login)}) as host:
        error, reason = failure(host)
    assert error == "DeviceRefused"
    assert hint in reason
    written = reason + "".join(capfd.readouterr())
    assert "not-th1s" not in written
    assert "guard" not in written


def test_a_login_is_not_shown_by_a_camera_that_fails_later(
    locked: Simulator, capfd: pytest.CaptureFixture[str]
) -> None:
    with Host(DRIVER, "cam", {"url": url(locked, "guard:p%40ss%2Fw%3Ard%231@")}) as host:
        host.expect("ready", READY_S)
        locked.tell("garbage")
        error, reason = failure(host)
    assert error == "DeviceSilent"  # the login worked: it is not doubted
    written = reason + "".join(capfd.readouterr())
    assert "p%40ss" not in written
    assert "p@ss" not in written


@pytest.mark.parametrize(
    ("options", "error", "hint"),
    [
        ({"url": "http://127.0.0.1:{port}/nothing"}, "DeviceRefused", "no such stream"),
        ({"url": "http://no-such-camera.invalid/x"}, "DeviceSilent", "nothing answers"),
        ({"url": "http://127.0.0.1:1/x"}, "DeviceSilent", "Connection refused"),
        ({"url": "/nowhere/night.mp4"}, "DeviceSilent", "no such file"),
        ({"url": __file__}, "DeviceRefused", "no film"),
        ({"url": "/dev/video63"}, "DeviceSilent", "no such device"),
        ({"url": "/dev/null"}, "DeviceRefused", "cannot be opened"),
        (
            {"url": "http://127.0.0.1:1/x", "user": "a", "password_file": "/nowhere/password"},
            "DeviceRefused",
            "/nowhere/password cannot be read",
        ),
    ],
)
def test_what_cannot_be_opened_is_one_clear_sentence(
    camera: Simulator, options: dict[str, Any], error: str, hint: str
) -> None:
    given = options | {"url": options["url"].replace("{port}", str(camera.port))}
    with Host(DRIVER, "cam", given) as host:
        found, reason = failure(host)
    assert (found, hint in reason) == (error, True), reason
    assert "\n" not in reason


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two seconds of noise, 10 pictures a second."""
    path = tmp_path / "night.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (320, 180))
    random = np.random.default_rng(5)
    for _ in range(20):
        writer.write(random.integers(0, 255, (180, 320, 3), np.uint8))
    writer.release()
    return path


def test_a_film_plays_at_its_own_pace_and_ends(film: Path) -> None:
    with Host(DRIVER, "cam", {"url": str(film)}) as host:
        host.expect("ready", READY_S)
        began_s = time.monotonic()
        host.expect("point", point="motion", state="alarm")
        assert failure(host) == ("DeviceSilent", f"{film}: the film has ended")
        assert 1.5 < time.monotonic() - began_s < 15.0


def test_a_film_in_a_loop_goes_on(film: Path) -> None:
    with Host(DRIVER, "cam", {"url": str(film), "loop": True}) as host:
        host.expect("ready", READY_S)
        messages = host.gather(3.5)
    assert "failed" not in [m["is"] for m in messages]


def test_every_action_is_refused(camera: Simulator, host: Host) -> None:
    assert host.outcome("pulse", "store-strike") == "refused"


@pytest.fixture
def keeper(camera: Simulator, tmp_path: Path) -> Iterator[Host]:
    """A driver that may keep things, and has looked for two seconds."""
    (tmp_path / "spool").mkdir()
    options = {"url": url(camera)}
    with Host(DRIVER, "store-camera", options, tmp_path / "spool") as host:
        host.expect("ready", READY_S)
        host.gather(2.0)
        yield host


def now_us() -> int:
    return time.monotonic_ns() // 1000


def test_a_clip_of_a_real_stream_begins_before_and_ends_after(keeper: Host, tmp_path: Path) -> None:
    asked_us = now_us()
    span = {"from": asked_us - 1_500_000, "to": asked_us + 1_500_000}
    number = keeper.act("keep", "picture", **span)
    answer = keeper.expect("answer", 8.0, id=number)
    data = answer["data"]
    assert (answer["outcome"], data["media"]) == ("done", "video/x-msvideo")
    assert span["from"] <= data["from"] < asked_us < data["to"] <= span["to"]
    film = cv2.VideoCapture(str(tmp_path / "spool" / data["file"]), cv2.CAP_FFMPEG)
    pictures = 0
    while film.grab():
        pictures += 1
    length_s = (data["to"] - data["from"]) / 1e6
    assert film.get(cv2.CAP_PROP_FRAME_WIDTH) == 640
    assert (pictures - 1) / film.get(cv2.CAP_PROP_FPS) == pytest.approx(length_s, abs=0.05)
    assert length_s > 2.0
    film.release()


def test_a_snapshot_is_there_at_once(keeper: Host, tmp_path: Path) -> None:
    asked_us = now_us()
    answer = keeper.expect("answer", 2.0, id=keeper.act("snapshot", "picture", at=asked_us))
    data = answer["data"]
    assert (answer["outcome"], data["media"]) == ("done", "image/jpeg")
    assert abs(data["from"] - asked_us) < 1_000_000
    kept = cv2.imread(str(tmp_path / "spool" / data["file"]))
    assert kept is not None
    assert kept.shape == (360, 640, 3)


@pytest.mark.parametrize(("trouble", "params"), [("disconnect", {}), ("vanish", {"for_s": 60})])
def test_what_a_camera_saw_before_it_was_cut_off_is_kept(
    camera: Simulator, keeper: Host, tmp_path: Path, trouble: str, params: dict[str, Any]
) -> None:
    asked_us = now_us()
    span = {"from": asked_us - 1_500_000, "to": asked_us + 60_000_000}
    number = keeper.act("keep", "picture", **span)
    keeper.gather(1.0)
    camera.tell(trouble, **params)
    answer = keeper.expect("answer", REPORTED_S, id=number)
    assert answer["outcome"] == "done"
    assert (tmp_path / "spool" / answer["data"]["file"]).stat().st_size > 20_000
    assert keeper.expect("failed", REPORTED_S)["error"] == "DeviceSilent"


def test_a_host_that_is_killed_leaves_nothing_that_counts(keeper: Host, tmp_path: Path) -> None:
    keeper.act("keep", "picture", **{"from": now_us() - 1_500_000, "to": now_us() + 60_000_000})
    spool = tmp_path / "spool"
    wait_until(lambda: list(spool.glob("*.part")), 5.0, "a clip being written")
    keeper.kill()
    assert [path.suffix for path in spool.iterdir()] == [".part"]


def test_what_is_masked_is_neither_motion_nor_kept(
    camera: Simulator, keeper: Host, tmp_path: Path
) -> None:
    assert keeper.outcome("mask", "masks", masks=[[[0, 0], [1000, 1000]]]) == "done"
    keeper.gather(0.5)
    camera.tell("scene", name="person")
    assert ("motion", "alarm") not in points(keeper.gather(3.0))
    data = keeper.expect("answer", 2.0, id=keeper.act("snapshot", "picture", at=now_us()))["data"]
    kept = cv2.imread(str(tmp_path / "spool" / data["file"]))
    assert kept is not None
    assert kept.max() < 10


def test_a_mask_that_is_none_is_refused(keeper: Host) -> None:
    assert keeper.outcome("mask", "masks", masks=[[1]]) == "refused"


def test_the_host_ends_with_its_daemon(camera: Simulator, host: Host) -> None:
    host.close_daemon_end()
    assert host.exited(60) in (0, 70)
    wait_until(lambda: camera.tell("state")["clients"] == 0, 5.0, "the end of the stream")


def test_the_host_stays_small_and_nearly_idle(camera: Simulator, host: Host) -> None:
    before_s, began_s = host.cpu_s(), time.monotonic()
    host.gather(3.0)
    assert (host.cpu_s() - before_s) / (time.monotonic() - began_s) < 0.08
    assert host.pss_kib() < 70 * 1024
