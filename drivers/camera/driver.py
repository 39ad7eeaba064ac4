"""The driver of cameras: what they see and do not see; lost when no picture comes."""

from __future__ import annotations

from pathlib import Path

from drivers.camera.diagnosis import reach
from drivers.camera.options import Options as CameraOptions
from drivers.camera.source import Kind, Source, parse
from drivers.contract import Action, DeviceRefused, Link, now_us

ALIVE_US = 1_000_000


class CameraDriver:
    """A network camera, a camera of this machine, or a film."""

    Options = CameraOptions

    def __init__(self, device: str, options: CameraOptions) -> None:
        self._device = device
        self._options = options

    def run(self, link: Link) -> None:
        waiting: list[Action] = []

        def pause(timeout_s: float) -> None:
            """Wait; what is asked meanwhile is done between two pictures."""
            action = link.next_action(timeout_s)
            if action is not None:
                waiting.append(action)

        source = self._source()
        if source.kind is Kind.NETWORK:
            reach(source)
        # OpenCV is imported when there is a camera: one that stays away costs next to nothing.
        from drivers.camera.looking import Looking
        from drivers.camera.stream import Stream

        with Stream(source, self._options, pause) as stream:
            stream.advance()
            link.ready(stream.identity())
            with Looking(self._device, self._options, link) as looking:
                period_us = 1_000_000 // self._options.fps
                due_us = alive_us = now_us()
                while True:
                    at_us = now_us()
                    if at_us >= due_us:
                        due_us = max(due_us + period_us, at_us)
                        looking.look(stream, at_us)
                    pause(0.0)
                    while waiting:
                        looking.asked(waiting.pop(0))
                    if at_us >= alive_us:
                        alive_us = at_us + ALIVE_US
                        link.alive()
                    stream.advance()

    def _source(self) -> Source:
        """Return what to open, with the login in it."""
        source = parse(self._options.url)
        user, file = self._options.user, self._options.password_file
        if user is None or file is None:
            return source
        try:
            return source.with_login(user, Path(file).read_text().strip())
        except (OSError, UnicodeDecodeError) as error:
            raise DeviceRefused(
                f"password_file {file} cannot be read; it holds the camera's password alone, "
                "readable by our user"
            ) from error
