"""The commands of `armoury`. Each group of them is loaded when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

# In the order in which help lists them: module and name of each command.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "check": ("agent.cli.check", "check"),
    "run": ("agent.cli.run", "run"),
    "reload": ("agent.cli.reload", "reload"),
    "status": ("agent.cli.status", "status"),
    "watch": ("agent.cli.watch", "watch"),
    "events": ("agent.cli.events", "events"),
    "feed": ("agent.cli.feed", "feed"),
    "journal": ("agent.cli.journal", "journal"),
    "evidence": ("agent.cli.evidence", "evidence"),
    "alarm": ("agent.cli.alarm", "alarm"),
    "area": ("agent.cli.area", "area"),
    "door": ("agent.cli.door", "door"),
    "lockdown": ("agent.cli.lockdown", "lockdown"),
    "zone": ("agent.cli.zone", "zone"),
    "panic": ("agent.cli.panic", "panic"),
    "count": ("agent.cli.count", "count"),
    "technician": ("agent.cli.technician", "technician"),
    "walk": ("agent.cli.walk", "walk"),
    "device": ("agent.cli.device", "device"),
    "test": ("agent.cli.prooftest", "test"),
    "power": ("agent.cli.power", "power"),
    "person": ("agent.cli.person", "person"),
    "reader": ("agent.cli.reader", "reader"),
    "command": ("agent.cli.command", "command"),
    "operator": ("agent.cli.operator", "operator"),
    "simulate": ("agent.cli.simulate", "simulate"),
    "demo": ("agent.cli.demo", "demo"),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for, so that each costs its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="armoury-agent", help="Say which version this is.")
def armoury() -> None:
    """The daemon of an armoury, and everything a technician does with it.

    The commands talk to the running daemon over its socket; check, run, feed, journal, evidence,
    operator, simulate and demo need none. --json, where there is one, is for scripts.

    \b
    Start here:
      armoury check config/reference.toml   what is wrong with a site file
      armoury status                        the whole site, as it is now
      armoury watch                         the same, live
      armoury demo                          a simulated armoury, with nothing wired

    \b
    Exit status:
      0    done; the answer is yes
      1    the answer is no, or it could not be done
      2    wrong use, or a site file with mistakes
      3    no daemon answers; what it was sent to do may be done all the same
      130  interrupted
    """


def dispatch() -> int:
    """Run what the command line says; return the exit status.

    Raises:
        SiteFileMistakes: a site file has mistakes.
        ControlError: the daemon does not do as asked.
        KeyboardInterrupt: whoever was asked something wants no more.
    """
    try:
        status = armoury.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as error:
        click.echo(err=True)  # the question stands on a line that nobody ended
        if not isinstance(error.__context__, EOFError):
            raise KeyboardInterrupt from error
        click.echo("Error: nobody answers: the input has ended; run it on a terminal", err=True)
        return 1
    return status if isinstance(status, int) else 0
