"""What the simulated camera sees and how it behaves; the control channel moves it."""

from __future__ import annotations

import os
import threading
import time
from enum import StrEnum
from pathlib import Path
from typing import Any

import cv2

from simulators import camera_scenes
from simulators.control import SimulatorError

UNWATCHED_S = 3.0  # a clip that nobody asked for this long has paused


class Mode(StrEnum):
    """How the camera misbehaves."""

    WELL = "well"
    FROZEN = "frozen"  # stalls in the middle of a picture, connection open
    REPEATING = "repeating"  # sends one picture for ever
    GARBAGE = "garbage"  # sends what is no picture
    SLOW = "slow"


class Clip:
    """A film from a file, at its own pace; it pauses while nobody watches.

    Args:
        path: of a file that OpenCV can decode.
        size: of the pictures shown, (width, height) pixels.
        from_s: where to begin.
        loop: whether it begins again at its end (from the start of the file).

    Raises:
        SimulatorError: the file cannot be played.
    """

    def __init__(self, path: Path, size: tuple[int, int], from_s: float, loop: bool) -> None:
        self.path = path
        self._size = size
        self._loop = loop
        self._film = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        self.fps = self._film.get(cv2.CAP_PROP_FPS)
        if not self._film.isOpened() or not 1 <= self.fps <= 120:
            raise SimulatorError(f"{path} cannot be played; give a film that OpenCV decodes")
        self._taken = 1 + int(from_s * self.fps)
        if not all(self._film.grab() for _ in range(self._taken)):
            self.close()
            raise SimulatorError(f"{path} is not so long as {from_s:g} s")
        self._jpeg = self._encoded()
        self._asked_s = time.monotonic()
        self._began_s = self._asked_s - from_s

    def at(self, now_s: float) -> bytes | None:
        """Return the picture that is due, None after the last."""
        if now_s - self._asked_s > UNWATCHED_S:
            self._began_s += now_s - self._asked_s
        self._asked_s = now_s
        before = self._taken
        while self._taken <= (now_s - self._began_s) * self.fps:
            if not self._film.grab() and not self._rewind(now_s):
                return None
            self._taken += 1
        if self._taken != before:
            self._jpeg = self._encoded()
        return self._jpeg

    def _encoded(self) -> bytes:
        _, picture = self._film.retrieve()
        shown = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
        return camera_scenes.encode(shown)  # type: ignore[arg-type]

    def _rewind(self, now_s: float) -> bool:
        if not self._loop:
            return False
        self._film.set(cv2.CAP_PROP_POS_FRAMES, 0)
        self._taken, self._began_s = 0, now_s
        return self._film.grab()

    def close(self) -> None:
        self._film.release()


class Studio:
    """What stands before the lens, and the mode. Every method may be called from any thread.

    Args:
        size: of the pictures, (width, height) pixels.
        fps: pictures a second of the drawn scenes.
    """

    def __init__(self, size: tuple[int, int], fps: float) -> None:
        self._size = size
        self._fps = fps
        self._slow_fps = 1.0
        self._changed = threading.Condition()
        self._scenes: dict[str, camera_scenes.Scene] = {}
        self._scene = ""
        self._since_s = 0.0
        self._clip: Clip | None = None
        self._mode = Mode.WELL
        self._repeated = b""
        self.show("empty")

    def picture(self) -> bytes:
        """Return the JPEG (or what stands in its place) to be sent now."""
        with self._changed:
            if self._mode is Mode.REPEATING:
                return self._repeated
            if self._mode is Mode.GARBAGE:
                return os.urandom(4096)
            return self._seen()

    def _seen(self) -> bytes:
        now_s = time.monotonic()
        if self._clip is not None:
            if (jpeg := self._clip.at(now_s)) is not None:
                return jpeg
            self._end_clip()
            self._since_s = now_s
        return self._scenes[self._scene].at(now_s - self._since_s)

    @property
    def interval_s(self) -> float:
        """Return the time between two pictures."""
        with self._changed:
            if self._mode is Mode.SLOW:
                return 1 / self._slow_fps
            return 1 / (self._clip.fps if self._clip is not None else self._fps)

    @property
    def mode(self) -> Mode:
        return self._mode

    def wait_for_end_of(self, mode: Mode, timeout_s: float) -> bool:
        """Wait until the mode is another; False after `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._mode is not mode, timeout_s)

    def show(self, name: str) -> None:
        """Show the drawn scene `name` from its beginning.

        Raises:
            SimulatorError: there is none of that name.
        """
        if name not in camera_scenes.SCENES:
            raise SimulatorError(f"no scene {name!r}; there are: {', '.join(camera_scenes.SCENES)}")
        drawn = self._scenes.get(name) or camera_scenes.draw(name, self._size)
        with self._changed:
            self._end_clip()
            self._scenes[name] = drawn
            self._scene, self._since_s = name, time.monotonic()

    def play(self, path: Path, from_s: float, loop: bool) -> None:
        """Show a clip instead of the scene, until it ends."""
        clip = Clip(path, self._size, from_s, loop)
        with self._changed:
            self._end_clip()
            self._clip = clip

    def _end_clip(self) -> None:
        if self._clip is not None:
            self._clip.close()
        self._clip = None

    def behave(self, mode: Mode, slow_fps: float = 1.0) -> None:
        """Take on a mode, until the next."""
        with self._changed:
            if mode is Mode.REPEATING:
                self._repeated = self._seen()
            self._mode, self._slow_fps = mode, slow_fps
            self._changed.notify_all()

    def state(self) -> dict[str, Any]:
        """Return what is shown and how, for people."""
        with self._changed:
            clip = str(self._clip.path) if self._clip is not None else None
            return {"scene": self._scene, "clip": clip, "mode": str(self._mode)}

    def close(self) -> None:
        with self._changed:
            self._end_clip()
