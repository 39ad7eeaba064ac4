"""What is wrong with the files that a path proves itself with, as they are on this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.uplink.options import PathOptions

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

LARGEST = 1 << 20  # bytes; all authorities of a browser have a fifth
CERTIFICATE = "a certificate (PEM)"
KEY = "its key (PEM), without a password"


class Doubt(Struct, frozen=True):
    """One thing that is wrong.

    Attributes:
        key: of the path's table: ("tls", "cert").
        certain: whether it is wrong wherever the file is used; else it may be this machine's.
    """

    key: tuple[str, ...]
    found: str
    remedy: str
    certain: bool = False


class _Unread(Exception):
    def __init__(self, doubt: Doubt) -> None:
        super().__init__(doubt.found)
        self.doubt = doubt


def of_files(options: PathOptions) -> Iterator[Doubt]:
    """Yield what is wrong with a path's files.

    `armoury check` may run on another machine than the gateway: a file that is not there, or
    that one may not read, is uncertain.
    """
    tls, secret = options.tls, options.password_file
    if tls is not None:
        yield from _authority(tls.ca)
        if tls.cert and tls.key:
            yield from _pair(tls.cert, tls.key)
    if secret is not None:
        try:
            if not _read(("password_file",), secret).strip():
                yield Doubt(("password_file",), "an empty file", "the password alone", certain=True)
        except _Unread as unread:
            yield unread.doubt


def _authority(ca: str) -> Iterator[Doubt]:
    key = ("tls", "ca")
    try:
        known = _certificates(key, ca)
    except _Unread as unread:
        yield unread.doubt
        return
    last = max(known, key=lambda one: one.not_valid_after_utc)
    yield from _time(key, last)


def _pair(cert: str, key: str) -> Iterator[Doubt]:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    own = None
    try:
        own = _certificates(("tls", "cert"), cert)[0]
        yield from _time(("tls", "cert"), own)
    except _Unread as unread:
        yield unread.doubt
    try:
        secret = load_pem_private_key(_read(("tls", "key"), key), None)
    except _Unread as unread:
        yield unread.doubt
        return
    except (ValueError, TypeError):  # TypeError: it has a password
        yield Doubt(("tls", "key"), f"no key in {key} that can be used", KEY, certain=True)
        return
    if own is not None and secret.public_key() != own.public_key():
        yield Doubt(("tls", "key"), f"a key that is not {cert}'s", KEY, certain=True)


def _certificates(key: tuple[str, ...], name: str) -> list[Certificate]:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(_read(key, name))
    except ValueError as error:
        raise _Unread(Doubt(key, f"no certificate in {name}", CERTIFICATE, certain=True)) from error


def _read(key: tuple[str, ...], name: str) -> bytes:
    try:
        data = _of_file(name)
    except FileNotFoundError as error:
        remedy = "put it there before the gateway needs it"
        raise _Unread(Doubt(key, f"no file {name} on this machine", remedy)) from error
    except OSError as error:
        why = f"{name}, which you cannot read ({(error.strerror or '').lower()})"
        remedy = "group armoury must be able to; or check as root"
        raise _Unread(Doubt(key, why, remedy)) from error
    if data is None:
        raise _Unread(Doubt(key, f"{name!r}, which is no file", "name a file", certain=True))
    return data


def _of_file(name: str) -> bytes | None:
    """Return what a file holds; None: it is a device or a pipe, or this is no name."""
    if "\0" in name:
        return None
    with open(name, "rb", opener=_at_once) as file:
        return file.read(LARGEST) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None


def _at_once(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)  # a pipe may have nobody at its other end


def _time(key: tuple[str, ...], one: Certificate) -> Iterator[Doubt]:
    now = datetime.now(UTC)
    if now > one.not_valid_after_utc:
        found = f"a certificate that has ended on {one.not_valid_after_utc:%Y-%m-%d}"
        yield Doubt(key, found, "renew it", certain=True)
    elif now < one.not_valid_before_utc:
        found = f"a certificate that begins on {one.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        yield Doubt(key, found, "see this machine's clock, or who signed it")
