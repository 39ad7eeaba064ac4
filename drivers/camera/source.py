"""Where pictures come from, and how to say so without giving a password away."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import quote, urlsplit

# RFC 7826 section 22.14 (554, 322) and RFC 9110 section 4.2 (80, 443).
PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
DEVICES = "/dev/"


class Kind(StrEnum):
    """What a `url` names."""

    NETWORK = "network"
    DEVICE = "device"  # Video4Linux
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Source:
    """A `url` of the site file, taken apart.

    Attributes:
        kind: what it names.
        url: what OpenCV opens, user name and password included. Never to be shown.
        public: what may be shown: no user name, no password, and no path either, because
            many cameras take the password there.
        scheme: of a network source.
        host: of a network source.
        port: of a network source.
        target: path and query of a network source, for a request.
        has_login: whether `url` bears a user name.
    """

    kind: Kind
    url: str = field(repr=False)
    public: str
    scheme: str = ""
    host: str = ""
    port: int = 0
    target: str = field(default="", repr=False)
    has_login: bool = False

    def with_login(self, user: str, password: str) -> Source:
        """Return the same source, asked for as `user`."""
        scheme, _, rest = self.url.partition("://")
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return replace(self, url=f"{scheme}://{login}@{rest}", has_login=True)


def parse(url: str) -> Source:
    """Take `url` apart.

    Raises:
        ValueError: nothing can be opened by it; the text says what to write, and nothing of it.
    """
    if "://" not in url:
        return Source(Kind.DEVICE if url.startswith(DEVICES) else Kind.FILE, url, public=url)
    parts = urlsplit(url)
    if "@" not in parts.netloc and "@" in url:
        raise ValueError("write user name and password as `user` and `password_file`")
    if parts.scheme not in PORTS:
        raise ValueError(f"begin it with one of {', '.join(f'{name}://' for name in PORTS)}")
    if not parts.hostname:
        raise ValueError(f"name the camera's address: {parts.scheme}://ADDRESS/PATH")
    try:
        port = parts.port or PORTS[parts.scheme]
    except ValueError:
        raise ValueError("write the port as a number from 1 to 65535") from None
    try:
        parts.hostname.encode("idna")
    except UnicodeError:
        raise ValueError("write the camera's address in numbers, as in 192.0.2.21") from None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Source(
        kind=Kind.NETWORK,
        url=url,
        public=f"{parts.scheme}://{host}:{port}",
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        has_login=parts.username is not None,
    )
