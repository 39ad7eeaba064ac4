"""The options by which a broker is reached, for the commands that go to one by themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agent.uplink.options import PathOptions

PORT, TLS_PORT = 1883, 8883  # as IANA has them for MQTT
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

_OPTIONS = (
    click.option("--broker", required=True, metavar="HOST[:PORT]", help="The monitor's broker."),
    click.option("--ca", type=FILE, help="Who signed the broker's certificate; it means TLS."),
    click.option("--cert", type=FILE, help="Your certificate, where the broker wants one."),
    click.option("--cert-key", type=FILE, help="The key that belongs to it."),
    click.option("--username", help="Your name, where the broker wants one."),
    click.option("--password-file", type=FILE, help="A file that holds the password alone."),
    click.option("--plain", is_flag=True, help="Go beyond this machine in the clear, for a trial."),
)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that `path` takes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def path(
    *,
    broker: str,
    ca: Path | None,
    cert: Path | None,
    cert_key: Path | None,
    username: str | None,
    password_file: Path | None,
    plain: bool,
) -> PathOptions:
    """Return how the broker is reached.

    Raises:
        UsageError: not like this.
    """
    from agent.uplink.options import INSECURE, PathOptions, TlsOptions, is_loopback

    host, _, port = broker.partition(":")
    if port and not (port.isdecimal() and 0 < int(port) < 1 << 16):
        raise click.UsageError("--broker is HOST or HOST:PORT")
    if bool(cert) != bool(cert_key):
        raise click.UsageError("--cert and --cert-key belong together")
    if ca is None and not plain and not is_loopback(host):
        raise click.UsageError("give --ca, the certificate that signed the broker's; or --plain")
    tls = None
    if ca is not None:
        tls = TlsOptions(ca=str(ca), cert=_text(cert), key=_text(cert_key))
    return PathOptions(
        id="operator",
        host=host,
        port=int(port or (TLS_PORT if tls else PORT)),
        tls=tls,
        username=username,
        password_file=_text(password_file),
        insecure=None if tls or is_loopback(host) else INSECURE,
    )


def _text(file: Path | None) -> str | None:
    return None if file is None else str(file)
