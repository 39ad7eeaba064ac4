"""`armoury check`: what is wrong with a site file, before anything runs on it."""

from __future__ import annotations

import json
from pathlib import Path

import click
from msgspec.structs import asdict

from agent.cli import options
from agent.config.mistakes import SiteFileMistake, SiteFileMistakes


@click.command()
@click.argument("file", type=click.Path(path_type=Path, readable=False), required=False)
@options.as_json
def check(file: Path | None, *, as_json: bool) -> None:
    """Name every mistake in a site FILE, with its line and remedy.

    Nothing is started and no hardware is touched. Without FILE the gateway's own file is
    checked ($ARMOURY_SITE, /etc/armoury/site.toml). Of the certificates, keys and passwords that
    it names, those on this machine are looked at; one that is not here is a warning.

    \b
    Examples:
      armoury check config/minimal.toml
      armoury check --json site.toml | jq '.mistakes[].line'

    Exit status: 0 without a mistake, warnings or not; else 2.
    """
    from agent.config.sitefile import load
    from agent.uplink import doubts

    path = file or options.default_site()
    try:
        site_file = load(path, doubts.of_files)
    except SiteFileMistakes as error:
        if not as_json:
            raise
        _say({"file": str(path), "ok": False, "mistakes": [_plain(m) for m in error.mistakes]})
        click.get_current_context().exit(2)
    plan = site_file.plan
    found = {
        "device": len(site_file.devices),
        "area": len(plan.area),
        "door": len(plan.door),
        "zone": len(plan.zone),
        "panic button": len(plan.panic),
        "rack": len(plan.rack),
        "camera": len(plan.camera),
        "path": len(site_file.paths),
    }
    warnings = site_file.warnings
    if as_json:
        plain = [_plain(warning) for warning in warnings]
        _say(
            {"file": str(path), "ok": True, "site": plan.site.id, "found": found, "warnings": plain}
        )
        return
    for warning in warnings:
        click.echo(f"{warning} (a warning)", err=True)
    simulated = sum(device.simulated for device in site_file.devices)
    counted = ", ".join(_counted(count, noun) for noun, count in found.items() if count)
    beside = f" ({simulated} simulated)" if simulated else ""
    click.echo(f"{path}: {plan.site.name} is in order: {counted}{beside}")


def _plain(mistake: SiteFileMistake) -> dict[str, object]:
    return asdict(mistake) | {"file": str(mistake.file)}


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def _say(answer: object) -> None:
    click.echo(json.dumps(answer, ensure_ascii=False))
