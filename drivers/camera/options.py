"""What the site file may say about a camera. Light to import."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from drivers.camera.source import Kind, parse
from drivers.contract import Mistake, Offers, Within

LIBRARIES = ("cv2",)
BEHIND = True
POINTS = frozenset(
    {"motion", "covered", "blinded", "moved", "defocused", "dark", "frozen"},
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """A camera's table in the site file.

    Attributes:
        url: `rtsp://`, `http://` (MJPEG) or `https://`, a Video4Linux device ("/dev/video0"),
            or a film file.
        user: the camera's login, with `password_file`. Better there than in `url`.
        password_file: a file that holds the password alone.
        width: of the picture that is looked at; the camera's own is reduced to it.
        sensitivity: 1 sees coarse changes only, 100 the faintest.
        min_area_permille: how much of the picture has to move, to be motion.
        motion_hold_ms: motion has ended when nothing moved for so long.
        frozen_s: pictures that do not differ in anything for so long are a frozen camera.
        open_timeout_ms: to connect and to find the stream's format.
        read_timeout_ms: without a picture for so long, the camera is lost.
        fps: pictures a second that are looked at; all others are only taken off the stream.
        loop: a film file begins again at its end.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    url: Annotated[str, Within(1, 2000)] = field(repr=False)
    user: Annotated[str, Within(1, 100)] | None = field(default=None, repr=False)
    password_file: Annotated[str, Within(1, 4000)] | None = None
    width: Annotated[int, Within(160, 640)] = 320
    sensitivity: Annotated[int, Within(1, 100)] = 50
    min_area_permille: Annotated[int, Within(1, 500)] = 5
    motion_hold_ms: Annotated[int, Within(200, 60_000)] = 2000
    frozen_s: Annotated[int, Within(2, 600)] = 5
    open_timeout_ms: Annotated[int, Within(500, 6000)] = 4000
    read_timeout_ms: Annotated[int, Within(500, 6000)] = 2000
    fps: Annotated[int, Within(1, 15)] = 5
    loop: bool = False

    def offers(self) -> Offers:
        return Offers(points=POINTS, picture=True)

    def mistakes(self) -> Iterable[Mistake]:
        """Find what no single field shows. The url is never repeated: it may hold a password."""
        try:
            source = parse(self.url)
        except ValueError as error:
            yield Mistake("url", "an address that cannot be opened", str(error))
            return
        login = self.user is not None or self.password_file is not None
        if (self.user is None) != (self.password_file is None):
            missing = "user" if self.user is None else "password_file"
            yield Mistake(missing, "nothing", "write both `user` and `password_file`, or neither")
        if login and source.has_login:
            yield Mistake("url", "a user name, beside `user`", "take it out of the url")
        if login and source.kind is not Kind.NETWORK:
            found, remedy = f"a login for a {source.kind}", "remove user and password_file"
            yield Mistake("user", found, remedy, by=("url",))
        if self.loop and source.kind is not Kind.FILE:
            remedy = "remove it: only a file has an end"
            yield Mistake("loop", "true, for a live camera", remedy, by=("url",))
