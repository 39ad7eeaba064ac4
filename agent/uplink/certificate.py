"""A path's own certificate: from when until when it is good."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from agent.uplink.options import PathOptions


class Certificate(Struct, frozen=True):
    """Its time."""

    starts: datetime
    ends: datetime

    @property
    def ends_us(self) -> int:
        """Return its end in microseconds UTC."""
        return round(self.ends.timestamp()) * 1_000_000


def own(options: PathOptions) -> Certificate | None:
    """Return the certificate that a path shows; None where there is none that can be read."""
    from cryptography import x509  # 1.4 MiB, needed with TLS only

    if options.tls is None or options.tls.cert is None:
        return None
    try:
        found = x509.load_pem_x509_certificate(Path(options.tls.cert).read_bytes())
    except (OSError, ValueError):
        return None
    return Certificate(found.not_valid_before_utc, found.not_valid_after_utc)


def untimely(certificate: Certificate, now: datetime | None = None) -> str:
    """Say why a certificate is not good by this machine's clock; "" when it is."""
    now = now or datetime.now(UTC)
    today = f"and this machine's clock says {now:%Y-%m-%d %H:%M} UTC"
    if now < certificate.starts:
        return f"begins on {certificate.starts:%Y-%m-%d %H:%M} UTC, {today}"
    if now > certificate.ends:
        return f"has ended on {certificate.ends:%Y-%m-%d %H:%M} UTC, {today}"
    return ""
