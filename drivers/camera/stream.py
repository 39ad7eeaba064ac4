"""One camera's pictures, through OpenCV.

How cameras fail was measured, and shapes this module. A stalled stream still hands out a
picture or two, each after the whole read timeout; after that, reads fail at once and for ever.
So a read that takes its whole timeout is a failure whatever it returns, a failed read is
followed by a pause, and what has failed is never tried again here: the host ends, and the
daemon starts it anew. What is not taken off a stream waits there and grows old: every picture
is taken (`advance`), few are converted (`picture`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
from numpy.typing import NDArray

from drivers.camera.diagnosis import diagnose
from drivers.camera.mask import Masks, blacken
from drivers.camera.motion import Grey
from drivers.camera.options import Options
from drivers.camera.source import Kind, Source
from drivers.contract import DeviceConfused, DeviceError, DeviceRefused, DeviceSilent, Json

NOT_OPENED = {
    Kind.DEVICE: "cannot be opened; is it another program's, or our user not in the group video?",
    Kind.FILE: "is no film that can be played; give one in H.264 or MJPEG",
}
RETRY_S = 0.1
USUAL_FPS = 25.0  # of a film that does not say
WHOLE = 0.9  # of a timeout: a call that took so much of it has timed out
# Read by OpenCV when it opens a stream. Both of its loggers would print urls, logins included.
ENVIRONMENT = {
    "OPENCV_FFMPEG_CAPTURE_OPTIONS": "rtsp_transport;tcp",  # UDP loses packets: torn pictures
    "OPENCV_FFMPEG_LOGLEVEL": "-8",  # AV_LOG_QUIET
}


class Stream:
    """An open camera. Its first picture is yet to be taken.

    Args:
        source: with the login in it.
        options: of the camera.
        pause: waits so many seconds; it may raise, to end everything.

    Raises:
        DeviceError: it cannot be opened; the text says why.
    """

    def __init__(self, source: Source, options: Options, pause: Callable[[float], None]) -> None:
        self._source = source
        self._options = options
        self._pause = pause
        self._capture = _open(source, options)
        self._film_fps = self._capture.get(cv2.CAP_PROP_FPS) or USUAL_FPS
        self._began_s = time.monotonic()
        self._taken = 0

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._capture.release()

    def identity(self) -> dict[str, Json]:
        """Return what would show that another camera stands there."""
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
        return {
            "width": int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            "height": int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            "codec": code.to_bytes(4, "little").decode("latin-1").strip("\0 "),
        }

    def advance(self) -> None:
        """Take the next picture off the stream, when it comes.

        Raises:
            DeviceError: none comes; the text says why.
        """
        if self._source.kind is Kind.FILE:
            self._advance_film()
        else:
            self._advance_live()
        self._taken += 1

    def _advance_live(self) -> None:
        whole_s = self._options.read_timeout_ms / 1000 * WHOLE
        began_s = time.monotonic()
        while not self._capture.grab():
            if time.monotonic() - began_s >= whole_s:
                raise self._failure()
            self._pause(RETRY_S)
        if time.monotonic() - began_s >= whole_s:
            raise _stalled(self._source, self._options.read_timeout_ms)

    def _failure(self) -> DeviceError:
        if self._source.kind is Kind.NETWORK:
            return diagnose(self._source, refused=self._taken == 0)
        return DeviceSilent(f"{self._source.public}: no picture comes; plug the camera in again")

    def _advance_film(self) -> None:
        self._pause(max(0.0, self._began_s + self._taken / self._film_fps - time.monotonic()))
        if self._capture.grab():
            return
        if self._options.loop and self._taken > 0:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            self._began_s, self._taken = time.monotonic(), 0
            if self._capture.grab():
                return
        raise DeviceSilent(f"{self._source.public}: the film has ended")

    def picture(self, masks: Masks = ()) -> NDArray[Any]:
        """Convert the picture that was taken last, masked.

        Raises:
            DeviceConfused: OpenCV cannot convert it.
        """
        ok, picture = self._capture.retrieve()
        if not ok:
            raise DeviceConfused(
                f"{self._source.public}: pictures of a format that cannot be read; "
                "set the camera to H.264 or MJPEG"
            )
        blacken(picture, masks)
        return picture

    def grey(self, picture: NDArray[Any]) -> Grey:
        """Make a picture grey, reduced to the options' width."""
        height, width, _ = picture.shape
        size = self._options.width, max(1, height * self._options.width // width)
        if width >= 4 * self._options.width:  # in two steps: twice as fast for the same pixels
            half = width // 2, height // 2
            picture = cv2.resize(picture, half, interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _open(source: Source, options: Options) -> cv2.VideoCapture:
    os.environ.update(ENVIRONMENT)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    cv2.setNumThreads(1)
    if source.kind is not Kind.NETWORK and not Path(source.url).exists():
        raise DeviceSilent(f"{source.public}: there is no such {source.kind}; correct the url")
    began_s = time.monotonic()
    capture = _OPENERS[source.kind](source, options)
    timed_out = time.monotonic() - began_s >= options.open_timeout_ms / 1000 * WHOLE
    opened = capture.isOpened()
    if opened and not timed_out:
        return capture
    capture.release()
    if opened:
        raise _stalled(source, options.open_timeout_ms)
    if source.kind is Kind.NETWORK:
        raise diagnose(source, refused=not timed_out)
    raise DeviceRefused(f"{source.public}: {NOT_OPENED[source.kind]}")


def _open_network(source: Source, options: Options) -> cv2.VideoCapture:
    how = {
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: options.open_timeout_ms,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC: options.read_timeout_ms,
        cv2.CAP_PROP_N_THREADS: 1,
    }
    return cv2.VideoCapture(
        source.url, cv2.CAP_FFMPEG, [part for pair in how.items() for part in pair]
    )


def _open_device(source: Source, options: Options) -> cv2.VideoCapture:
    select_s = max(1, round(options.read_timeout_ms / 1000))
    os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = str(select_s)
    return cv2.VideoCapture(source.url, cv2.CAP_V4L2)


def _open_film(source: Source, _options: Options) -> cv2.VideoCapture:
    return cv2.VideoCapture(source.url, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])


_OPENERS = {
    Kind.NETWORK: _open_network,
    Kind.DEVICE: _open_device,
    Kind.FILE: _open_film,
}


def _stalled(source: Source, for_ms: int) -> DeviceSilent:
    return DeviceSilent(
        f"{source.public}: no picture that can be decoded for {for_ms} ms, though the connection "
        "stands; if the camera does not come back, restart it"
    )
