"""A real clip through the whole camera: film, MJPEG over HTTP, driver, in real time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.contract.hosting import ROOT, Host, Simulator

CLIP = ROOT.parent / "shared" / "video" / "one-by-one-person-detection.mp4"
FPS = 10
# By eye: the floor is empty from here on, but for a shadow ...
FROM_FRAME = 458
# ... until the top of a head comes in, and somebody walks to the table, and stands.
ENTERS_FRAME, STANDS_FRAME = 501, 534


@pytest.mark.skipif(not CLIP.exists(), reason=f"NOT TESTED: no ../shared/video/{CLIP.name}")
def test_somebody_in_a_real_clip_is_motion_at_the_right_time(tmp_path: Path) -> None:
    with Simulator("simulators.camera", tmp_path / "control", "--listen", "127.0.0.1:0") as camera:
        options = {"url": f"http://127.0.0.1:{camera.port}/stream.mjpg", "motion_hold_ms": 500}
        with Host("drivers.camera.driver:CameraDriver", "cam", options) as host:
            host.expect("ready", 10.0)
            host.expect("point", point="motion", state="normal")
            before_s = time.monotonic()
            camera.tell("clip", path=str(CLIP), from_s=FROM_FRAME / FPS)
            after_s = time.monotonic()  # it began between the two

            def latest(at_us: int) -> float:
                """Return which frame of the clip was shown then at the latest."""
                return FROM_FRAME + (at_us / 1e6 - before_s) * FPS

            def earliest(at_us: int) -> float:
                return FROM_FRAME + (at_us / 1e6 - after_s) * FPS

            # The drawn store gives way to the clip: that is one short motion.
            host.expect("point", 3.0, point="motion", state="alarm")
            quiet = host.expect("point", 4.0, point="motion", state="normal")
            assert earliest(quiet["at"]) < ENTERS_FRAME
            alarm = host.expect("point", 6.0, point="motion", state="alarm")
            assert latest(alarm["at"]) >= ENTERS_FRAME
            assert earliest(alarm["at"]) <= ENTERS_FRAME + 12
            normal = host.expect("point", 8.0, point="motion", state="normal")
            assert latest(normal["at"]) >= STANDS_FRAME
            assert earliest(normal["at"]) <= STANDS_FRAME + 25
