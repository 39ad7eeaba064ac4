"""Every state of a machine by every input: the tables in `states/`, one file a machine.

A file has a table a state, and in it a line an input: the kinds of what is told, or why the
command is refused; nothing is `[]`. A state or an input without its cell fails the test, so
whoever adds one says what it does everywhere.

    python -m tests.site.test_every_state    writes the tables anew; then read what changed
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.site.machines import MACHINES
from tests.site.more_machines import MORE

FOLDER = Path(__file__).parent / "states"
ALL = {**MACHINES, **MORE}


def written(name: str) -> Mapping[str, Mapping[str, list[str]]]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


def cells() -> Iterator[tuple[str, str]]:
    for name, machine in ALL.items():
        for state in machine.states:
            yield name, state


@pytest.mark.parametrize(("name", "state"), list(cells()))
def test_every_input_in_this_state(name: str, state: str) -> None:
    machine, table = ALL[name], written(name)
    found = {given: machine.cell(state, given) for given in machine.inputs}
    assert found == table[state]


@pytest.mark.parametrize("name", ALL)
def test_no_table_has_more_than_there_is(name: str) -> None:
    machine, table = ALL[name], written(name)
    assert list(table) == list(machine.states)
    assert all(list(row) == list(machine.inputs) for row in table.values())


def main() -> None:
    """Write the tables as the rules are now."""

    for name, machine in ALL.items():
        lines = []
        for state in machine.states:
            lines.append(f'["{state}"]')
            for given in machine.inputs:
                told = ", ".join(f'"{one}"' for one in machine.cell(state, given))
                lines.append(f'"{given}" = [{told}]')
            lines.append("")
        (FOLDER / f"{name}.toml").write_text("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
