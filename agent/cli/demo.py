"""`armoury demo`: a simulated armoury on real wires, the real daemon, the monitor's feed."""

from __future__ import annotations

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from simulators.armoury import Armoury
    from simulators.night import Night

ROOT = Path(__file__).parents[2]
# Beside the packages in a checkout; installed with them elsewhere (pyproject.toml, data-files).
SITES = next(
    (
        path
        for path in (ROOT / "config", Path(sys.prefix) / "share/armoury/config")
        if path.is_dir()
    ),
    ROOT / "config",
)
MARKER = ".armoury-demo"
NIGHT = ROOT / "simulators" / "scenarios" / "short-night.toml"
FOLDER = Path("run/demo")


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Where the demo keeps its record, its sockets and its logs; made anew.",
)
@click.option(
    "--night",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=NIGHT,
    help="The scenario to play [simulators/scenarios/short-night.toml].",
)
@click.option("--once", is_flag=True, help="Play the night and end, also on a terminal.")
def demo(folder: Path, night: Path, *, once: bool) -> None:
    """Play a short night at a simulated armoury.

    Everything is real but the hardware: the drivers talk to simulators over their wires, the
    daemon decides and records, a mosquitto on loopback carries the feed, and an independent
    client stands where the central monitor is. On a terminal it stays open afterwards for you
    to press, open and cover things. Exit status 0: the monitor's events equal the record's.

    \b
    Examples:
      armoury demo
      armoury demo --once
      armoury demo --once --night simulators/scenarios/insider-under-duress.toml
    """
    from agent.cli.demo_night import compare, play_and_compare
    from simulators.broker import BrokerError
    from simulators.night import NightError, load

    try:
        scenario = load(night)
        with _armoury(folder, scenario) as house:
            well = play_and_compare(house, scenario)
            if sys.stdin.isatty() and sys.stdout.isatty() and not once:
                from agent.cli.demo_screen import stay

                stay(house)
                well = compare(house) and well
    except (NightError, BrokerError) as error:
        raise click.ClickException(str(error)) from error
    sys.exit(0 if well else 1)


@contextmanager
def _armoury(folder: Path, night: Night) -> Iterator[Armoury]:
    from agent.config.sitefile import load
    from simulators.armoury import Armoury

    with _own(folder), Armoury(folder.absolute(), SITES / night.site) as house:
        load(house.site_file)  # says which extra is not installed, before anything needs it
        click.echo("starting: broker, simulators, daemon, monitor ...")
        if night.closes_soon:
            house.close_soon()
        house.employ(night.operators)
        house.start()
        click.echo("listen in, from another terminal, as somebody with only the broker:")
        click.echo(f"  mosquitto_sub -V 5 -p {house.broker.port} -t 'armoury/v1/#'")
        state = folder.absolute() / "desk.json"
        where = f"--broker 127.0.0.1:{house.broker.port} --after 0 --state {state}"
        click.echo(f"  armoury feed {where}")
        yield house


@contextmanager
def _own(folder: Path) -> Iterator[None]:
    """Empty the demo's folder and keep other demos out of it; anybody else's is left alone.

    Raises:
        NightError: it is not a demo's, or one runs in it.
    """
    from simulators.night import NightError

    marker = folder / MARKER
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise NightError(f"{folder}: is not empty and no demo made it; name another --folder")
    folder.mkdir(parents=True, exist_ok=True)
    with marker.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NightError(f"{folder}: a demo runs in it; name another --folder") from error
        for left in folder.iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            elif left != marker:
                left.unlink()
        yield
