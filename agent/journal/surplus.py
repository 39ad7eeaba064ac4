"""Which evidence is given up: what is older than its camera's is kept, the oldest for room.

Never what belongs to an open alarm. Pure: what there is, and the present, are arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from agent.site.moment import Moment

DAY_US = 86_400_000_000


class Item(Struct, frozen=True):
    """A file of evidence that is on the disk, and the event that names it.

    Attributes:
        seq: the event's number.
        at_us: when it was recorded (UTC).
        sha256: the file's digest, and name.
        size: in bytes.
        data: the event's.
    """

    seq: int
    at_us: int
    sha256: str
    size: int
    data: Mapping[str, Any]

    @property
    def hidden(self) -> bool:
        """Whether nothing on site may show it."""
        return self.data.get("hidden") is True

    @property
    def camera(self) -> str:
        """Return the camera whose it is."""
        return str(self.data.get("camera", ""))

    def is_of(self, alarms: frozenset[str]) -> bool:
        """Return whether it is of any of these alarms."""
        return not alarms.isdisjoint(self.data.get("alarms", ()))


def old(
    items: Sequence[Item], keep_d: Mapping[str, int], needed: frozenset[str], now: Moment
) -> list[Item]:
    """Return what is older than its camera's is kept.

    Args:
        items: all there are.
        keep_d: days, by camera; of a camera that is no more, everything stays until there is no
            room.
        needed: the open alarms: what is of any of them stays.
        now: the present, as age is counted (`ageing`); without a trusted clock nothing is old.
    """
    if not now.trusted:
        return []
    return [
        item
        for item in items
        if item.camera in keep_d
        and item.at_us < now.utc_us - keep_d[item.camera] * DAY_US
        and not item.is_of(needed)
    ]


def oldest(items: Sequence[Item], needed: frozenset[str], size: int) -> list[Item]:
    """Return the oldest that are of no open alarm, until they are so many bytes.

    Args:
        items: the oldest first.
        needed: the open alarms.
        size: bytes; none or less for nothing.
    """
    found: list[Item] = []
    for item in items:
        if size <= 0:
            break
        if not item.is_of(needed):
            found.append(item)
            size -= item.size
    return found
