"""docs/cli.md tells of every command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from agent.cli.group import COMMANDS, armoury
from agent.cli.simulate import simulate

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs" / "cli.md").read_text()
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "drivers").glob("*/README.md")),
]


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


def asked() -> Iterator[tuple[str, str]]:
    """Yield every command that a page writes down, with where it does."""
    for page in PAGES:
        text = page.read_text()
        for found in re.finditer(r"(?:`|^|\$ |/bin/)armoury ([a-z][^`\n]*)", text, re.MULTILINE):
            if found[1].split()[0] in COMMANDS:
                where = f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}"
                yield where, found[1]


def test_what_the_pages_tell_to_type_can_be_typed() -> None:
    found = list(asked())
    assert len(found) > 50
    assert [f"{where}: armoury {words}" for where, words in found if not exists(words)] == []


def exists(words: str) -> bool:
    """Say whether there is such a command (`a|b`: there are such), with all its options."""
    name, *rest = words.split()
    commands = [armoury.get_command(click.Context(armoury), name)]
    if isinstance(group := commands[0], click.Group) and rest and rest[0][0].isalpha():
        commands = [group.commands.get(inner) for inner in rest[0].rstrip(".,;:").split("|")]
    options = {
        option
        for command in commands
        if command is not None
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    wanted = set(re.findall(r"(?<!\S)\[?(--[a-z-]+)", words)) - {"--help"}
    return None not in commands and wanted <= options
