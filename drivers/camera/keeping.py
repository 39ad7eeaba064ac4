"""What the daemon asks to be kept: pictures and clips, as files in the spool.

A file is written under another name and gets its own when it is whole: what a host that dies
leaves behind is no clip. What ends early, because the camera or the daemon is gone, is whole, too:
it ends where the pictures end.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import cv2
from numpy.typing import NDArray

from drivers.camera.avi import MEDIA, AviWriter
from drivers.camera.ring import Picture, Ring
from drivers.contract import Action, Json, Link, Outcome

WIDTH = 640  # of what is kept; wider pictures are reduced to it
QUALITY = 80  # JPEG's, of 100
CLIP_BYTES = 64 << 20
CLIPS = 8  # at a time
JPEG_MEDIA = "image/jpeg"


class KeepRefused(Exception):
    """Nothing can be kept; the text says why."""


class Clip:
    """A clip that is being written."""

    def __init__(self, action: Action, path: Path, size: tuple[int, int]) -> None:
        self.action = action
        self.path = path
        self.from_us, self.to_us = _whole(action, "from"), _whole(action, "to")
        self._half = path.with_suffix(".part")
        self._file = self._half.open("xb")
        self._film = AviWriter(self._file, size)

    def add(self, picture: Picture) -> None:
        """Take the next picture, if it is of this clip."""
        within = self.from_us <= picture.at_us <= self.to_us
        if within and self._film.written + len(picture.jpeg) <= CLIP_BYTES:
            self._film.add(picture.jpeg, picture.at_us)

    def finish(self) -> tuple[int, int]:
        """Make it whole; return when it begins and ends.

        Raises:
            KeepRefused: there is nothing in it.
        """
        times = self._film.times
        if not times:
            raise KeepRefused("no picture came in its time")
        self._film.finish()
        self._file.close()
        self._half.rename(self.path)
        return times[0], times[-1]

    def give_up(self) -> None:
        """Leave nothing of it."""
        with contextlib.suppress(OSError):  # it would write what it still holds, on a full disk too
            self._file.close()
        self._half.unlink(missing_ok=True)


class Keeping:
    """Everything that one run of the driver is asked to keep.

    Args:
        link: whose spool it is, and who is answered.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._ring = Ring()
        self._clips: list[Clip] = []
        self._size = (0, 0)

    def asked(self, action: Action) -> None:
        """Begin what an action asks for."""
        try:
            if action.verb == "snapshot":
                self._snapshot(action)
            else:
                self._begin(action)
        except KeepRefused as refused:
            self._link.answer(action, Outcome.REFUSED, str(refused))
        except OSError as error:
            self._link.answer(action, Outcome.REFUSED, _unwritten(error))

    def see(self, picture: NDArray, at_us: int) -> None:  # type: ignore[type-arg]  # cv2's own
        """Take the next picture as it came; end the clips whose time is over."""
        height, width, _ = picture.shape
        if width > WIDTH:
            size = WIDTH, max(1, height * WIDTH // width)
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        ok, jpeg = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
        if not ok:
            return
        if self._size != (size := (picture.shape[1], picture.shape[0])):
            self.forget()  # another picture size: another film
            self._size = size
        seen = Picture(at_us, jpeg.tobytes())
        self._ring.add(seen)
        for clip in list(self._clips):
            self._add(clip, seen)
            if at_us >= clip.to_us:
                self._end(clip)

    def forget(self) -> None:
        """End what is being kept, and forget what was seen before."""
        self.end()
        self._ring.clear()

    def end(self) -> None:
        """End every clip where it is."""
        for clip in list(self._clips):
            self._end(clip)

    def _snapshot(self, action: Action) -> None:
        picture = self._ring.nearest(_whole(action, "at"))
        if picture is None:
            raise KeepRefused("no picture has come yet")
        path = self._path(action, ".jpg")
        half = path.with_suffix(".part")
        try:
            half.write_bytes(picture.jpeg)
        except OSError:
            half.unlink(missing_ok=True)
            raise
        half.rename(path)
        self._kept(action, path, JPEG_MEDIA, (picture.at_us, picture.at_us))

    def _begin(self, action: Action) -> None:
        if len(self._clips) >= CLIPS:
            raise KeepRefused(f"{CLIPS} clips are being kept already")
        if self._size == (0, 0):
            raise KeepRefused("no picture has come yet")
        clip = Clip(action, self._path(action, ".avi"), self._size)
        self._clips.append(clip)
        for picture in self._ring.between(clip.from_us, clip.to_us):
            self._add(clip, picture)

    def _add(self, clip: Clip, picture: Picture) -> None:
        if clip not in self._clips:
            return
        try:
            clip.add(picture)
        except OSError as error:
            self._gave_up(clip, _unwritten(error))

    def _end(self, clip: Clip) -> None:
        if clip not in self._clips:
            return
        try:
            span = clip.finish()
        except KeepRefused as refused:
            self._gave_up(clip, str(refused))
        except OSError as error:
            self._gave_up(clip, _unwritten(error))
        else:
            self._clips.remove(clip)
            self._kept(clip.action, clip.path, MEDIA, span)

    def _gave_up(self, clip: Clip, why: str) -> None:
        self._clips.remove(clip)
        try:
            clip.give_up()
        except OSError as error:
            why = f"{why}; {_unwritten(error)}"
        self._link.answer(clip.action, Outcome.REFUSED, why)

    def _kept(self, action: Action, path: Path, media: str, span: tuple[int, int]) -> None:
        data: dict[str, Json] = {"file": path.name, "media": media, "from": span[0], "to": span[1]}
        self._link.answer(action, Outcome.DONE, data=data)

    def _path(self, action: Action, suffix: str) -> Path:
        """Return a name that no other run and no other action has."""
        if not self._link.spool:
            raise KeepRefused("there is no folder to keep it in")
        return Path(self._link.spool) / f"{os.getpid()}-{action.id}{suffix}"


def _whole(action: Action, name: str) -> int:
    value = action.args.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise KeepRefused(f"{action.verb} needs `{name}`, a time; there was {value!r}")
    return value


def _unwritten(error: OSError) -> str:
    return f"it cannot be written: {error.strerror}"
