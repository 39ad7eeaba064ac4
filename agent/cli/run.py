"""`armoury run`: the daemon in the foreground, as systemd starts it."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import click

from agent.config.document import read
from agent.control import socket_path
from agent.runtime.ahead import Ahead
from agent.runtime.clock import SYNCHRONISED

DEFAULT_SITE = "/etc/armoury/site.toml"
DEFAULT_DATA = "/var/lib/armoury"
# The status by which systemd/armoury-agent.service knows to switch the machine off.
EXHAUSTED = 75


@click.command()
@click.option(
    "--site",
    type=click.Path(path_type=Path),
    default=lambda: os.environ.get("ARMOURY_SITE", DEFAULT_SITE),
    help=f"The site file [$ARMOURY_SITE, {DEFAULT_SITE}].",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=lambda: os.environ.get("STATE_DIRECTORY", DEFAULT_DATA),
    help=f"The folder of the record [$STATE_DIRECTORY, {DEFAULT_DATA}].",
)
@click.option("--socket", type=click.Path(path_type=Path), help="Where to put the control socket.")
@click.option(
    "--synchronised",
    type=click.Path(path_type=Path),
    default=lambda: os.environ.get("ARMOURY_SYNCHRONISED", SYNCHRONISED),
    help=f"The file that is there once the clock is set [$ARMOURY_SYNCHRONISED, {SYNCHRONISED}].",
)
@click.option("--verbose", is_flag=True, help="Log what is only of use when looking for a fault.")
def run(site: Path, data: Path, socket: Path | None, synchronised: Path, *, verbose: bool) -> None:
    """Run the daemon in the foreground.

    It checks the site file, opens the record, starts a process for each device and goes on
    until SIGTERM or Ctrl-C. systemd runs exactly this. It exits with 75 when it stopped because
    the battery is nearly empty.

    \b
    Examples:
      armoury run --site config/demo.toml --data run/data --socket run/control.sock
      systemctl start armoury-agent
    """
    document = read(site)
    with Ahead(document.tree) as ahead:  # hosts load their libraries while we load ours
        from agent.config.sitefile import checked

        file = checked(site, document)
        # The runtime is imported after the site file is known to be good: a mistake shows at once.
        from agent.journal.errors import JournalError
        from agent.runtime import logs
        from agent.runtime.control import SocketUnusable
        from agent.runtime.daemon import Daemon

        logs.set_up(verbose=verbose)
        for warning in file.warnings:
            logging.getLogger(__name__).warning("%s", warning)
        try:
            daemon = Daemon(file, site, data, socket_path(socket), synchronised, ahead)
            asyncio.run(daemon.run())
        except (JournalError, SocketUnusable) as error:
            raise click.ClickException(str(error)) from error
    if daemon.exhausted:
        raise SystemExit(EXHAUSTED)
