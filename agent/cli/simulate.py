"""`armoury simulate`: hands for a simulated site: press, open, lay a finger, cover a lens."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from agent.cli import options
from agent.cli.simulated import SimulatedSite, Wire
from agent.cli.simulator import default_run, tell
from agent.config.sitefile import load

# How each kind of device is broken unless it is said how.
BREAKS = {
    "gpio": "silence",
    "eol": "silence",
    "zfm": "silence",
    "osdp": "silence",
    "camera": "freeze",
}
CLEAR_MS = 500  # a driver takes a moment to see that a finger was lifted
PATIENCE_S = 10.0


@dataclass(frozen=True)
class Simulation:
    """The simulated site that a command's options name; its file is read when it is needed."""

    file: Path
    run: Path

    @cached_property
    def site(self) -> SimulatedSite:
        return SimulatedSite(load(self.file))

    def tell(self, device: str, do: str, **params: Any) -> Any:
        """Tell the simulator of a device, which must be a simulated one."""
        return tell(self.run, self.site.device(device).id, do, **params)


simulation = click.make_pass_decorator(Simulation)


@click.group()
@click.option(
    "--site",
    type=click.Path(path_type=Path),
    help="The site file [$ARMOURY_SITE, RUN/site.toml, /etc/armoury/site.toml].",
)
@click.option(
    "--run",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder with the simulators' sockets [$ARMOURY_RUN, run/demo].",
)
@click.pass_context
def simulate(ctx: click.Context, site: Path | None, run: Path | None) -> None:
    """Be the hands at a simulated site.

    Press buttons, open doors, lay fingers, cover cameras, break devices. Only devices with
    `simulated = true` can be moved. Names are those of the site file; a single contact can be
    named as device.point, too. Beside a running demo no option is needed.

    \b
    Examples:
      armoury simulate start config/demo.toml     every simulator of a site
      armoury simulate press guard-room           ... and `release guard-room`
      armoury simulate finger store-reader 1
      armoury simulate open store                 ... and `close store`
      armoury simulate take M4-1001               ... and `put M4-1001`
      armoury simulate cut store-movement         ... and `bridge`, `mend`
      armoury simulate scene hall person
      armoury simulate break store-reader         ... and `recover store-reader`
    """
    folder = run or default_run()
    own = folder / "site.toml"
    beside = own if own.exists() and "ARMOURY_SITE" not in os.environ else options.default_site()
    ctx.obj = Simulation(site or beside, folder)


# What moves a contact, or its wire: of what it is, how it is then, and what that is like.
MOVES: Mapping[str, tuple[str, Wire, str]] = {
    "press": ("panic", "alarm", "Press the panic button NAME and keep it pressed."),
    "release": ("panic", "normal", "Let go of the panic button NAME."),
    "open": ("door", "alarm", "Open the door NAME: its contact parts, unlocked or forced."),
    "close": ("door", "normal", "Close the door NAME."),
    "trip": ("zone", "alarm", "Have the detector of the zone NAME see something."),
    "calm": ("zone", "normal", "Have the detector of the zone NAME see nothing any more."),
    "take": ("weapon", "alarm", "Take the weapon with the serial NAME out of its slot."),
    "put": ("weapon", "normal", "Put the weapon with the serial NAME back into its slot."),
    "cut": ("wire", "open", "Cut the wire of the door, zone or panic button NAME."),
    "bridge": ("wire", "short", "Bridge the wire of the door, zone or panic button NAME."),
    "mend": ("wire", "normal", "Mend the wire of NAME: its contact is at rest."),
}


def _mover(verb: str) -> click.Command:
    kind, wire, what = MOVES[verb]

    @click.argument("name")
    @simulation
    def move(site: Simulation, name: str) -> None:
        contact = site.site.contact(kind, name)
        do, params = contact.told(wire)
        site.tell(contact.device, do, **params)

    return click.command(verb, help=what)(move)


for _verb in MOVES:
    simulate.add_command(_mover(_verb))


@simulate.command()
@click.argument("reader")
@click.argument("which", metavar="FINGER")
@click.option(
    "--hold-ms",
    type=click.IntRange(1),
    default=800,
    show_default=True,
    help="How long the finger lies there.",
)
@simulation
def finger(site: Simulation, reader: str, which: str, hold_ms: int) -> None:
    """Lay a FINGER on a READER.

    FINGER is a template's number, `unknown`, `messy` or a name; a name is a finger of its own,
    the same each time: to be enrolled first. It is laid when the glass has been clear for a
    moment, as people wait for each other.

    \b
    Examples:
      armoury simulate finger store-reader 1
      armoury simulate finger store-reader unknown
    """
    _wait_until_clear(site, reader)
    if which == "messy":
        site.tell(reader, "messy", hold_ms=hold_ms)
    elif which == "unknown":
        site.tell(reader, "finger", unknown=True, hold_ms=hold_ms)
    elif which.isdecimal():
        site.tell(reader, "finger", template=int(which), hold_ms=hold_ms)
    else:
        site.tell(reader, "finger", id=which, hold_ms=hold_ms)


