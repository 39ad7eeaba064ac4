"""What a site file says of a ZFM-20 / R30x fingerprint reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from drivers.contract import Claim, Mistake, Offers, Within

LIBRARIES = ("pyfingerprint", "serial")
STEP_BAUD = 9600  # the module keeps its baud rate as a multiple of this, 1 to 12
LARGEST = 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True)
class Options:
    """The reader's table in the site file.

    Attributes:
        port: the serial port, by a name that stays ("/dev/serial/by-id/...").
        baud: as the module is set; 57600 from the factory.
        address: the module's; 0xFFFFFFFF from the factory.
        password: the module's; 0 from the factory, which opens every module of the shop.
        security: how strictly the module matches, 1 (lax) to 5.
        threshold: a match with a lower score is reported as an unknown finger.
        poll_ms: how often the module is asked for a finger.
        covered_s: when something lies on the window for so long, `window` is in alarm.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    port: Annotated[str, Within(1, 255)]
    baud: Annotated[int, Within(STEP_BAUD, 12 * STEP_BAUD)] = 57600
    address: Annotated[int, Within(0, LARGEST)] = LARGEST
    password: Annotated[int, Within(0, LARGEST)] = field(default=0, repr=False)
    security: Annotated[int, Within(1, 5)] = 3
    threshold: Annotated[int, Within(0, 0xFFFF)] = 50
    poll_ms: Annotated[int, Within(20, 1000)] = 150
    covered_s: Annotated[int, Within(1, 600)] = 30

    def offers(self) -> Offers:
        return Offers(
            points=frozenset({"window"}),
            readers=frozenset({"finger"}),
            claims=(Claim(self.port, "port"),),
        )

    def mistakes(self) -> Iterable[Mistake]:
        if self.baud % STEP_BAUD:
            nearest = round(self.baud / STEP_BAUD) * STEP_BAUD
            yield Mistake("baud", str(self.baud), f"a multiple of {STEP_BAUD}, such as {nearest}")
