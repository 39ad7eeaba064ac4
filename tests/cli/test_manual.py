"""docs/cli.md tells of every command."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from agent.cli.main import COMMANDS, armoury
from agent.cli.simulate import simulate

MANUAL = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_manual(name: str) -> None:
    assert f"**`armoury {name}" in MANUAL
    group = armoury.get_command(click.Context(armoury), name)
    if isinstance(group, click.Group) and group is not simulate:
        for inner in group.commands:
            assert inner in MANUAL.partition(f"`armoury {name} ")[2].partition("`")[0]


@pytest.mark.parametrize("name", simulate.commands)
def test_every_move_is_in_the_manual(name: str) -> None:
    assert f"`{name}" in MANUAL.partition("## Playing")[2]