def _wait_until_clear(site: Simulation, reader: str) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while site.tell(reader, "state").get("clear_ms", CLEAR_MS) < CLEAR_MS:
        if time.monotonic() > until_s:
            raise click.ClickException(
                f"a finger lies on {reader} for {PATIENCE_S:.0f} s already; take it away: "
                f"armoury simulate tell {reader} lift"
            )
        time.sleep(0.05)


@simulate.command()
@click.argument("reader")
@click.argument("which", metavar="KEYS")
@simulation
def keys(site: Simulation, reader: str, which: str) -> None:
    """Press KEYS on a READER's keypad: digits, `#` to end a PIN, `*` to begin anew.

    \b
    Example:
      armoury simulate keys store-keypad 271828#
    """
    site.tell(reader, "keys", keys=which)


@simulate.command()
@click.argument("reader")
@click.argument("number")
@click.option("--bits", type=click.IntRange(1, 256), default=26, show_default=True, help="Of it.")
@simulation
def card(site: Simulation, reader: str, number: str, bits: int) -> None:
    """Show a READER the card with this NUMBER, in hexadecimal digits.

    \b
    Example:
      armoury simulate card store-keypad 2C6F0B4
    """
    site.tell(reader, "card", number=number, bits=bits)


@simulate.command()
@click.argument("camera")
@click.argument("name", metavar="SCENE")
@simulation
def scene(site: Simulation, camera: str, name: str) -> None:
    """Put a SCENE before a CAMERA.

    SCENE is empty, person, hand (over the lens) or dark.

    \b
    Examples:
      armoury simulate scene hall person
      armoury simulate scene hall empty
    """
    site.tell(camera, "scene", name=name)


@simulate.command()
@click.argument("camera")
@simulation
def cover(site: Simulation, camera: str) -> None:
    """Lay a hand over a CAMERA's lens.

    `armoury simulate scene CAMERA empty` takes it away.

    \b
    Example:
      armoury simulate cover hall
    """
    site.tell(camera, "scene", name="hand")


@simulate.command()
@click.argument("camera")
@click.argument("film", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@simulation
def clip(site: Simulation, camera: str, film: Path) -> None:
    """Play a FILM before a CAMERA, once.

    \b
    Example:
      armoury simulate clip hall ~/film.mp4
    """
    site.tell(camera, "clip", path=str(film.resolve()))


@simulate.command(name="break")
@click.argument("device")
@click.argument("how", required=False)
@click.option("--for", "for_s", type=click.FloatRange(0), help="Recover after so many seconds.")
@simulation
def break_device(site: Simulation, device: str, how: str | None, for_s: float | None) -> None:
    """Have a DEVICE misbehave.

    HOW is one of its simulator's verbs, such as silence, garbage, half, vanish, freeze or swap;
    `armoury simulate tell DEVICE help` lists them. Without it the device falls silent; a camera
    stalls in the middle of a picture.

    \b
    Examples:
      armoury simulate break store-reader
      armoury simulate break board vanish --for 20
      armoury simulate recover store-reader
    """
    params = {} if for_s is None else {"for_s": for_s}
    site.tell(device, how or BREAKS[site.site.device(device).driver], **params)


@simulate.command()
@click.argument("device")
@simulation
def recover(site: Simulation, device: str) -> None:
    """Have a DEVICE behave again.

    \b
    Example:
      armoury simulate recover store-reader
    """
    site.tell(device, "recover")


@simulate.command(name="tell")
@click.argument("device")
@click.argument("verb")
@click.argument("params", nargs=-1, metavar="[KEY=VALUE]...")
@simulation
def tell_device(site: Simulation, device: str, verb: str, params: tuple[str, ...]) -> None:
    """Tell a DEVICE's simulator anything it knows.

    Its answer is shown as JSON. Each VALUE is JSON, or else a text. The verb `help` lists all
    others.

    \b
    Examples:
      armoury simulate tell board help
      armoury simulate tell board bounce pin=17 hz=1000 for_ms=500
    """
    given = dict(options.parameter(param) for param in params)
    answer = site.tell(device, verb, **given)
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


@simulate.command()
@click.argument("file", type=click.Path(path_type=Path))
@simulation
def start(site: Simulation, file: Path) -> None:
    """Start every simulator of a site FILE.

    They run in the foreground; Ctrl-C stops them all.

    \b
    Examples:
      armoury simulate start config/demo.toml
      armoury simulate --run /tmp/lab start lab.toml
    """
    load(file)
    words = ["-m", "simulators.site", str(file), "--run", str(site.run)]
    os.execv(sys.executable, [sys.executable, *words])  # noqa: S606 - our own program
