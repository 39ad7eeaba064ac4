"""What the tables of the site half are made of: frozen, strict, bounds at the field.

What no single field shows, `mistakes` says (all of it, not only the first); what must exist in
the device half, `references` lists. The configuration turns both into located errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, TypeAlias

from msgspec import Struct
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Key: TypeAlias = tuple[str | int, ...]
# The descriptions are what a mistake's remedy says: "write an id of ...".
Id = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}$",
        description="an id: small letters, digits and -, at most 32",
    ),
]
Ref = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}\.[a-z0-9][a-z0-9_-]{0,31}$",
        description='a "device.point"',
    ),
]
# A hidden alarm's begins with a d.
AlarmNumber = Annotated[
    str, Field(pattern=r"^d?[0-9]{1,12}$", description="an alarm's number, such as 12")
]
EMPTY = "empty"
# A weapon's serial; "empty" for a slot without one.
Serial = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./_-]{0,31}$",
        description='a serial: letters, digits and . / _ -, at most 32; or "empty"',
    ),
]
Role = Literal["officer", "technician", "guard", "response", "visitor"]
Factor = Literal["finger", "card", "pin"]
Supervision = Literal["eol", "nc", "none"]
# One device's id, or a list of them.
Ids = Annotated[
    tuple[Id, ...],
    Field(strict=False, min_length=1),
    BeforeValidator(lambda given: (given,) if isinstance(given, str) else given),
]


class Mistake(Struct, frozen=True):
    """What no single field shows.

    Attributes:
        key: the path inside the model that was asked: ("reader_out",) of a door,
            ("door", 0, "area") of the plan.
        found: what stands there.
        remedy: what would be right.
        nouns: where an id is wrong, the tables that it should be of.
        fits: the ids that would be right.
        by: other keys that it was judged by; where one of them is wrong, nothing is sure.
    """

    key: Key
    found: str
    remedy: str
    nouns: tuple[str, ...] = ()
    fits: frozenset[str] = frozenset()
    by: tuple[Key, ...] = ()


class Reference(Struct, frozen=True):
    """Something the device half must offer.

    Attributes:
        key: where the site half says it: ("door", 0, "contact").
        kind: what it must be. `point` and `output`: `ref` is "device.point"; `reader` and
            `camera`: `ref` is a device's id.
        ref: what is referred to.
        needs: kinds of credential that the readers of the same `key` must offer, together.
        on_s: the longest that an output will be asked to be on.
        fails_off: whether an output must be off in its fail state.
        opens: whether somebody gets in while an output is on.
        always_on: whether an output is on for as long as the daemon lives.
        supervision: of a point, what a cut wire must show; None where that does not matter.
        by: other keys of the same table that say what is asked of it.
    """

    key: Key
    kind: Literal["point", "output", "reader", "camera"]
    ref: str
    needs: frozenset[str] = frozenset()
    on_s: int = 0
    fails_off: bool = False
    opens: bool = False
    always_on: bool = False
    supervision: Supervision | None = None
    by: tuple[str, ...] = ()


class Table(BaseModel):
    """What all tables of the site half share."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    def mistakes(self) -> Iterable[Mistake]:
        """Yield what no single field shows."""
        return ()

    def references(self) -> Iterable[Reference]:
        """Yield what the device half must offer."""
        return ()


class Named(Table):
    """A table of which there may be many: `[[door]]`."""

    id: Id
