"""A network camera: MJPEG over HTTP, as cheap cameras serve it.

    python -m simulators.camera --listen 127.0.0.1:0 --control /tmp/camera.sock

serves `/stream.mjpg` and `/snapshot.jpg` of a drawn arms store, or of a clip, and misbehaves
on request. Ask it over its control socket: {"do": "help"}.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import cv2

from simulators.camera_server import CameraServer
from simulators.camera_studio import Mode, Studio
from simulators.control import ControlServer, Json, SimulatorError, Verb, until_stopped


class Camera:
    """The control channel's verbs."""

    def __init__(self, studio: Studio, server: CameraServer) -> None:
        self._studio = studio
        self._server = server

    def verbs(self) -> dict[str, Verb]:
        """Return what can be asked, by name."""
        return {
            "scene": self.scene,
            "clip": self.clip,
            "state": self.state,
            "freeze": self.freeze,
            "repeat": self.repeat,
            "garbage": self.garbage,
            "slow": self.slow,
            "disconnect": self.disconnect,
            "vanish": self.vanish,
            "recover": self.recover,
        }

    def scene(self, asked: dict[str, Any]) -> Json:
        """Show a drawn scene: {"name": "empty" | "person" | "hand" | "dark"}."""
        self._studio.show(asked["name"])
        return self.state(asked)

    def clip(self, asked: dict[str, Any]) -> Json:
        """Play a film in real time: {"path", "from_s"?: 0, "loop"?: false}; then the scene."""
        path, from_s = Path(asked["path"]), float(asked.get("from_s", 0))
        self._studio.play(path, from_s, bool(asked.get("loop", False)))
        return self.state(asked)

    def state(self, _asked: dict[str, Any]) -> Json:
        """Say what is shown, how the camera behaves, and how many clients it has."""
        return {**self._studio.state(), "clients": self._server.clients}

    def freeze(self, asked: dict[str, Any]) -> Json:
        """Stall every stream in the middle of a picture, connection open."""
        return self._behave(Mode.FROZEN, asked)

    def repeat(self, asked: dict[str, Any]) -> Json:
        """Send the present picture for ever."""
        return self._behave(Mode.REPEATING, asked)

    def garbage(self, asked: dict[str, Any]) -> Json:
        """Send what is no picture, in the place of pictures."""
        return self._behave(Mode.GARBAGE, asked)

    def slow(self, asked: dict[str, Any]) -> Json:
        """Send few pictures: {"fps"?: 1}."""
        fps = float(asked.get("fps", 1))
        if not 0.01 <= fps <= 60:
            raise SimulatorError("fps is from 0.01 to 60")
        return self._behave(Mode.SLOW, asked, fps)

    def disconnect(self, asked: dict[str, Any]) -> Json:
        """Hang up on every client, once."""
        self._server.hang_up()
        return self.state(asked)

    def vanish(self, asked: dict[str, Any]) -> Json:
        """Be off the network: {"for_s"?: until recover}."""
        for_s = asked.get("for_s")
        self._server.vanish(None if for_s is None else float(for_s))
        return self.state(asked)

    def recover(self, asked: dict[str, Any]) -> Json:
        """End every misbehaviour."""
        self._server.listen()
        return self._behave(Mode.WELL, asked)

    def _behave(self, mode: Mode, asked: dict[str, Any], slow_fps: float = 1.0) -> Json:
        self._studio.behave(mode, slow_fps)
        return self.state(asked)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST:PORT")
    return host, int(port)


def _size(text: str) -> tuple[int, int]:
    if not re.fullmatch(r"[1-9]\d{1,3}x[1-9]\d{1,3}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no WIDTHxHEIGHT")
    width, _, height = text.partition("x")
    return int(width), int(height)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulators.camera", description=__doc__)
    parser.add_argument("--listen", type=_address, required=True, metavar="HOST:PORT")
    parser.add_argument("--control", type=Path, required=True, metavar="SOCKET")
    parser.add_argument("--fps", type=float, default=10.0, help="of the drawn scenes")
    parser.add_argument("--size", type=_size, default=(640, 360), metavar="WIDTHxHEIGHT")
    parser.add_argument("--clip", type=Path, help="play this in a loop instead of a scene")
    parser.add_argument("--user", help="ask clients for this name ...")
    parser.add_argument("--password", help="... and this password")
    given = parser.parse_args()
    if (given.user is None) != (given.password is None):
        parser.error("--user and --password belong together")
    if not 0.1 <= given.fps <= 60:
        parser.error("--fps is from 0.1 to 60")
    return given


def main() -> int:
    """Serve until SIGTERM."""
    given = _arguments()
    cv2.setNumThreads(1)
    password = f"{given.user}:{given.password}" if given.user is not None else None
    try:
        studio = Studio(given.size, given.fps)
        if given.clip is not None:
            studio.play(given.clip, from_s=0.0, loop=True)
        server = CameraServer(given.listen, studio, password)
        control = ControlServer(given.control, Camera(studio, server).verbs())
        control.start()
    except SimulatorError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    host, port = server.address
    until_stopped(f"listening on {host}:{port}")
    control.close()
    server.close()
    studio.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
