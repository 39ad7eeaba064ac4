"""Why a camera gives no picture: OpenCV only says that it does not."""

from __future__ import annotations

import re
import socket

from drivers.camera.source import Source
from drivers.contract import DeviceError, DeviceRefused, DeviceSilent

TIMEOUT_S = 1.0
STATUS_LINE = re.compile(rb"(?:HTTP|RTSP)/\d\.\d (\d{3})")
# RFC 9110 section 9.3.1 and RFC 7826 section 13.2: neither changes anything in the camera.
REQUESTS = {
    "http": "GET {target} HTTP/1.0\r\nHost: {host}\r\n\r\n",
    "rtsp": "DESCRIBE rtsp://{host}:{port}{target} RTSP/1.0\r\nCSeq: 1\r\n\r\n",
}
LOGIN_NEEDED = (401, 403)


def reach(source: Source) -> None:
    """Find out, at next to no cost, whether a camera of the network is there at all.

    Raises:
        DeviceSilent: it is not.
    """
    try:
        socket.create_connection((source.host, source.port), TIMEOUT_S).close()
    except OSError as error:
        raise _nothing_answers(source, error) from error


def _nothing_answers(source: Source, error: OSError) -> DeviceSilent:
    why = error.strerror or str(error)
    return DeviceSilent(
        f"{source.public}: nothing answers ({why}); "
        "check the camera's power, its cable and the address"
    )


def diagnose(source: Source, *, refused: bool) -> DeviceError:
    """Ask the camera itself, without the login, and return what is wrong.

    Args:
        source: of kind network.
        refused: whether it failed at once and from the start, as a refusal does. Otherwise
            the login and the path have worked, and are not doubted.
    """
    where = source.public
    try:
        status = _status(source)
    except OSError as error:
        return _nothing_answers(source, error)
    if refused and status in LOGIN_NEEDED:
        found = "refuses the user name or the password" if source.has_login else "wants a login"
        return DeviceRefused(f"{where}: the camera {found}; set `user` and `password_file`")
    if refused and status is not None and 400 <= status < 500:
        return DeviceRefused(
            f"{where}: the camera has no such stream (it answers {status}); correct the url's path"
        )
    return DeviceSilent(
        f"{where}: the camera answers, but its stream breaks off or cannot be decoded; "
        "look at it in a browser, and restart the camera"
    )


def _status(source: Source) -> int | None:
    """Return the status that the camera answers; None where it is not asked, or not understood.

    Raises:
        OSError: it cannot be reached.
    """
    with socket.create_connection((source.host, source.port), TIMEOUT_S) as sock:
        request = REQUESTS.get(source.scheme)
        if request is None:  # encrypted: that it can be reached is all that is asked
            return None
        host = f"[{source.host}]" if ":" in source.host else source.host
        asked = request.format(host=host, port=source.port, target=source.target)
        sock.sendall(asked.encode())
        try:
            found = STATUS_LINE.match(sock.recv(1024))
        except TimeoutError:
            return None
    return int(found[1]) if found else None
