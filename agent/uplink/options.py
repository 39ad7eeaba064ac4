"""`[[path]]` of the site file: the ways to the monitor, in order of preference."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Annotated, Final, Literal

from pydantic import Field

from agent.site.table import Mistake, Named, Table

# What a person must write, word for word, to send in the clear beyond this machine.
INSECURE: Final = "anyone on the way can read and forge everything this armoury says"

Text = Annotated[str, Field(min_length=1, max_length=255)]
_LABEL = r"[^\x00-\x20/:.]{1,63}"
_IPV6 = r"[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%\w{1,15})?"
Host = Annotated[
    str,
    Field(
        max_length=253,
        pattern=rf"^(?:{_LABEL}(?:\.{_LABEL})*\.?|{_IPV6})$",
        description="a name or an address without a port, such as monitor.example.org",
    ),
]


class TlsOptions(Table):
    """`[path.tls]`: who the broker must prove to be, and who we are. TLS 1.2 at least.

    `ca` is the certificate (PEM) that the broker's own must be signed with; `cert` and `key` are
    ours. Without `cert` the broker must accept a name and password.
    """

    ca: Text
    cert: Text | None = None
    key: Text | None = None

    def mistakes(self) -> Iterable[Mistake]:
        for given, missing in (("cert", "key"), ("key", "cert")):
            if getattr(self, given) and not getattr(self, missing):
                yield Mistake((missing,), "nothing", f"the file that belongs to {given}")


class PathOptions(Named):
    """One broker: where it is, how both sides prove who they are, how its silence is noticed.

    Attributes:
        keepalive_s: a broker that is silent for 1.5 times as long is lost; the broker says that
            we are (our will) after as long.
        heartbeat_s: standards.md: a lost path is known in 90 s.
        compress: send the backlog compressed (zlib), for a line that costs by the byte.
        insecure: `INSECURE`, for a path without TLS beyond this machine.
    """

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 8883
    tls: TlsOptions | None = None
    username: Text | None = None
    password_file: Text | None = None
    keepalive_s: Annotated[int, Field(ge=5, le=20)] = 15
    heartbeat_s: Annotated[int, Field(ge=10, le=60)] = 30
    compress: bool = False
    insecure: (
        Literal["anyone on the way can read and forge everything this armoury says"] | None
    ) = None

    def mistakes(self) -> Iterable[Mistake]:
        if self.tls is not None:
            for inner in self.tls.mistakes():
                yield Mistake(("tls", *inner.key), inner.found, inner.remedy)
        if self.tls is None and not self.insecure and not is_loopback(self.host):
            yield Mistake(
                ("tls",),
                "nothing",
                f'a [path.tls] table, or for a trial without protection: insecure = "{INSECURE}"',
                by=(("host",),),
            )
        if self.tls is not None and self.insecure:
            yield Mistake(("insecure",), "given beside tls", "leave it out: the path is protected")
        if self.password_file and not self.username:
            yield Mistake(("username",), "nothing", "the name that the password belongs to")


def is_loopback(host: str) -> bool:
    """Return whether what is sent to `host` never leaves this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def mistakes(paths: Iterable[PathOptions]) -> Iterable[Mistake]:
    """Yield what is wrong with the paths, each on its own and one beside another.

    Keys begin with the path's place in the file: (0, "tls").
    """
    seen: set[str] = set()
    for place, path in enumerate(paths):
        for found in path.mistakes():
            by = tuple((place, *key) for key in found.by)
            yield Mistake((place, *found.key), found.found, found.remedy, by=by)
        if path.id in seen:
            yield Mistake((place, "id"), path.id, "another id: a path has it already")
        seen.add(path.id)
