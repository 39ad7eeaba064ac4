"""`armoury run`: the daemon in the foreground, as systemd starts it."""

from __future__ import annotations

from pathlib import Path

import click

from agent.runtime.clock import SYNCHRONISED
from agent.runtime.start import DEFAULT_DATA, DEFAULT_SITE, NotStarted, Told, start


@click.command()
@click.option(
    "--site",
    type=click.Path(path_type=Path, readable=False),
    help=f"The site file [$ARMOURY_SITE, {DEFAULT_SITE}].",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, readable=False),
    help=f"The folder of the record [$STATE_DIRECTORY, {DEFAULT_DATA}].",
)
@click.option(
    "--socket",
    type=click.Path(path_type=Path, readable=False),
    help="Where to put the control socket.",
)
@click.option(
    "--synchronised",
    type=click.Path(path_type=Path, readable=False),
    help=f"The file that is there once the clock is set [$ARMOURY_SYNCHRONISED, {SYNCHRONISED}].",
)
@click.option("--verbose", is_flag=True, help="Log what is only of use when looking for a fault.")
def run(*, verbose: bool, **paths: Path | None) -> int:
    """Run the daemon in the foreground.

    It checks the site file, opens the record, starts a process for each device and goes on
    until SIGTERM or Ctrl-C. systemd runs exactly this. It exits with 75 when it stopped because
    the battery is nearly empty.

    \b
    Examples:
      armoury run --site config/demo.toml --data run/data --socket run/control.sock
      sudo systemctl start armoury-agent
    """
    try:
        return start(Told.of(paths, verbose=verbose))
    except NotStarted as error:
        raise click.ClickException(str(error)) from error
