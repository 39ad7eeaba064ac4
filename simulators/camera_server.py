"""The simulated camera's HTTP side: a stream as multipart/x-mixed-replace, and a snapshot."""

from __future__ import annotations

import base64
import contextlib
import hmac
import socket
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from simulators.camera_studio import Mode, Studio
from simulators.control import SimulatorError

BOUNDARY = "armoury-camera"
STREAM = "/stream.mjpg"
SNAPSHOT = "/snapshot.jpg"
LOOK_S = 0.5  # how often a stalled stream looks whether its client is still there


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], studio: Studio, password: str | None) -> None:
        self.studio = studio
        self.password = password
        self.open: set[socket.socket] = set()
        super().__init__(address, _Request)

    def hang_up(self) -> None:
        """End every connection there is."""
        for client in tuple(self.open):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


class CameraServer:
    """Serves what the studio shows.

    Args:
        address: host and port; port 0 lets the system choose, once and for all.
        studio: what is shown.
        password: "user:password" that clients have to give; None asks for none.

    Raises:
        SimulatorError: the address cannot be listened at.
    """

    def __init__(self, address: tuple[str, int], studio: Studio, password: str | None) -> None:
        self._studio = studio
        self._password = password
        self._http: _Http | None = None
        self._back: threading.Timer | None = None
        self._lock = threading.Lock()
        self.address = address
        self.listen()

    def listen(self) -> None:
        """Listen; nothing happens where it does already."""
        with self._lock:
            if self._http is not None:
                return
            try:
                self._http = _Http(self.address, self._studio, self._password)
            except OSError as error:
                host, port = self.address
                raise SimulatorError(f"cannot listen at {host}:{port}: {error.strerror}") from error
            self.address = (self.address[0], self._http.server_port)
            threading.Thread(target=self._http.serve_forever, name="http", daemon=True).start()

    def vanish(self, for_s: float | None) -> None:
        """Be off the network for a while; None: until `listen`."""
        self.close()
        if for_s is not None:
            self._back = threading.Timer(for_s, self.listen)
            self._back.daemon = True
            self._back.start()

    def hang_up(self) -> None:
        """End every connection; new ones are welcome."""
        with self._lock:
            if self._http is not None:
                self._http.hang_up()

    @property
    def clients(self) -> int:
        with self._lock:
            return len(self._http.open) if self._http is not None else 0

    def close(self) -> None:
        """Hang up, and listen no more."""
        if self._back is not None:
            self._back.cancel()
        with self._lock:
            if self._http is not None:
                self._http.shutdown()
                self._http.server_close()
                self._http.hang_up()
            self._http = None


class _Request(BaseHTTPRequestHandler):
    server: _Http

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.server.open.discard(self.connection)

    def do_GET(self) -> None:
        """Answer one request; a stream lasts until either side hangs up."""
        with contextlib.suppress(OSError):
            if not self._allowed():
                self.send_response(HTTPStatus.UNAUTHORIZED)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.end_headers()
            elif self.path == STREAM:
                self._stream()
            elif self.path == SNAPSHOT:
                self._snapshot()
            else:
                self.send_error(HTTPStatus.NOT_FOUND, f"there are {STREAM} and {SNAPSHOT}")

    def _allowed(self) -> bool:
        if self.server.password is None:
            return True
        wanted = "Basic " + base64.b64encode(self.server.password.encode()).decode()
        return hmac.compare_digest(self.headers.get("Authorization", ""), wanted)

    def _snapshot(self) -> None:
        jpeg = self.server.studio.picture()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(jpeg)))
        self.end_headers()
        self.wfile.write(jpeg)

    def _stream(self) -> None:
        studio = self.server.studio
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        due_s = time.monotonic()
        while self._there():
            self._send(studio.picture())
            due_s = max(due_s + studio.interval_s, time.monotonic() - 1.0)
            studio.wait_for_end_of(studio.mode, due_s - time.monotonic())

    def _send(self, jpeg: bytes) -> None:
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        part = head.encode() + jpeg + b"\r\n"
        studio = self.server.studio
        if studio.mode is Mode.FROZEN:
            half = len(part) // 2
            self.wfile.write(part[:half])
            while not studio.wait_for_end_of(Mode.FROZEN, LOOK_S):
                if not self._there():
                    return
            part = part[half:]
        self.wfile.write(part)

    def _there(self) -> bool:
        """Return whether the client has not hung up."""
        with contextlib.suppress(BlockingIOError):
            return bool(self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        return True

    def log_message(self, *_: object) -> None:
        """Say nothing: a simulator's output is its one line."""
