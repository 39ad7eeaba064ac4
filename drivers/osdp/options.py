"""What a site file says of an OSDP reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from drivers.contract import Claim, Mistake, Offers, Within

LIBRARIES = ("osdp", "serial")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The reader's table in the site file.

    Attributes:
        port: the serial port of the RS-485 adapter, by a name that stays.
        baud: as the reader is set; 9600 from the factory.
        address: the reader's on its bus.
        key_file: a file with the base key of the secure channel alone, 32 hexadecimal digits.
        install: give a new reader this key. Everybody knows the one that it comes with: take the
            line out again as soon as the reader is ready.
        reads: what people present here.
        pin_s: a PIN that nobody goes on with for so long is forgotten.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    port: Annotated[str, Within(1, 255)]
    baud: Literal[9600, 19200, 38400, 57600, 115200, 230400] = 9600
    address: Annotated[int, Within(0, 126)] = 0
    key_file: Annotated[str, Within(1, 4000)]
    install: bool = False
    reads: tuple[Literal["card", "pin"], ...] = ("card", "pin")
    pin_s: Annotated[int, Within(3, 30)] = 10

    def offers(self) -> Offers:
        return Offers(
            points=frozenset({"tamper", "supply"}),
            readers=frozenset(self.reads),
            claims=(Claim(self.port, "port"),),
        )

    def mistakes(self) -> Iterable[Mistake]:
        if not self.reads:
            yield Mistake("reads", "nothing", 'write ["card", "pin"], or one of them')
