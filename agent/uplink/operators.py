"""`[[operator]]` of the site file: who may give commands over the feed, and which."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from agent.journal.note import NoteRefused, Verifier
from agent.site.commands import COMMANDS
from agent.site.inputs import Origin
from agent.site.table import Mistake, Named

REMOTE = sorted(name for name, row in COMMANDS.items() if Origin.MONITOR in row.origins)


class OperatorOptions(Named):
    """Somebody at the monitor.

    Attributes:
        name: for whoever reads the site file.
        key: public key (Ed25519) as `armoury operator keygen` prints it: NAME+ID+BASE64, the
            name being the operator's id.
        rights: commands that this operator may give: "alarm.acknowledge", "alarm.*", "*".
    """

    name: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    key: Annotated[str, Field(min_length=1, max_length=200)]
    rights: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]

    def mistakes(self) -> Iterable[Mistake]:
        try:
            name = Verifier.parse(self.key).name
        except NoteRefused as error:
            yield Mistake(("key",), str(error), "the line that armoury operator keygen printed")
        else:
            if name != self.id:
                yield Mistake(("key",), f"the key of {name}", f"the key of {self.id}")
        for right in self.rights:
            if not any(grants(right, command) for command in REMOTE):
                yield Mistake(("rights",), right, f"one of: {', '.join(REMOTE)}")


def grants(right: str, command: str) -> bool:
    """Return whether a right covers a command."""
    if right.endswith("*"):
        return command.startswith(right[:-1]) and right[-2:-1] in ("", ".")
    return right == command


def mistakes(operators: Iterable[OperatorOptions]) -> Iterable[Mistake]:
    """Yield what is wrong with the operators; keys begin with the place in the file."""
    ids: set[str] = set()
    keys: set[str] = set()
    for place, operator in enumerate(operators):
        for found in operator.mistakes():
            yield Mistake((place, *found.key), found.found, found.remedy)
        if operator.id in ids:
            yield Mistake((place, "id"), operator.id, "another id: an operator has it already")
        if operator.key.rpartition("+")[2] in keys:
            yield Mistake((place, "key"), "the key of another operator", "a key of their own")
        ids.add(operator.id)
        keys.add(operator.key.rpartition("+")[2])
