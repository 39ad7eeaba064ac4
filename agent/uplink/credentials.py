"""What a path proves itself with: files, read anew for every connection."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from agent.uplink.options import PathOptions, TlsOptions
from agent.uplink.reasons import NotConnected

# Each file by its name, with what changes when it is written or replaced.
Stamp: TypeAlias = tuple[tuple[str, tuple[int, int, int] | None], ...]


def files(options: PathOptions) -> list[str]:
    """Return the names of a path's files."""
    tls = (options.tls.ca, options.tls.cert, options.tls.key) if options.tls else ()
    return [name for name in (*tls, options.password_file) if name]


def stamp(options: PathOptions) -> Stamp:
    """Return how a path's files are now; blocks as long as their disk does."""
    return tuple((name, _stamp(Path(name))) for name in files(options))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class Context(ssl.SSLContext):
    """A TLS context that knows its socket: paho leaves it open when the handshake fails."""

    made: ssl.SSLSocket | None = None

    def wrap_socket(self, *args: Any, **named: Any) -> ssl.SSLSocket:
        self.made = super().wrap_socket(*args, **named)
        return self.made

    def peer_ends_us(self) -> dict[str, int]:
        """Return when the broker's certificate ends, and its authority's; wall time."""
        said: Any = self.made.getpeercert() if self.made is not None else None
        if not said:
            return {}
        ends = {"broker": _ends_us(said)}
        known = self.get_ca_certs()
        signers = [ca for ca in known if ca.get("subject") == said.get("issuer")] or known
        if signers:
            ends["authority"] = min(_ends_us(ca) for ca in signers)
        return ends

    def close(self) -> None:
        """Close the socket, if there is one."""
        if self.made is not None:
            self.made.close()


def tls_context(tls: TlsOptions) -> Context:
    """Return a context that verifies the broker and shows our certificate.

    Raises:
        NotConnected: a file is missing, unreadable or not what it should be.
    """
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(tls.ca)
    except OSError as error:
        raise NotConnected(_file("tls.ca", tls.ca, error, "an authority's certificate")) from error
    if tls.cert and tls.key:
        try:
            context.load_cert_chain(tls.cert, tls.key, password=_no_password)
        except (OSError, ValueError) as error:
            files = f"{tls.cert} and {tls.key}"
            what = "a certificate and its key without a password"
            raise NotConnected(_file("tls.cert", files, error, what)) from error
    return context


def password(options: PathOptions) -> str | None:
    """Return the path's password, without the line end that editors leave.

    Raises:
        NotConnected: its file cannot be read.
    """
    if options.password_file is None:
        return None
    try:
        return Path(options.password_file).read_text().rstrip("\r\n")
    except (OSError, ValueError) as error:
        why = _file("password_file", options.password_file, error, "a password")
        raise NotConnected(why) from error


def _ends_us(said: Mapping[str, Any]) -> int:
    return ssl.cert_time_to_seconds(said["notAfter"]) * 1_000_000


def _no_password() -> str:
    raise ValueError("the key has a password")


def _file(key: str, name: str, error: Exception, wanted: str) -> str:
    missing = isinstance(error, FileNotFoundError | PermissionError)
    found = str(error.strerror).lower() if missing else f"it is not {wanted}"  # type: ignore[attr-defined]
    return f"{name} cannot be used: {found}; see {key}"
