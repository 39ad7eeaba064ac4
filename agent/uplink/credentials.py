"""What a path proves itself with: files, read anew for every connection.

So a renewed certificate or password is used from the next connection on.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from agent.uplink.options import PathOptions, TlsOptions
from agent.uplink.reasons import NotConnected


class Context(ssl.SSLContext):
    """A TLS context that knows its socket: paho leaves it open when the handshake fails."""

    made: ssl.SSLSocket | None = None

    def wrap_socket(self, *args: Any, **named: Any) -> ssl.SSLSocket:
        self.made = super().wrap_socket(*args, **named)
        return self.made

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


def _no_password() -> str:
    raise ValueError("the key has a password")


def _file(key: str, name: str, error: Exception, wanted: str) -> str:
    missing = isinstance(error, FileNotFoundError | PermissionError)
    found = str(error.strerror).lower() if missing else f"it is not {wanted}"  # type: ignore[attr-defined]
    return f"{name} cannot be used: {found}; see {key}"
