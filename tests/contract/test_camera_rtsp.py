"""The camera driver against an RTSP server of another house: GStreamer's, with H.264.

Needs Debian's gir1.2-gst-rtsp-server-1.0, gstreamer1.0-rtsp, gstreamer1.0-plugins-base,
gstreamer1.0-plugins-good and python3-gi; they belong to the system's Python, not to ours.
"""

from __future__ import annotations

import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.hosting import ROOT, Host

CLIP = ROOT.parent / "shared" / "video" / "one-by-one-person-detection.mp4"
ENTERS_S = 6.0  # by eye: frame 60, ten a second
LOGIN = ("guard", "p@ss/w:rd")
SYSTEM_PYTHON = "/usr/bin/python3"

CHECK = """
import gi
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert all(Gst.ElementFactory.find(name) for name in ("qtdemux", "h264parse", "rtph264pay"))
"""
SERVER = """
import sys
import gi
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
clip, user, password = sys.argv[1:]
server = GstRtspServer.RTSPServer(address="127.0.0.1", service="0")
media = GstRtspServer.RTSPMediaFactory()
media.set_launch(f"( filesrc location={clip} ! qtdemux ! h264parse ! rtph264pay name=pay0 )")
token = GstRtspServer.RTSPToken()
token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
auth = GstRtspServer.RTSPAuth()
auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
server.set_auth(auth)
media.add_role_from_structure(Gst.Structure.new_from_string(
    "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"))
server.get_mount_points().add_factory("/stream", media)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""


def has_server() -> bool:
    if not Path(SYSTEM_PYTHON).exists():
        return False
    return subprocess.run([SYSTEM_PYTHON, "-c", CHECK], capture_output=True).returncode == 0


pytestmark = [
    pytest.mark.skipif(not CLIP.exists(), reason=f"NOT TESTED: no ../shared/video/{CLIP.name}"),
    pytest.mark.skipif(not has_server(), reason="NOT TESTED: GStreamer's RTSP server is missing"),
]


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """An RTSP server that asks for a login: its process, and its url."""
    command = [SYSTEM_PYTHON, "-c", SERVER, str(CLIP), *LOGIN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], 60.0)
            assert ready, "the RTSP server did not start"
            yield process, f"rtsp://127.0.0.1:{process.stdout.readline().strip()}/stream"
        finally:
            process.kill()


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text(LOGIN[1])
    return str(path)


def hosted(url: str, **options: str) -> Host:
    return Host("drivers.camera.driver:CameraDriver", "cam", {"url": url} | options)


def test_somebody_in_an_rtsp_stream_is_motion_and_a_stall_is_told_in_time(
    server: tuple[subprocess.Popen[str], str], password_file: str
) -> None:
    process, url = server
    began_s = time.monotonic()
    with hosted(url, user=LOGIN[0], password_file=password_file) as host:
        identity = host.expect("ready", 9.0)["identity"]
        ready_s = time.monotonic()  # the stream began between the two
        assert identity == {"width": 768, "height": 432, "codec": "h264"}
        alarm = host.expect("point", 12.0, point="motion", state="alarm")
        assert alarm["at"] / 1e6 - began_s >= ENTERS_S - 0.2
        assert alarm["at"] / 1e6 - ready_s <= ENTERS_S + 2.5
        process.send_signal(signal.SIGSTOP)
        stalled_s = time.monotonic()
        lost = host.expect("failed", 10.0)
        assert time.monotonic() - stalled_s < 10.0
    assert lost["error"] == "DeviceSilent"
    assert "though the connection stands" in lost["reason"]


def test_a_wrong_rtsp_login_is_refused_and_never_shown(
    server: tuple[subprocess.Popen[str], str], capfd: pytest.CaptureFixture[str]
) -> None:
    _, url = server
    with hosted(url.replace("rtsp://", "rtsp://guard:not-th1s@")) as host:
        failed = host.expect("failed", 9.0)
    assert failed["error"] == "DeviceRefused"
    assert "refuses the user name or the password" in failed["reason"]
    assert "not-th1s" not in failed["reason"] + "".join(capfd.readouterr())
