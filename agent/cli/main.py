"""`armoury`: the command itself. Each group of commands is loaded when it is used."""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Mapping

import click

from agent.config.mistakes import SiteFileMistakes
from agent.control import ControlError, DaemonAbsent

EXIT_NO = 1
EXIT_WRONG_USE = 2
EXIT_NO_DAEMON = 3
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

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
      3    no daemon answers
      130  interrupted
    """


def main() -> int:
    """Run the command line; return the exit status."""
    try:
        status = armoury.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SiteFileMistakes as error:
        click.echo(str(error), err=True)
        return EXIT_WRONG_USE
    except ControlError as error:
        click.echo(f"Error: {error}", err=True)
        return EXIT_NO_DAEMON if isinstance(error, DaemonAbsent) else EXIT_NO
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except OSError as error:
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        why = f"Error: what there is to say cannot be written ({error.strerror})"
        click.echo(f"{why}; make room, or write it elsewhere", err=True)
        return EXIT_NO
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    sys.exit(main())
